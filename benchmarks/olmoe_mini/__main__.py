"""Collect the runs of the study, and write its page: docs/olmoe-mini.md.

    grokscope study olmoe-mini --form cpu --workers 2
    python -m benchmarks.olmoe_mini collect studies/olmoe-mini-cpu --as cpu
    python -m benchmarks.olmoe_mini report
    python -m benchmarks.olmoe_mini.figures

`collect` keeps the series of every run; everything else is computed from them.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from benchmarks.olmoe_mini import tables
from grokscope.recipes.olmoe_mini.form import FORMS, form_of
from grokscope.recipes.olmoe_mini.questions import answers
from grokscope.recipes.olmoe_mini.record import Record, read_records, write_records
from grokscope.recipes.olmoe_mini.study import Study

HERE = Path(__file__).parent
TEMPLATE = HERE / "olmoe-mini.md"
RESULTS = HERE / "results"
PAGE = HERE.parents[1] / "docs" / "olmoe-mini.md"


def main() -> None:
    """Read the command line, do it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.olmoe_mini")
    commands = parser.add_subparsers(dest="command", required=True)
    collect = commands.add_parser("collect")
    collect.add_argument("path", type=Path)
    collect.add_argument("--as", dest="form", choices=FORMS, required=True)
    commands.add_parser("report")
    arguments = parser.parse_args()
    if arguments.command == "report":
        PAGE.write_text(page(), encoding="utf-8")
        print(PAGE)
    else:
        print(keep(arguments.path, arguments.form))


def keep(path: Path, form: str) -> Path:
    """Keep the series of the finished runs, and the answers that they give."""
    study = Study(form=form_of(form), out=path)
    records = study.records()
    RESULTS.mkdir(exist_ok=True)
    write_records(records, RESULTS / f"{form}.csv")
    document = [asdict(answer) for answer in answers(records, study.form.items)]
    file = RESULTS / f"{form}.json"
    file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return RESULTS / f"{form}.csv"


def recorded(form: str) -> list[Record]:
    """What was kept of a form; none if it was not run."""
    path = RESULTS / f"{form}.csv"
    return read_records(path) if path.exists() else []


def page() -> str:
    """The page, with its tables."""
    text = TEMPLATE.read_text(encoding="utf-8")
    records = recorded("cpu")
    found = answers(records, form_of("cpu").items)
    for name, table in tables.of_cpu(records, found).items():
        text = text.replace(f"<!-- {name} -->", table)
    return text


if __name__ == "__main__":
    main()
