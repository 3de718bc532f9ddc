"""The plan of a sweep: a recipe's config, the points that it visits, and the seeds of each.

Every run has an id that is a hash of its whole config. So a plan can be asked for again, with more
points or more seeds, and what is new in it is known at once.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from grokscope.core.errors import SettingError, UsageError
from grokscope.core.settings import flatten, full_name, with_settings
from grokscope.experiment import Config
from grokscope.experiment.kinds import parted
from grokscope.recipes import Recipe, find_recipe
from grokscope.sweep.axis import Value, axis
from grokscope.sweep.design import Design, Point, listed_points

ONLY_THE_LAST_CHECKPOINT = 1e9
"""Ratio of neighbouring checkpoints in a sweep: thousands of runs would fill the disk."""
GRID = Design()
_KEYS = ("recipe", "name", "settings", "seeds", "design", "axes", "points")
_ID_LENGTH = 16
AxisSpec = str | Sequence[Value]


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """One network of a sweep.

    Attributes:
        id: hash of its config.
        settings: what distinguishes it from the base config, its seed apart.
        seed: of initial values and batches, and of the split unless the task has its own.
        config: in full.
    """

    id: str
    settings: Point
    seed: int
    config: Config

    @classmethod
    def of(cls, settings: Point, config: Config) -> "PlannedRun":
        """With the id that belongs to the config."""
        return cls(id=run_id(config), settings=settings, seed=config.seed, config=config)


@dataclass(frozen=True, kw_only=True)
class SweepPlan:
    """What a sweep trains.

    Attributes:
        recipe: whose variants and draws apply, with the base config.
        points: settings of each point, by full name.
        seeds: of each point.
        axes: full names of the settings that vary, in the order in which they were given.
        name: of the sweep's folder, where somebody has chosen one.
    """

    recipe: Recipe
    points: tuple[Point, ...]
    seeds: int
    axes: tuple[str, ...]
    name: str | None = None

    @property
    def base(self) -> Config:
        """What all runs share, but for points, variants and seeds."""
        return self.recipe.config

    def runs(self) -> list[PlannedRun]:
        """Every run, point by point.

        Raises:
            SettingError: a value that breaks its setting's rule.
        """
        found: dict[str, PlannedRun] = {}
        base = flatten(self.base)
        for point in self.points:
            config = with_settings(self.base, point)
            for network in self.recipe.plan(config, self.seeds).networks:
                own = self._settings(base, point, network)
                run = PlannedRun.of(own, network)
                found[run.id] = run
        return list(found.values())

    def _settings(self, base: Mapping[str, Any], point: Point, network: Config) -> Point:
        if not (self.recipe.variants or self.recipe.draws):
            return point
        own = flatten(network)
        varied = {n: own[n] for n in own if n != "seed" and own.get(n) != base.get(n)}
        return point | varied

    @property
    def folder_name(self) -> str:
        """Name of the sweep's folder; the same for the same base and axes, whatever the points."""
        if self.name is not None:
            return self.name
        leaves = "-".join(name.rpartition(".")[2] for name in self.axes)
        base = json.dumps([replace(self.base, seed=0).to_dict(), sorted(self.axes)], sort_keys=True)
        return f"{self.recipe.name}-{leaves}-{_digest(base)[:8]}"


def plan_sweep(
    recipe: str,
    over: Mapping[str, AxisSpec] | Sequence[Mapping[str, Value]],
    *,
    settings: Mapping[str, Any] | None = None,
    seeds: int = 1,
    design: Design = GRID,
    name: str | None = None,
) -> SweepPlan:
    """Plan a sweep of a recipe.

    Args:
        recipe: its name.
        over: settings (by full or short name) with what each takes: `"log:1e-3:10:12"`,
            `"0.2:0.8:12"`, `"0.1,0.3,1"` or a sequence of values. Or a list of points, each with
            the same settings.
        settings: changes to the recipe's config, for all runs; kinds too, such as
            `{"optimizer": "muon"}`.
        seeds: of each point, consecutive from the config's own.
        design: how the space is filled, if not by a list of points.
        name: of the sweep's folder; made of recipe and axes unless given.

    Raises:
        UsageError: no such recipe or setting, or one that the recipe varies itself.
        SettingError: a value, range or design that breaks its rule.
    """
    _require_sane(over, seeds, name)
    found = _with_settings(find_recipe(recipe), settings or {})
    if isinstance(over, Mapping):
        given = _given(found, settings)
        both = next((name for name in over if full_name(found.config, name) in given), None)
        if both is not None:
            raise UsageError(f"`{both}` is an axis: it cannot be set for all runs, too.")
        axes = [axis(found.config, key, spec) for key, spec in over.items()]
        names, points = [own.name for own in axes], design.points(axes)
    else:
        points = [_named(found.config, point) for point in listed_points(over)]
        names = list(points[0])
    varied = next((n for variant in found.variants for n in variant if n in names), None)
    if varied is not None:
        raise UsageError(f"`{varied}` is what this recipe compares: it cannot be an axis.")
    if "seed" in names:
        raise UsageError("`seed` is no axis: give a number of `--seeds`, from `--seed` on.")
    plan = SweepPlan(recipe=found, points=tuple(points), seeds=seeds, axes=tuple(names), name=name)
    _require_name(plan)
    return plan


