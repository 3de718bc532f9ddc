"""The survey of arXiv 2306.17844: how many accurate networks can be explained?

    python -m benchmarks.explainer.survey train --layers 1   # resumable; --part 1/2 shares the work
    python -m benchmarks.explainer.survey judge --layers 1   # explains what has been trained
    python -m benchmarks.explainer.survey both --layers 1 --workers 2    # run by run, none is kept
    python -m benchmarks.explainer.survey report             # table and figure

None is left out but for accuracy. `train` leaves its run directories; `judge` writes a line for
each network to `results/survey.jsonl`, in the order of their seeds; `report` reads these lines and
those of the nulls. `--form gpu` is the wide form, see `survey_plan`; its results are those of
`results/survey-wide.*`.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from dataclasses import asdict
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from benchmarks.explainer.baseline import baselines
from benchmarks.explainer.failures import failed_tests, rounded
from benchmarks.explainer.survey_plan import FormName, plans
from benchmarks.explainer.survey_report import NAMES, report
from benchmarks.explainer.trained import stored, trained
from grokscope.experiment import Plan, Run, load
from grokscope.explanation import explain, legacy

RECIPE = "survey-zhong2023"
RESULTS = Path(__file__).parent / "results"
_SHAPE = ("d_model", "attention_rate", "activation", "separate_vocab", "equals_token")


def train(wanted: Sequence[Plan], runs: Path) -> None:
    """Train what has not been trained."""
    known = {run.plan: run for run in stored(runs, RECIPE)}
    for plan in wanted:
        for found in trained(plan, known.get(plan), runs).networks:
            print(found["seed"], found["label"], found["train_acc"], found["test_acc"], flush=True)


def judge(wanted: Sequence[Plan], runs: Path, form: FormName) -> None:
    """Explain every trained network and write its line in the place of an older one."""
    known = {run.plan: run for run in stored(runs, RECIPE) if run.state == "finished"}
    for plan in wanted:
        if plan in known:
            write_rows(_rows(known[plan]), form)


def both(wanted: Sequence[Plan], runs: Path, form: FormName, workers: int) -> list[str]:
    """Train and judge what has not been judged, and remove each run then; what went wrong.

    A third of the processes train, the others judge.
    """
    known = {(row["seed"], row["steps"]) for row in read_rows(form)}
    left = [p for p in wanted if (p.base.seed, p.base.training.steps) not in known]
    left.sort(key=_work, reverse=True)  # so that in the end none is waited for
    trainers = max(1, workers // 3)
    wrong: list[str] = []
    with (
        _processes(trainers) as train,
        _processes(max(1, workers - trainers)) as judges,
        ThreadPoolExecutor(len(left) or 1) as waiters,
    ):
        trained = {plan: train.submit(_trained_apart, plan, runs) for plan in left}
        jobs = {waiters.submit(_judged, job, judges): plan for plan, job in trained.items()}
        for job in as_completed(jobs):
            if error := job.exception():
                wrong.append(f"seed {jobs[job].base.seed}: {error!r}")
            else:
                write_rows(job.result(), form)
    return wrong


def _processes(count: int) -> ProcessPoolExecutor:
    context = get_context("spawn")  # a device cannot be used in a fork
    return ProcessPoolExecutor(count, context, torch.set_num_threads, (1,))


def _trained_apart(plan: Plan, runs: Path) -> Path:
    """The folder of a trained run that has a folder of runs to itself."""
    own = runs / f"{plan.base.seed}-{plan.base.training.steps}"
    return trained(plan, next(stored(own, RECIPE), None), own).path


def _judged(job: "Future[Path]", judges: ProcessPoolExecutor) -> list[dict[str, Any]]:
    """The lines of a run once it is trained; nothing else is left of it."""
    path = job.result()
    networks = range(len(load(path).plan.networks))
    rows = list(judges.map(_judged_one, repeat(path), networks))
    shutil.rmtree(path.parent)
    return rows


def _judged_one(path: Path, network: int) -> dict[str, Any]:
    """The line of one network of a run."""
    return _row(load(path), network)


def read_rows(form: FormName) -> list[dict[str, Any]]:
    """The networks judged so far."""
    path = _path(form)
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def write_rows(rows: Iterable[dict[str, Any]], form: FormName) -> None:
    """Put lines in the place of older ones, in the order of layers, seeds and steps."""
    known = {_key(row): row for row in read_rows(form)}
    for row in rows:
        known[_key(row)] = row
        print(*_key(row), row["verdict"], row["label"], list(row["failed"]), flush=True)
    lines = [json.dumps(known[key], allow_nan=False) for key in sorted(known)]
    _path(form).write_text("\n".join(lines) + "\n")


def _path(form: FormName) -> Path:
    return RESULTS / f"{NAMES[form]}.jsonl"


def _key(row: dict[str, Any]) -> tuple[int, int, int]:
    return row["layers"], row["seed"], row["steps"]


def _work(plan: Plan) -> int:
    """How much there is to multiply, in some unit."""
    model: Any = plan.base.model
    layers = getattr(model, "n_layers", 1)
    return layers * model.d_model**2 * plan.base.training.steps * len(plan.networks)


def _rows(run: Run) -> list[dict[str, Any]]:
    return [_row(run, network) for network in range(len(run.plan.networks))]


def _row(run: Run, network: int) -> dict[str, Any]:
    config, summary = run.plan.networks[network], run.networks[network]
    subject = run.subject(network)
    found = explain(subject)
    document = found.to_dict()
    for circle in document["circles"]:
        del circle["profile"]
    return {
        "seed": config.seed,
        "layers": getattr(config.model, "n_layers", 1),
        "steps": config.training.steps,
        "train_fraction": config.task.train_fraction,
        **{name: getattr(config.model, name) for name in _SHAPE},
        "grokked_step": summary["grokked_step"],
        "memorized_step": summary["memorized_step"],
        "explained_step": run.explained_step(network),
        "verdict": found.verdict,
        "grade": found.grade,
        "label": found.label,
        "failed": failed_tests(found),
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
        | {"tests": {t.name: rounded(t.value) for t in found.tests}},
    }


def _part(text: str) -> tuple[int, int]:
    which, _, of = text.partition("/")
    return int(which), int(of)


def main(arguments: Sequence[str] | None = None) -> None:
    """One of the four."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.explainer.survey")
    parser.add_argument("what", choices=("train", "judge", "both", "report"))
    parser.add_argument("--layers", type=int, nargs="+", default=[1], choices=(1, 2, 3, 4))
    parser.add_argument("--form", default="cpu", choices=tuple(NAMES))
    parser.add_argument("--part", type=_part, default=(1, 1), help="2/3: the second of three")
    parser.add_argument("--workers", type=int, default=2, help="processes, for `both`")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    given = parser.parse_args(arguments)
    which, of = given.part
    wanted = [p for n in given.layers for p in plans(given.form, n)[which - 1 :: of]]
    if given.what == "train":
        train(wanted, given.runs)
    elif given.what == "judge":
        judge(wanted, given.runs, given.form)
    elif given.what == "both":
        if wrong := both(wanted, given.runs, given.form, given.workers):
            sys.exit("\n".join(wrong))
    else:
        print(report(read_rows(given.form), given.form))


if __name__ == "__main__":
    main()
