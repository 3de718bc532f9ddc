"""What became of the runs of a sweep, read from the published run directories."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from grokscope.core.errors import UsageError, VerificationError
from grokscope.core.settings import flatten
from grokscope.statistics import NEVER, Wait
from grokscope.store import RunDirectory
from grokscope.store.segments import read_groups
from grokscope.sweep.axis import Value
from grokscope.sweep.cohort import Cohort
from grokscope.sweep.folder import Sweep

GROKDEF, LIU = "grokdef/1", "liu2022"
AT_HALF = " at half the budget"
"""Behind the name of a rule: the label that a run had at half of its budget."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """One run of a sweep.

    Attributes:
        id: hash of its config.
        run: `<cohort>/<network>`, its name in queries.
        settings: what distinguishes it from the base, by full name; its seed apart.
        seed: of initial values and batches, and of the split unless the task has its own.
        budget: steps that it had at most.
        decay_rate: learning rate times weight decay, per step.
        labels: by rule: `grokdef/1`, `liu2022`, `grokdef/1 at 0.9` (a threshold), and
            `… at half the budget`.
        memorized: steps to memorisation, between two evaluations; beyond the budget if censored.
        grokked: steps to generalisation, likewise; NEVER if it diverged first.
        numbers: last value of the main metrics, such as `test_acc_novel`; NaN where undefined.
    """

    id: str
    run: str
    settings: Mapping[str, Value]
    seed: int
    budget: int
    decay_rate: float
    labels: Mapping[str, str]
    memorized: Wait
    grokked: Wait
    numbers: Mapping[str, float]

    @property
    def label(self) -> str:
        """By `grokdef/1`, over the whole budget."""
        return self.labels[GROKDEF]

    @property
    def has_grokked(self) -> bool:
        """Whether it generalised within its budget, with or without delay."""
        return math.isfinite(self.grokked.most)

    def grokked_within(self, steps: int) -> Wait:
        """Steps to generalisation as somebody knows who watched for fewer steps."""
        if self.grokked.most <= steps or self.grokked == NEVER:
            return self.grokked
        return Wait.beyond(min(float(steps), self.grokked.least))


class Results:
    """The runs of a sweep that are done.

    Raises:
        VerificationError: a published run is damaged; the sweep's command does it again.
    """

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        self.axes = sweep.header.axes
        self._base = flatten(sweep.header.base)

    @cached_property
    def all(self) -> list[Result]:
        """Every one, in the order of the cohorts."""
        return list(self._read())

    def __str__(self) -> str:
        labels = Counter(result.label for result in self.all)
        counts = ", ".join(f"{count:,} {label}" for label, count in labels.most_common())
        return f"{self.sweep.name}: {len(self.all):,} runs done ({counts})"

    def __repr__(self) -> str:
        return f"Results({str(self.sweep.path)!r})"

    def value(self, result: Result, setting: str) -> Value:
        """What a setting, by its full name, was in a run."""
        return result.settings.get(setting, self._base.get(setting))

    def curves(self, names: Sequence[str]) -> dict[str, Any]:
        """Some metrics of every run at every evaluation, as columns.

        Args:
            names: of metrics, such as `test/acc_novel`.

        Returns:
            `run` (its place in `all`), `step`, and a column for each name; sorted by run and step.

        Raises:
            UsageError: nothing is published.
            VerificationError: a segment is damaged.
        """
        places: list[int] = []
        files: list[list[Path]] = []
        first = 0
        for cohort in self.sweep.cohorts():
            run = self.sweep.published(cohort)
            if run is not None:
                files.append(run.segments())
                places.append(first)
                first += len(cohort.members)
        if not files:
            raise UsageError(f"{self.sweep.path} has no finished runs.")
        columns = read_groups(files, names)
        run_number = np.array(places)[columns.pop("group")] + columns.pop("network")
        return {"run": run_number, **columns}

    def _read(self) -> Iterator[Result]:
        for cohort in self.sweep.cohorts():
            run = self.sweep.published(cohort)
            if run is not None:
                yield from self._of(cohort, run)

    def _of(self, cohort: Cohort, run: RunDirectory) -> Iterator[Result]:
        rows: dict[Any, dict[str, Any]] = {row["index"]: row for row in run.checked_summary()}
        if len(rows) < len(cohort.members):
            raise VerificationError(f"{run.path}: its summary says nothing of some networks")
        for index, member in enumerate(cohort.members):
            row = rows[index]
            own: dict[str, Any] = self._base | dict(member.settings)
            yield Result(
                id=member.id,
                run=f"{cohort.id}/{index}",
                settings=member.settings,
                seed=member.seed,
                budget=int(own["training.steps"]),
                decay_rate=float(own["optimizer.lr"]) * float(own["optimizer.weight_decay"]),
                labels={GROKDEF: row["label"], **row["other_labels"]},
                memorized=_wait(row, "memorized"),
                grokked=_wait(row, "grokked"),
                numbers=_numbers(row),
            )


def _wait(row: Mapping[str, Any], event: str) -> Wait:
    step, after = row[f"{event}_step"], row[f"{event}_after"]
    if step is not None:
        return Wait(float(after or 0), float(step))
    return NEVER if row["stop_reason"] == "diverged" else Wait.beyond(float(row["steps"]))


def _numbers(row: Mapping[str, Any]) -> dict[str, float]:
    names = ("train_acc", "test_acc", "test_acc_novel", "train_loss", "test_loss")
    return {name: math.nan if row[name] is None else float(row[name]) for name in names}
