"""Runs of a sweep that nobody trained: results as they would be read from the disk."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from types import SimpleNamespace
from typing import Any, cast

from grokscope.core.settings import flatten
from grokscope.measures.thresholds import ROBUST_GROKKED
from grokscope.recipes import RECIPES
from grokscope.statistics import NEVER, Wait
from grokscope.sweep.axis import Value
from grokscope.sweep.folder import Sweep
from grokscope.sweep.result import AT_HALF, GROKDEF, LIU, Result, Results

BUDGET = 1_000
DECAY, FRACTION = "optimizer.weight_decay", "task.train_fraction"
_CENSORED = ("memorization", "confusion", "semi_grokking")


def result(
    settings: Mapping[str, Value],
    seed: int = 0,
    label: str = "grokking",
    step: float = 400.0,
    budget: int = BUDGET,
    **other: str,
) -> Result:
    """One run: seen at `step` by the label, censored at the budget, or diverged.

    `half`, `liu`, `at_90` and `at_99` are labels where they are not the same.
    """
    reach = {0.9: other.get("at_90", label), 0.99: other.get("at_99", label)}
    liu = other.get("liu", "memorization" if label == "semi_grokking" else label)
    labels = {f"{GROKDEF} at {r:g}": reach.get(r, label) for r in ROBUST_GROKKED}
    labels |= {GROKDEF: label, GROKDEF + AT_HALF: other.get("half", label)}
    labels |= {LIU: liu, LIU + AT_HALF: liu}
    grokked = Wait(step - 40, step)
    if label in _CENSORED:
        grokked = Wait.beyond(budget)
    elif label == "diverged":
        grokked = NEVER
    name = f"{sorted(settings.items())} {seed}"
    return Result(
        id=name,
        run=f"cohort-0/{name}",
        settings=dict(settings),
        seed=seed,
        budget=budget,
        decay_rate=1e-3,
        labels=labels,
        memorized=Wait(50.0, 60.0),
        grokked=grokked,
        numbers={"test_acc_novel": 1.0},
    )


class FakeResults(Results):
    """Results without a sweep on the disk."""

    def __init__(self, runs: Sequence[Result], axes: Sequence[str] = (DECAY, FRACTION)) -> None:
        base = RECIPES["quick-mlp"]().config
        header = SimpleNamespace(base=base, axes=tuple(axes), recipe="quick-mlp", threads=1)
        self.sweep = cast("Sweep", SimpleNamespace(header=header, name="fake"))
        self.axes = tuple(axes)
        self._base: dict[str, Any] = flatten(base)
        self._runs = list(runs)

    @cached_property
    def all(self) -> list[Result]:  # noqa: D102
        return self._runs


def grid(seeds: int = 4) -> list[Result]:
    """Three decays by two fractions: memorised, mixed and a tie below; all kinds above."""
    runs: list[Result] = []
    for seed in range(seeds):
        low = ("memorization", "grokking" if seed else "memorization")
        tie = "grokking" if seed % 2 else "confusion"
        runs += [
            result({DECAY: decay, FRACTION: 0.3}, seed, label, 300.0 + 40 * seed)
            for decay, label in zip((0.01, 0.1, 1.0), (*low, tie), strict=True)
        ]
        runs += [
            result({DECAY: 0.01, FRACTION: 0.6}, seed, "confusion"),
            result({DECAY: 0.1, FRACTION: 0.6}, seed, "comprehension", 150.0 + 10 * seed),
            result({DECAY: 1.0, FRACTION: 0.6}, seed, "diverged", half="memorization"),
        ]
    return runs
