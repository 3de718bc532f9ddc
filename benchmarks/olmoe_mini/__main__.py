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
from typing import Any

from benchmarks.olmoe_mini import tables
from grokscope.llm.local_grokking import local_grokking
from grokscope.llm.monitor_run import MonitorRun
from grokscope.recipes.olmoe_mini.arm import MAIN
from grokscope.recipes.olmoe_mini.form import FORMS, form_of
from grokscope.recipes.olmoe_mini.questions import answers
from grokscope.recipes.olmoe_mini.record import Record, read_records, record_of, write_records
from grokscope.recipes.olmoe_mini.study import Study
from grokscope.store import RunDirectory

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
    _write(document, RESULTS / f"{form}.json")
    _write(published(study), RESULTS / f"{form}-groups.json")
    return RESULTS / f"{form}.csv"


def published(study: Study) -> list[dict[str, Any]]:
    """The published analysis by groups, of every domain of the subject's runs."""
    found: list[dict[str, Any]] = []
    for (arm, seed), directory in sorted(study.finished().items()):
        if arm != MAIN:
            continue
        run, texts = MonitorRun(directory), _texts(directory)
        for domain in record_of(directory).domains:
            own = local_grokking(run, domain, texts)
            found.append({"seed": seed, "domain": domain, **asdict(own)})
    return found


def recorded_groups(form: str) -> list[dict[str, Any]]:
    """What was kept of the published analysis; none if the form was not run."""
    path = RESULTS / f"{form}-groups.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def _texts(directory: RunDirectory) -> list[str]:
    """Of all probes, in their order."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(directory.path / "tokenizer.json"))
    stored = directory.splits()
    ends = stored["probe_lengths"].cumsum(0).tolist()
    tokens = stored["probe_tokens"].tolist()
    bounds = zip([0, *ends], ends, strict=False)
    return tokenizer.decode_batch([tokens[start:end] for start, end in bounds])


def _write(document: list[dict[str, Any]], path: Path) -> None:
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def recorded(form: str) -> list[Record]:
    """What was kept of a form; none if it was not run."""
    path = RESULTS / f"{form}.csv"
    return read_records(path) if path.exists() else []


def page() -> str:
    """The page, with its tables."""
    text = TEMPLATE.read_text(encoding="utf-8")
    records = recorded("cpu")
    found = answers(records, form_of("cpu").items)
    for name, table in tables.of_cpu(records, found, recorded_groups("cpu")).items():
        text = text.replace(f"<!-- {name} -->", table)
    return text


if __name__ == "__main__":
    main()
