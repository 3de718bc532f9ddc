"""Rows of a study: one for each run, collected from a sweep or a fork into a small CSV file."""

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grokscope.experiment import Run
from grokscope.statistics import NEVER, Wait
from grokscope.sweep import Results, Sweep

RESULTS = Path(__file__).parent / "results"
_FACTS = ("memorized_after", "memorized_step", "grokked_after", "grokked_step", "grokked_step_50")
_LABELS = {
    "label": "grokdef/1",
    "label_half": "grokdef/1 at half the budget",
    "label_90": "grokdef/1 at 0.9",
    "label_99": "grokdef/1 at 0.99",
    "liu": "liu2022",
    "liu_half": "liu2022 at half the budget",
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One run of a study.

    Attributes:
        settings: by full name, as numbers.
        seed: of the run.
        budget: 2 B, in steps.
        labels: by the names of `_LABELS`.
        facts: steps of events; NaN where an event was not reached.
        steps: trained.
        diverged: whether it did.
        final: accuracy on novel rows at the end.
    """

    settings: Mapping[str, float]
    seed: int
    budget: int
    labels: Mapping[str, str]
    facts: Mapping[str, float]
    steps: int
    diverged: bool
    final: float

    def wait(self, event: str, within: int | None = None) -> Wait:
        """Steps to an event, between two evaluations, or beyond what was watched."""
        step, after = self.facts[f"{event}_step"], self.facts[f"{event}_after"]
        limit = self.budget if within is None else within
        if math.isfinite(step) and step <= limit:
            return Wait(0.0 if math.isnan(after) else after, step)
        return NEVER if self.diverged else Wait.beyond(float(min(self.steps, limit)))

    def has_half(self, within: int) -> bool:
        """Whether test accuracy had reached one half, and held it, within some steps."""
        return self.facts["grokked_step_50"] <= within

    def delay(self) -> Wait:
        """Steps from memorisation to generalisation; censored where either was not reached."""
        memorized, grokked = self.wait("memorized"), self.wait("grokked")
        if grokked == NEVER or not math.isfinite(memorized.most):
            return NEVER if grokked == NEVER else Wait.beyond(0.0)
        least = max(0.0, grokked.least - memorized.most)
        if not math.isfinite(grokked.most):
            return Wait.beyond(least)
        return Wait(least, max(grokked.most - memorized.least, 1.0))


def of_sweep(sweep: Sweep) -> Iterator[dict[str, Any]]:
    """The rows of a finished sweep, as they stand in the file."""
    results = Results(sweep)
    device = sweep.header.base.training.device
    for result in results.all:
        cohort, _, index = result.run.partition("/")
        summary: Any = _summaries(sweep.runs / cohort)[int(index)]
        yield {
            **{name: results.value(result, name) for name in sweep.header.axes},
            **_common(summary, result.budget),
            "device": device,
        }


def of_fork(run: Run) -> Iterator[dict[str, Any]]:
    """The rows of a fork: every network of every branch."""
    origin: Any = run.plan.origin
    for summary in run.networks:
        config = run.plan.networks[summary["index"]]
        yield {
            "branch": summary["branch"],
            "task.train_fraction": config.task.train_fraction,
            "optimizer.weight_decay": config.optimizer.weight_decay,
            **_common(summary, config.training.steps),
            **_after(run, summary["index"], origin.step, config.training.steps),
            "device": config.training.device,
        }


def write(name: str, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Keep the rows of a study."""
    rows = list(rows)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def read(name: str) -> list[Row]:
    """The kept rows of a study.

    Raises:
        FileNotFoundError: it has not been collected.
    """
    with (RESULTS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [_row(own) for own in csv.DictReader(file)]


def column(rows: Sequence[Row], setting: str) -> list[float]:
    """A setting of every row."""
    return [row.settings[setting] for row in rows]


_CACHE: dict[Path, list[dict[str, Any]]] = {}


def _summaries(path: Path) -> list[dict[str, Any]]:
    from grokscope.store import RunDirectory

    if path not in _CACHE:
        _CACHE[path] = sorted(RunDirectory(path).summary, key=lambda row: int(str(row["index"])))
    return _CACHE[path]


def _common(summary: Mapping[str, Any], budget: int) -> dict[str, Any]:
    labels = {"grokdef/1": summary["label"], **summary["other_labels"]}
    return {
        "seed": summary["seed"],
        "budget": budget,
        **{short: labels[rule] for short, rule in _LABELS.items()},
        **{name: summary[name] for name in _FACTS},
        "steps": summary["steps"],
        "diverged": summary["stop_reason"] == "diverged",
        "final": _rounded(summary["test_acc_novel"]),
    }


def _after(run: Run, network: int, start: int, end: int) -> dict[str, Any]:
    """Accuracy on novel rows half-way through what came after a fork."""
    curves = run.directory.curves(["network", "step", "test/acc_novel"])
    own = curves["network"] == network
    steps, values = curves["step"][own], curves["test/acc_novel"][own]
    middle = (start + end) // 2
    return {"middle": _rounded(float(values[steps <= middle][-1]))}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _row(own: Mapping[str, str]) -> Row:
    known = {*_LABELS, *_FACTS, "seed", "budget", "steps", "diverged", "final", "device", "branch"}
    return Row(
        settings={name: float(value) for name, value in own.items() if name not in known and value},
        seed=int(own["seed"]),
        budget=int(own["budget"]),
        labels={name: own[name] for name in _LABELS},
        facts={name: float(own[name] or "nan") for name in _FACTS},
        steps=int(own["steps"]),
        diverged=own["diverged"] == "True",
        final=float(own["final"] or "nan"),
    )
