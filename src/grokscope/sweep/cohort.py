"""Cohorts: runs of one shape that train together, the unit of work of a sweep.

Runs share a stack if they have the same kind of task, model, optimizer and loss, and as many
training rows. A cohort is as large as takes about a minute, and depends on the plan and on how the
machine was described when it was made, not on how fast it happened to be.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from grokscope.core.settings import with_settings
from grokscope.experiment import Config, Plan
from grokscope.experiment.kinds import kinds_of
from grokscope.experiment.trainer import make_population, make_splits, the_table
from grokscope.sweep.design import Point
from grokscope.sweep.plan import PlannedRun

SECONDS = 60.0
"""That a cohort takes, about."""
_BYTES_PER_SECOND = {"cpu": 3e9, "cuda": 1.2e11}
"""Of a thread or a device: what a network occupies, passed over once a step. Measured on a Xeon
and an H200 between 1.9e9 and 5.5e9, and 1.4e11."""
_MOST = {"cpu": 128, "cuda": 4096}


@dataclass(frozen=True, kw_only=True)
class Member:
    """A run as a cohort knows it: the settings that it does not share with the sweep's base."""

    id: str
    settings: Point
    seed: int

    def config(self, base: Config) -> Config:
        """In full."""
        return replace(with_settings(base, self.settings), seed=self.seed)


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """Runs that train together.

    Attributes:
        id: hash of its members, and the name of its directory.
        members: in the order of the networks of its run directory.
    """

    id: str
    members: tuple[Member, ...]

    @classmethod
    def of(cls, members: Iterable[Member]) -> "Cohort":
        """With the id that belongs to the members."""
        members = tuple(members)
        text = " ".join(member.id for member in members)
        return cls(id=f"cohort-{hashlib.sha256(text.encode()).hexdigest()[:12]}", members=members)

    def plan(self, recipe: str, base: Config) -> Plan:
        """Its networks."""
        return Plan(recipe=recipe, networks=tuple(m.config(base) for m in self.members))

    def halves(self) -> tuple["Cohort", "Cohort"]:
        """Two cohorts of half the members each; there are at least two."""
        middle = (len(self.members) + 1) // 2
        return Cohort.of(self.members[:middle]), Cohort.of(self.members[middle:])


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Runs that could share a stack, and what one of them takes.

    Attributes:
        runs: in the order of the plan.
        network_bytes: what one occupies while it is stepped.
        per_cohort: how many train together, at most.
    """

    runs: tuple[PlannedRun, ...]
    network_bytes: int
    per_cohort: int

    @property
    def nominal_seconds(self) -> float:
        """Of a thread, if every run uses its whole budget; of use in proportion only."""
        training = self.runs[0].config.training
        return len(self.runs) * training.steps * self.network_bytes / _BYTES_PER_SECOND["cpu"]

    def cohorts(self) -> list[Cohort]:
        """The runs in cohorts as even as possible, neighbours together."""
        count = math.ceil(len(self.runs) / self.per_cohort)
        ends = [round(i * len(self.runs) / count) for i in range(count + 1)]
        members = [Member(id=r.id, settings=r.settings, seed=r.seed) for r in self.runs]
        return [Cohort.of(members[a:b]) for a, b in pairwise(ends)]


def shapes_of(
    runs: Sequence[PlannedRun], threads: int, per_cohort: int | None = None
) -> list[Shape]:
    """Part runs by shape.

    Args:
        runs: of a sweep.
        threads: that will step a cohort.
        per_cohort: networks in a cohort, instead of what takes about a minute.

    Raises:
        SettingError, UsageError: a network that cannot be trained, such as a batch larger than its
            training set, or a device that is not there.
        MemoryExceededError: a single one does not fit.
    """
    groups: dict[str, list[PlannedRun]] = {}
    known: dict[Any, str] = {}  # of the settings: seeds do not change a shape
    for run in runs:
        settings = tuple(run.settings.items())
        if settings not in known:
            known[settings] = _shape_key(run.config)
        groups.setdefault(known[settings], []).append(run)
    return [_shape(group, threads, per_cohort) for group in groups.values()]


def _shape(runs: Sequence[PlannedRun], threads: int, per_cohort: int | None) -> Shape:
    config = runs[0].config
    plan = Plan(recipe="", networks=(config,))
    table = the_table(plan)
    size = make_population(plan, table, make_splits(plan, table)).network_bytes
    if per_cohort is None:
        device = config.training.device
        rate = _BYTES_PER_SECOND[device] * (threads if device == "cpu" else 1)
        in_time = SECONDS * rate / (size * config.training.steps)
        per_cohort = min(max(round(in_time), threads), _MOST[device])
    return Shape(runs=tuple(runs), network_bytes=size, per_cohort=per_cohort)


def _shape_key(config: Config) -> str:
    """Equal for configs that can share a stack."""
    optimizer = config.optimizer
    shared: Mapping[str, Any] = {name: getattr(optimizer, name) for name in optimizer.SHARED}
    parts = (
        kinds_of(config),
        repr(config.model.stack_key()),
        repr(config.loss),
        repr(replace(config.training, batch_seed=None)),
        repr(config.task),
        shared,
    )
    return json.dumps(parts, sort_keys=True)
