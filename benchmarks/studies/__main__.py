"""Collect the runs of a study, and write the page of all: docs/studies.md.

python -m benchmarks.studies collect sweeps/study-phases --as phases
python -m benchmarks.studies collect runs/study-forks/<fork> --as forks
python -m benchmarks.studies report
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.studies import critical, crossed, exponent, phases, rows, window
from grokscope.experiment import load
from grokscope.sweep import find_sweep
from grokscope.sweep.folder import HEADER_NAME

TEMPLATE = Path(__file__).with_name("studies.md")
PAGE = Path(__file__).parents[2] / "docs" / "studies.md"
STUDIES: dict[str, Any] = {
    "phases": phases,
    "exponent": exponent,
    "critical": critical,
    "window": window,
    "crossed": crossed,
}


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
    """Compute every study anew from its rows; write a JSON file for each, and the page."""
    found = {name: study.document() for name, study in STUDIES.items()}
    for name, document in found.items():
        path = rows.RESULTS / f"{name}.json"
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(found), encoding="utf-8")
    print(PAGE)


def page(found: Mapping[str, Any]) -> str:
    """The page of the studies, with its tables."""
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, document in found.items():
        text = text.replace(f"<!-- {name} -->", STUDIES[name].page(document))
    return text


if __name__ == "__main__":
    main()
