"""What a replication is: a published result, how it is tried here, and the rule that judges it.

A replication has one to three tiers of different cost. Each has arms: the *subject* that shows the
phenomenon, *references* to compare it with, and at least one *control* that must not show it. An
arm gives rows, one for each network: what the rule reads, and what is kept.
"""

import difflib
import hashlib
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from grokscope.core.errors import SettingError, UsageError
from grokscope.core.seeds import DEVELOPMENT_SEEDS, EVALUATION_SEEDS
from grokscope.core.settings import with_settings
from grokscope.experiment import Config, Plan, Run
from grokscope.recipes.rules import Row, Rule

Tier = Literal["smoke", "cpu", "paper"]
TIERS: tuple[Tier, ...] = ("smoke", "cpu", "paper")
Role = Literal["subject", "reference", "control"]
Measure = Callable[[Run], Sequence[Row]]
Work = Callable[[Path, Sequence[int]], Sequence[Row]]

_KEPT = (
    *("seed", "settings", "label", "stop_reason", "steps", "memorized_step", "grokked_step"),
    *("onset_step", "delay_ratio", "plateau_share", "train_acc", "test_acc_novel"),
)


def summary_rows(run: Run) -> list[dict[str, Any]]:
    """What a run's summary says of each network, as far as rules ask: the usual measure."""
    return [{name: row[name] for name in _KEPT} for row in run.networks]


@dataclass(frozen=True, kw_only=True)
class Arm:
    """Networks that are trained, or anything else that is computed for each seed.

    Made by `trained` or `computed`; exactly one of `make` and `work` is there.
    """

    name: str
    role: Role
    seeds: int
    make: Callable[[Sequence[int]], Plan] | None = None
    """The networks of some seeds, for one run."""
    measure: Measure = summary_rows
    """Rows of that run once it has ended."""
    work: Work | None = None
    """Computes rows for some seeds; the folder is its own, to keep and find work half done."""
    settings: Mapping[str, Any] | None = None
    """What the computation depends on, to tell it from another."""

    def seed_range(self, *, development: bool = False) -> range:
        """Its seeds: the first ones for evaluation, or for development."""
        first = (DEVELOPMENT_SEEDS if development else EVALUATION_SEEDS).start
        return range(first, first + self.seeds)

    def config(self, seeds: Sequence[int]) -> dict[str, Any]:
        """Everything that its rows depend on but the code, as it is stored."""
        if self.make is not None:
            return self.make(seeds).to_dict()
        return {"settings": dict(self.settings or {}), "seeds": list(seeds)}

    def key(self, seeds: Sequence[int]) -> str:
        """Eight digits that change with its config, or with the function that makes its rows."""
        source = _source(self.measure if self.work is None else self.work)
        return digest({"config": self.config(seeds), "source": source})[:8]


def trained(
    name: str,
    config: Config,
    *variants: Mapping[str, Any],
    role: Role = "subject",
    seeds: int = 6,
    measure: Measure = summary_rows,
) -> Arm:
    """An arm of training runs: every variant of a config with every seed, in one population.

    With six seeds, all or none of them tells a share of more than a half from one of less; with
    five it cannot be told. A median needs seven seeds to have an upper end.

    Args:
        name: unique in its tier.
        config: of all networks; its own seed does not count.
        variants: changes of settings, as in `Recipe.variants`.
        role: in the comparison.
        seeds: how many, at least 5.
        measure: gives the rows; `summary_rows` and what else the rule asks for.
    """

    def make(chosen: Sequence[int]) -> Plan:
        networks = [
            replace(with_settings(config, variant), seed=seed)
            for variant in variants or ({},)
            for seed in chosen
        ]
        return Plan(recipe=name, networks=tuple(networks))

    return Arm(name=name, role=role, seeds=seeds, make=make, measure=measure)