def _require_sane(over: object, seeds: object, name: object) -> None:
    """Refuse what is of another type than it must be, as somebody's file or call may have it."""
    if isinstance(seeds, bool) or not isinstance(seeds, int) or seeds < 1:
        raise SettingError("seeds", "a whole number, at least 1", seeds)
    if name is not None and not isinstance(name, str):
        raise SettingError("name", "text", name)
    if isinstance(over, str) or not isinstance(over, Mapping | Sequence):
        raise SettingError("over", "settings with what each takes, or a list of points", over)
    if isinstance(over, Mapping):
        for key, spec in cast("Mapping[str, object]", over).items():
            if not isinstance(spec, str | Sequence):
                raise SettingError(key, "a range as text, or a list of values", spec)
    elif not all(isinstance(point, Mapping) for point in cast("Sequence[object]", over)):
        raise SettingError("points", "each a table of settings", over)


def read_plan(path: Path) -> SweepPlan:
    """A plan written as TOML: `recipe`, then as in `plan_sweep`, with `axes` or `points`.

    Raises:
        UsageError: the file cannot be read, or has another key.
        SettingError: as in `plan_sweep`.
    """
    document = _document(path)
    points = document.get("points", [])
    over = _flat(document["axes"]) if "axes" in document else list(map(_flat, points))
    _require_sane(over, document.get("seeds", 1), document.get("name"))
    return plan_sweep(
        str(document["recipe"]),
        over,
        settings=_flat(document.get("settings", {})),
        seeds=document.get("seeds", 1),
        design=_design(document.get("design", {}), path),
        name=document.get("name"),
    )


def _document(path: Path) -> dict[str, Any]:
    """The file, with the right keys and tables where there must be tables."""
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}.") from None
    _require_keys(document, path)
    for key in ("axes", "settings", "design"):
        if not isinstance(document.get(key, {}), Mapping):
            raise UsageError(f"{path}: `{key}` must be a table, got {document[key]!r}.")
    points = document.get("points", [])
    if not (isinstance(points, list) and all(isinstance(own, Mapping) for own in points)):
        raise UsageError(f"{path}: `points` must be tables, got {points!r}.")
    return document


def _require_keys(document: Mapping[str, Any], path: Path) -> None:
    unknown = next((key for key in document if key not in _KEYS), None)
    if unknown is not None:
        raise UsageError(f"{path}: a plan has no `{unknown}`; its keys are {', '.join(_KEYS)}.")
    if "recipe" not in document:
        raise UsageError(f"{path}: a plan needs `recipe`.")
    if ("axes" in document) == ("points" in document):
        raise UsageError(f"{path}: a plan has either `axes` or `points`, one of them.")


def _design(stored: Mapping[str, Any], path: Path) -> Design:
    unknown = next((key for key in stored if key not in flatten(GRID)), None)
    if unknown is not None:
        raise UsageError(f"{path}: a design has no `{unknown}`, but {', '.join(flatten(GRID))}.")
    return Design(**stored)


def run_id(config: Config) -> str:
    """A hash of everything that defines a network.

    How many train at once does not: a network's result is its own.
    """
    training = replace(config.training, capacity=None)
    stored = replace(config, training=training).to_dict()
    return _digest(json.dumps(stored, sort_keys=True))[:_ID_LENGTH]


def _given(recipe: Recipe, settings: Mapping[str, Any] | None) -> set[str]:
    """Full names of the single settings that somebody has set."""
    return {full_name(recipe.config, name) for name in parted(settings or {})[1]}


def _with_settings(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    sections, settings = parted(changes)
    recipe = recipe.of_kinds(sections)
    ratio = "training.checkpoint_ratio"
    full = {full_name(recipe.config, name): value for name, value in settings.items()}
    config = with_settings(recipe.config, {ratio: ONLY_THE_LAST_CHECKPOINT} | full)
    return replace(recipe, config=config)


def _named(config: Config, point: Point) -> Point:
    return {full_name(config, name): value for name, value in point.items()}


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Names with dots, of a TOML table whose keys were written with or without quotes."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        nested = isinstance(value, Mapping)
        found |= _flat(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value}
    return found


def _require_name(plan: SweepPlan) -> None:
    name = plan.folder_name
    if not name or name.startswith(".") or any(c in name for c in "/\\\0"):
        raise SettingError("name", "a plain folder name", name)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
