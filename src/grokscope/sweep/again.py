"""How to make a sweep again: the Python that gives the same runs."""

from collections.abc import Mapping
from typing import Any

from grokscope.core.errors import GrokscopeError
from grokscope.core.settings import flatten
from grokscope.experiment.kinds import kinds_of
from grokscope.recipes import RECIPES
from grokscope.sweep.axis import Value
from grokscope.sweep.cohort import Member
from grokscope.sweep.folder import Sweep
from grokscope.sweep.plan import SweepPlan, plan_sweep

_OWN = ("seed", "training.checkpoint_ratio")
"""Settings that a sweep's plan decides by itself, unless they are not the recipe's."""


def python_lines(sweep: Sweep) -> list[str] | None:
    """Lines that plan the same runs and train them; None where that takes more than a grid.

    A sweep of drawn or listed points, or one that was extended to no full grid, is in its own
    folder only, with every point of every plan.
    """
    members = [member for cohort in sweep.cohorts() for member in cohort.members]
    over = _grid(sweep, members)
    if sweep.header.recipe not in RECIPES or over is None:
        return None
    settings, seeds = _changes(sweep, members), len({member.seed for member in members})
    try:
        plan = plan_sweep(
            sweep.header.recipe, over, settings=settings, seeds=seeds, name=sweep.name
        )
        is_same = _is_same(plan, sweep, members)
    except GrokscopeError:
        return None
    return _lines(sweep, over, settings, seeds) if is_same else None


def _lines(
    sweep: Sweep, over: Mapping[str, list[Value]], settings: Mapping[str, Any], seeds: int
) -> list[str]:
    return [
        "from pathlib import Path",
        "from grokscope.sweep import Sweep, Worker, plan_sweep",
        "from grokscope.sweep.start import extend",
        "",
        "plan = plan_sweep(",
        f"    {sweep.header.recipe!r},",
        "    {",
        *(f"        {name!r}: {values!r}," for name, values in over.items()),
        "    },",
        f"    settings={dict(settings)!r},",
        f"    seeds={seeds},",
        f"    name={sweep.name!r},",
        ")",
        f'sweep = Sweep.create(Path("sweeps"), plan, threads={sweep.header.threads})',
        "extend(sweep, plan)",
        "Worker(sweep=sweep).work()",
    ]


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


def _is_same(plan: SweepPlan, sweep: Sweep, members: list[Member]) -> bool:
    """Whether the plan has these runs, as far as can be told without building every config."""
    ours, theirs = plan.base.to_dict(), sweep.header.base.to_dict()
    seeds = {"seed": 0}
    if ours | seeds != theirs | seeds:
        return False
    return {run.id for run in plan.runs()} == {member.id for member in members}