def computed(
    name: str,
    work: Work,
    settings: Mapping[str, Any],
    *,
    role: Role = "subject",
    seeds: int = 6,
) -> Arm:
    """An arm that a function computes: forks of a run, a linear model in closed form.

    Args:
        name: unique in its tier.
        work: gives the rows of some seeds, each with its `seed`. It may keep files in the folder
            that it is given, and start runs there by `finished_run`; after a kill it is called
            again with the same folder. What arms share goes into a folder beside it whose name
            changes with what it depends on; the first arm pays for it.
        settings: what it depends on, in plain values: a change starts a new folder.
        role: in the comparison.
        seeds: how many, at least 5.
    """
    return Arm(name=name, role=role, seeds=seeds, work=work, settings=settings)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A tier of a replication: what is done there, and what that costs."""

    arms: tuple[Arm, ...]
    minutes: float | int
    """What it is expected to take: on two cores, or for `paper` on the GPU that it asks for."""
    rule: Rule | None = None
    """In place of the replication's own where the setting asks for another."""
    differs: str = ""
    """Where and why the result differs from the published one, for the table."""

    def __post_init__(self) -> None:
        names = [arm.name for arm in self.arms]
        if len(set(names)) < len(names):
            raise SettingError("arms", "of different names", names)
        if [arm.role for arm in self.arms].count("subject") != 1:
            raise SettingError("arms", "one subject among others", names)
        if not any(arm.role == "control" for arm in self.arms):
            raise SettingError("arms", "with a control among them", names)

    @property
    def subject(self) -> Arm:
        """The arm that shows the phenomenon."""
        return next(arm for arm in self.arms if arm.role == "subject")

    @property
    def controls(self) -> list[Arm]:
        """The arms that must not show it."""
        return [arm for arm in self.arms if arm.role == "control"]


@dataclass(frozen=True, kw_only=True)
class Replication:
    """A published result and how it is tried."""

    name: str
    """Such as `power2022`, or `power2022-fraction` where a recipe has several."""
    recipe: str
    """The recipe that it belongs to."""
    source: str
    """arXiv id and figure."""
    published: str
    """What was found there: direction, and a number where there is one."""
    rule: Rule
    """When it counts as reproduced, fixed before the evaluation seeds are run."""
    tiers: Mapping[Tier, Stage]

    def stage(self, tier: Tier) -> Stage:
        """What is done in a tier.

        Raises:
            UsageError: it has no such tier.
        """
        if tier not in self.tiers:
            there = " and ".join(f"`{name}`" for name in self.tiers)
            raise UsageError(f"`{self.name}` has no tier `{tier}`; it has {there}.")
        return self.tiers[tier]

    def rule_of(self, tier: Tier) -> Rule:
        """The rule that judges a tier."""
        return self.stage(tier).rule or self.rule


def digest(value: object) -> str:
    """SHA-256 of plain values, in hexadecimal."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def chosen(
    names: Sequence[str], tier: Tier, known: Mapping[str, Callable[[], Replication]]
) -> list[Replication]:
    """The replications of some recipes, or by their own names; all that have the tier, of none.

    Raises:
        UsageError: a name that is neither, or has no such tier.
    """
    everything = [make() for make in known.values()]
    if not names:
        return [found for found in everything if tier in found.tiers]
    picked: dict[str, Replication] = {}
    for name in names:
        picked |= {found.name: found for found in _named(name, tier, everything)}
    return list(picked.values())


def _named(name: str, tier: Tier, known: Sequence[Replication]) -> list[Replication]:
    own = [found for found in known if found.name == name]
    of_recipe = [found for found in known if found.recipe == name]
    if not own and not of_recipe:
        there = list(dict.fromkeys(text for found in known for text in (found.recipe, found.name)))
        near = difflib.get_close_matches(name, there, n=1, cutoff=0.4)
        hint = f"Did you mean `{near[0]}`?" if near else f"There are {', '.join(there)}."
        raise UsageError(f"There is no replication of `{name}`. {hint}")
    able = [found for found in of_recipe or own if tier in found.tiers]
    if not able:
        (own or of_recipe)[0].stage(tier)
    return able


def _source(function: Callable[..., Any]) -> str:
    plain = inspect.unwrap(getattr(function, "func", function))
    return inspect.getsource(plain)
