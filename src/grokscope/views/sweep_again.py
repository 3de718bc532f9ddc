"""How to make a sweep again: the command and the Python that give the same runs."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from grokscope.core.errors import GrokscopeError
from grokscope.core.settings import flatten
from grokscope.experiment.kinds import kinds_of
from grokscope.recipes import RECIPES
from grokscope.sweep.axis import Value
from grokscope.sweep.cells import Cells
from grokscope.sweep.cohort import Member
from grokscope.sweep.folder import Sweep
from grokscope.sweep.plan import plan_sweep

_OWN = ("seed", "training.checkpoint_ratio")
"""Settings that a sweep's plan decides by itself, unless they are not the recipe's."""


@dataclass(frozen=True, kw_only=True)
class Again:
    """A grid of a recipe that has exactly the runs of a sweep.

    Attributes:
        sweep: which one.
        over: the values of each axis.
        settings: what differs from the recipe, for all runs.
        seeds: of each point.
    """

    sweep: Sweep
    over: Mapping[str, list[Value]]
    settings: Mapping[str, Any]
    seeds: int

    @property
    def command(self) -> str:
        """`grokscope sweep …`."""
        sweep = self.sweep
        words = ["grokscope", "sweep", sweep.header.recipe]
        for flag, (name, values) in zip(_flags(len(self.over)), self.over.items(), strict=True):
            words += [flag, f"{name}={','.join(map(_word, values))}"]
        words += ["--seeds", str(self.seeds), "--threads", str(sweep.header.threads)]
        words += ["--name", sweep.name]
        for name, value in self.settings.items():
            words += ["--set", f"{name}={_word(value)}"]
        return shlex.join(words)

    @property
    def python(self) -> str:
        """The same in Python."""
        return "\n".join(
            [
                "from pathlib import Path",
                "from grokscope.sweep import Sweep, Worker, plan_sweep",
                "from grokscope.sweep.start import extend",
                "",
                "plan = plan_sweep(",
                f"    {self.sweep.header.recipe!r},",
                "    {",
                *(f"        {name!r}: {values!r}," for name, values in self.over.items()),
                "    },",
                f"    settings={dict(self.settings)!r},",
                f"    seeds={self.seeds},",
                f"    name={self.sweep.name!r},",
                ")",
                f'sweep = Sweep.create(Path("sweeps"), plan, threads={self.sweep.header.threads})',
                "extend(sweep, plan)",
                "Worker(sweep=sweep).work()",
            ]
        )


def again(sweep: Sweep) -> Again | None:
    """How to make the sweep again; None where that takes more than a grid.

    A sweep of drawn or listed points, or one that was extended to no full grid, is in its own
    folder only, with every point of every plan.
    """
    members = [member for cohort in sweep.cohorts() for member in cohort.members]
    over = _grid(sweep, members)
    if sweep.header.recipe not in RECIPES or over is None:
        return None
    try:
        found = Again(
            sweep=sweep,
            over=over,
            settings=_changes(sweep, members),
            seeds=len({member.seed for member in members}),
        )
        return found if _is_same(found, members) else None
    except GrokscopeError:
        return None


def phases_command(sweep: Sweep, cells: Cells) -> str:
    """`grokscope phases …` that gives the same diagram."""
    words = ["grokscope", "phases", sweep.name, "--x", cells.x.name]
    words += ["--y", cells.y.name] if cells.y is not None else []
    for name, value in cells.fixed.items():
        words += ["--where", f"{name}={_word(value)}"]
    return shlex.join(words)


def _flags(count: int) -> list[str]:
    return ["--x", "--y", *["--axis"] * count][:count]


def _word(value: object) -> str:
    return "none" if value is None else str(value)


def _grid(sweep: Sweep, members: list[Member]) -> dict[str, list[Value]] | None:
    """The values of each axis, if every combination was planned, in the order of the plan."""
    over: dict[str, list[Value]] = {name: [] for name in sweep.header.axes}
    for member in members:
        for name, values in over.items():
            if name not in member.settings:
                return None
            if member.settings[name] not in values:
                values.append(member.settings[name])
    points = {tuple(member.settings[name] for name in over) for member in members}
    size = 1
    for values in over.values():
        size *= len(values)
    return over if len(points) == size else None


def _changes(sweep: Sweep, members: list[Member]) -> dict[str, Any]:
    """What the base has other than the recipe: kinds, then settings."""
    base = sweep.header.base
    usual = RECIPES[sweep.header.recipe]()
    kinds = {
        section: kind
        for section, kind in kinds_of(base).items()
        if kinds_of(usual.config)[section] != kind
    }
    config = usual.of_kinds(kinds).config
    known = flatten(config)
    changes = {
        name: value
        for name, value in flatten(base).items()
        if name not in _OWN and known.get(name) != value
    }
    first = min(member.seed for member in members)
    return kinds | changes | ({} if first == config.seed else {"seed": first})


def _is_same(found: Again, members: list[Member]) -> bool:
    """Whether the grid has these runs and no others."""
    header = found.sweep.header
    plan = plan_sweep(
        header.recipe,
        found.over,
        settings=found.settings,
        seeds=found.seeds,
        name=found.sweep.name,
    )
    if replace(plan.base, seed=0) != replace(header.base, seed=0):
        return False
    return {run.id for run in plan.runs()} == {member.id for member in members}
