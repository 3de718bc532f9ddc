"""Collect the runs of a study, and write the tables of all.

python -m benchmarks.studies collect sweeps/study-phases --as phases
python -m benchmarks.studies collect runs/study-forks/<fork> --as forks
python -m benchmarks.studies report
"""

import argparse
import json
from pathlib import Path

from benchmarks.studies import critical, exponent, phases, rows, window
from grokscope.experiment import load
from grokscope.sweep import find_sweep
from grokscope.sweep.folder import HEADER_NAME

STUDIES = {"phases": phases, "exponent": exponent, "critical": critical, "window": window}


def main() -> None:
    """Read the command line, do it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.studies")
    commands = parser.add_subparsers(dest="command", required=True)
    collect = commands.add_parser("collect")
    collect.add_argument("path", type=Path)
    collect.add_argument("--as", dest="name", required=True)
    commands.add_parser("report")
    arguments = parser.parse_args()
    if arguments.command == "report":
        report()
    elif (arguments.path / HEADER_NAME).is_file():
        print(rows.write(arguments.name, rows.of_sweep(find_sweep(arguments.path))))
    else:
        print(rows.write(arguments.name, rows.of_fork(load(arguments.path))))


def report() -> None:
    """Compute every study anew from its rows; write a JSON file and print its table."""
    for name, study in STUDIES.items():
        found = study.document()
        path = rows.RESULTS / f"{name}.json"
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(f"\n## {name}\n\n{study.page(found)}")


if __name__ == "__main__":
    main()
