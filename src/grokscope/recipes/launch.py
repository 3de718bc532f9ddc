"""Run a recipe from Python: the function behind `grokscope.run`."""

import difflib
from pathlib import Path
from typing import Any

from grokscope.core.errors import UsageError
from grokscope.core.settings import with_settings
from grokscope.experiment import Config, Listener, Plan, Run, plan_seeds, start_run
from grokscope.experiment.kinds import parted, with_sections
from grokscope.recipes.base import Recipe
from grokscope.recipes.registry import RECIPES


def find_recipe(name: str) -> Recipe:
    """The recipe of a name.

    Raises:
        UsageError: there is none; the message gives the nearest.
    """
    if name in RECIPES:
        return RECIPES[name]()
    near = difflib.get_close_matches(name, RECIPES, n=1, cutoff=0.4)
    hint = f"Did you mean `{near[0]}`?" if near else f"There are {', '.join(RECIPES)}."
    raise UsageError(f"There is no recipe `{name}`. {hint}")


def run(
    recipe: str | Config,
    *,
    seeds: int | None = None,
    out: str | Path = "runs",
    listener: Listener | None = None,
    **settings: Any,  # noqa: ANN401
) -> Run:
    """Train a recipe (by name) or a config, and give the finished run.

    Settings are named in full with two underscores for the dot (`optimizer__lr=3e-3`), or by their
    last part where that is unique (`lr=3e-3`). `task`, `model`, `optimizer` and `loss` replace a
    whole part, by an object (`optimizer=SGD(lr=0.1)`) or by the name of a kind with its defaults
    (`optimizer="sgd"`).

    Args:
        recipe: a name from `RECIPES`, or a full config.
        seeds: networks per variant, with consecutive seeds.
        out: the folder that holds the run directories.
        listener: told of the progress.
        settings: changes to the recipe's config.

    Raises:
        UsageError: no such recipe or setting.
        SettingError: a value that breaks its rule.
    """
    changes = {name.replace("__", "."): value for name, value in settings.items()}
    return start_run(_plan(recipe, seeds, changes), Path(out), listener)


def _plan(recipe: str | Config, seeds: int | None, changes: dict[str, Any]) -> Plan:
    sections, settings = parted(changes)
    if isinstance(recipe, Config):
        config = with_settings(with_sections(recipe, sections), settings)
        return plan_seeds("custom", config, (), 1 if seeds is None else seeds)
    found = find_recipe(recipe).of_kinds(sections)
    return found.plan(with_settings(found.config, settings), seeds)
