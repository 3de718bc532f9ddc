"""The survey of arXiv 2306.17844: how many accurate networks can be explained?

    python -m benchmarks.explainer.survey train --layers 1   # resumable; --part 1/2 shares the work
    python -m benchmarks.explainer.survey judge --layers 1   # explains what has been trained
    python -m benchmarks.explainer.survey report             # table and figure

None is left out but for accuracy. `train` leaves a run directory for each network; `judge` writes a
line for each to `results/survey.jsonl`, in the order of their seeds; `report` reads these lines and
those of the nulls. `--form gpu` is the wide form, see `survey_plan`.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.explainer.baseline import baselines
from benchmarks.explainer.survey_plan import FormName, plans
from benchmarks.explainer.survey_report import report
from grokscope.experiment import Run, load
from grokscope.experiment.run import resume_run, start_run
from grokscope.explanation import explain, legacy

RESULTS = Path(__file__).parent / "results" / "survey.jsonl"
_SHAPE = ("d_model", "attention_rate", "activation", "separate_vocab", "equals_token")


def train(form: FormName, n_layers: int, part: tuple[int, int], runs: Path) -> None:
    """Train the networks of one part that have not been trained."""
    known = {run.plan: run for run in _stored(runs)}
    which, of = part
    for plan in plans(form, n_layers)[which - 1 :: of]:
        run = known.get(plan)
        if run is None:
            run = start_run(plan, runs)
        elif run.state != "finished":
            run = resume_run(run.directory)
        found = run.networks[0]
        print(plan.base.seed, found["label"], found["train_acc"], found["test_acc"], flush=True)


def judge(form: FormName, n_layers: int, runs: Path) -> None:
    """Explain every trained network and write its line in the place of an older one."""
    rows = {(row["layers"], row["seed"], row["steps"]): row for row in read_rows()}
    known = {run.plan: run for run in _stored(runs) if run.state == "finished"}
    for plan in plans(form, n_layers):
        if plan in known:
            row = _row(known[plan], n_layers)
            rows[row["layers"], row["seed"], row["steps"]] = row
            print(row["seed"], row["verdict"], row["label"], list(row["failed"]), flush=True)
    lines = [json.dumps(rows[key], allow_nan=False) for key in sorted(rows)]
    RESULTS.write_text("\n".join(lines) + "\n")


def read_rows() -> list[dict[str, Any]]:
    """The networks judged so far."""
    return (
        [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []
    )


def _row(run: Run, n_layers: int) -> dict[str, Any]:
    config, summary, subject = run.plan.base, run.networks[0], run.subject(0)
    found = explain(subject)
    document = found.to_dict()
    for circle in document["circles"]:
        del circle["profile"]
    tests = {test.name: [_rounded(test.value), _rounded(test.threshold)] for test in found.failed}
    return {
        "seed": config.seed,
        "layers": n_layers,
        "steps": config.training.steps,
        "train_fraction": config.task.train_fraction,
        **{name: getattr(config.model, name) for name in _SHAPE},
        "grokked_step": summary["grokked_step"],
        "memorized_step": summary["memorized_step"],
        "explained_step": run.explained_step(0),
        "verdict": found.verdict,
        "grade": found.grade,
        "label": found.label,
        "failed": tests,
        "baselines": asdict(baselines(subject)),
        "legacy": legacy(subject).to_dict(),
        "explanation": {
            key: document[key]
            for key in (
                "accuracy",
                "certified",
                "certified_share",
                "circles",
                "parts",
                "thresholds",
            )
        }
        | {"tests": {t.name: _rounded(t.value) for t in found.tests}},
    }


def _rounded(value: float) -> float | None:
    return None if value != value else round(value, 5)


def _stored(runs: Path) -> Iterator[Run]:
    """The runs of the survey in a folder."""
    for path in sorted(runs.glob("*-survey-zhong2023-*")):
        yield load(path.name, runs)


def _part(text: str) -> tuple[int, int]:
    which, _, of = text.partition("/")
    return int(which), int(of)


def main(arguments: Sequence[str] | None = None) -> None:
    """One of the three."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.explainer.survey")
    parser.add_argument("what", choices=("train", "judge", "report"))
    parser.add_argument("--layers", type=int, default=1, choices=(1, 2, 3, 4))
    parser.add_argument("--form", default="cpu", choices=("cpu", "gpu"))
    parser.add_argument("--part", type=_part, default=(1, 1), help="2/3: the second of three")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    given = parser.parse_args(arguments)
    if given.what == "train":
        train(given.form, given.layers, given.part, given.runs)
    elif given.what == "judge":
        judge(given.form, given.layers, given.runs)
    else:
        print(report(read_rows()))


if __name__ == "__main__":
    main()
