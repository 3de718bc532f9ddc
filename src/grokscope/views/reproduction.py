"""How to make a run again: the command line and the Python that give the same plan."""

import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from grokscope.core.errors import GrokscopeError
from grokscope.core.settings import flatten, with_settings
from grokscope.experiment import Plan
from grokscope.experiment.kinds import kinds_of
from grokscope.recipes import RECIPES
from grokscope.recipes.base import Recipe


def command_line(plan: Plan) -> str | None:
    """`grokscope run …` that makes the same plan; None where no recipe leads to it."""
    found, seeds = _recipe(plan), _seeds(plan)
    if found is None:
        return None
    recipe, kinds = found
    changes = _changes(plan, recipe)
    words = ["grokscope", "run", plan.recipe, "--seeds", str(seeds)]
    for section, kind in kinds.items():
        words += [f"--{section}", kind]
    for name, value in changes.items():
        words += [f"--{_short(plan, name).replace('_', '-')}", str(value)]
    return shlex.join(words) if _same(plan, recipe, seeds, changes) else None


def python_call(plan: Plan) -> str | None:
    """The same as a call of `grokscope.run`; None where no recipe leads to it."""
    found, seeds = _recipe(plan), _seeds(plan)
    if found is None:
        return None
    recipe, kinds = found
    changes = _changes(plan, recipe)
    arguments = [repr(plan.recipe), f"seeds={seeds}"]
    arguments += [f"{section}={kind!r}" for section, kind in kinds.items()]
    arguments += [f"{_short(plan, n).replace('.', '__')}={v!r}" for n, v in changes.items()]
    call = f"grokscope.run({', '.join(arguments)})"
    return call if _same(plan, recipe, seeds, changes) else None


def settings_table(plan: Plan) -> list[tuple[str, str, str]]:
    """Every setting of the first network: name, value, and the other values in the run."""
    varying = plan.varying()
    rows = [(section, kind, "") for section, kind in kinds_of(plan.base).items()]
    for name, value in flatten(plan.base).items():
        values = dict.fromkeys(_text(one[name]) for one in varying if name in one)
        rows.append((name, _text(value), ", ".join(values)))
    return rows


def _recipe(plan: Plan) -> tuple[Recipe, dict[str, str]] | None:
    """The recipe with the plan's kinds, and those of them that are not the recipe's own."""
    if plan.recipe not in RECIPES:
        return None
    recipe = RECIPES[plan.recipe]()
    usual = kinds_of(recipe.config)
    kinds = {name: kind for name, kind in kinds_of(plan.base).items() if kind != usual[name]}
    try:
        return recipe.of_kinds(kinds), kinds
    except GrokscopeError:
        return None


def _seeds(plan: Plan) -> int:
    return len({network.seed for network in plan.networks})


def _changes(plan: Plan, recipe: Recipe) -> dict[str, Any]:
    """Settings of the plan that are neither the recipe's nor its variants'."""
    varied = {name for variant in recipe.variants for name in variant}
    usual = flatten(recipe.config)
    own = flatten(plan.base)
    return {
        name: value
        for name, value in own.items()
        if name not in varied and (name not in usual or usual[name] != value)
    }


def _same(plan: Plan, recipe: Recipe, seeds: int, changes: Mapping[str, Any]) -> bool:
    try:
        again = recipe.plan(with_settings(recipe.config, changes), seeds)
    except GrokscopeError:
        return False
    return replace(again, recipe=plan.recipe) == plan


def _short(plan: Plan, name: str) -> str:
    """The last part of a setting's name where no other ends like it."""
    last = name.rpartition(".")[2]
    same = [known for known in flatten(plan.base) if known.rpartition(".")[2] == last]
    return last if len(same) == 1 else name


def _text(value: object) -> str:
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value) or "none"
