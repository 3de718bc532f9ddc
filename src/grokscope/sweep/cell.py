"""A cell of a phase diagram: the runs at one place, and what they say.

A cell is *stable* if the same label prevails at half of the budget, and whether 90, 95 or 99 % of
the test rows count as generalisation. What is not stable would be another phase with another budget
or another threshold.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from grokscope.measures.thresholds import ROBUST_GROKKED
from grokscope.statistics import (
    NEVER,
    Interval,
    Neighbourhood,
    Share,
    Survival,
    Wait,
    kaplan_meier,
    restricted_mean_interval,
    wilson,
)
from grokscope.sweep.axis import Value
from grokscope.sweep.result import AT_HALF, GROKDEF, LIU, Result
from grokscope.sweep.tally import Tally

RULES = (GROKDEF, LIU)
THRESHOLDS = tuple(f"{GROKDEF} at {reach:g}" for reach in ROBUST_GROKKED)
_VARIANTS = {GROKDEF: (GROKDEF + AT_HALF, *THRESHOLDS), LIU: (LIU + AT_HALF,)}
"""Labels that must agree with a rule's own for a cell to be stable."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Runs whose settings are alike.

    Attributes:
        column: place on the first axis.
        row: place on the second; 0 where there is none.
        x: the level there.
        y: likewise; None where there is no second axis.
        results: the runs, in the order of their ids.
        tallies: by rule, by threshold, and by rule at half of the budget.
        share: of runs that generalised within their budget, with Wilson's interval.
        median: Kaplan–Meier's, in steps; None where half had not generalised.
        mean: of the smaller of the time and the horizon, in steps.
        neighbourhood: estimates with what the cells around lend; None for a cell on its own.
    """

    column: int
    row: int
    x: Value
    y: Value
    results: Sequence[Result] = field(repr=False)
    tallies: Mapping[str, Tally] = field(repr=False)
    share: Share
    median: Interval
    mean: Interval
    neighbourhood: Neighbourhood | None = field(default=None, repr=False)

    @property
    def runs(self) -> int:
        """Number of runs."""
        return len(self.results)

    @property
    def seeds(self) -> int:
        """Number of different seeds."""
        return len({result.seed for result in self.results})

    @property
    def grokked(self) -> int:
        """Runs that generalised within their budget, with or without delay."""
        return sum(result.has_grokked for result in self.results)

    @property
    def diverged(self) -> int:
        """Runs that diverged before they had generalised."""
        return sum(result.grokked == NEVER for result in self.results)

    @property
    def censored(self) -> int:
        """Runs whose budget ended before they had generalised."""
        return self.runs - self.grokked - self.diverged

    def tally(self, rule: str) -> Tally:
        """The labels by a rule."""
        return self.tallies[rule]

    def is_stable(self, rule: str) -> bool:
        """Whether the same label prevails at half the budget, and at every threshold."""
        leading = self.tallies[rule].leading
        return all(self.tallies[other].leading == leading for other in _VARIANTS[rule])

    def changes(self, rule: str) -> dict[str, tuple[str, ...]]:
        """What prevails instead where it is not the same, by variant of the rule."""
        leading = self.tallies[rule].leading
        variants = {name: self.tallies[name].leading for name in _VARIANTS[rule]}
        return {name: other for name, other in variants.items() if other != leading}

    def document(self) -> dict[str, Any]:
        """Everything, for JSON."""
        own = {"column": self.column, "row": self.row, "x": self.x, "y": self.y}
        own |= {"runs": self.runs, "seeds": self.seeds, "grokked": self.grokked}
        own |= {"censored": self.censored, "diverged": self.diverged}
        pooled = self.neighbourhood
        return {
            **own,
            "labels": {name: dict(tally.counts) for name, tally in self.tallies.items()},
            "majority": {rule: list(self.tallies[rule].leading) for rule in RULES},
            "stable": {rule: self.is_stable(rule) for rule in RULES},
            "share": vars(self.share) | {"value": self.share.value},
            "median": vars(self.median),
            "restricted_mean": vars(self.mean),
            "pooled": None if pooled is None else _pooled_document(pooled),
            "run_names": [result.run for result in self.results],
        }


def cell_of(
    place: tuple[int, int], levels: tuple[Value, Value], results: Sequence[Result], horizon: float
) -> Cell:
    """The cell of some runs.

    Args:
        place: column and row.
        levels: on the first and the second axis.
        results: at least one, in any order.
        horizon: until when all runs of the diagram were watched, in steps.
    """
    ordered = sorted(results, key=lambda result: result.id)
    names = [name for rule in RULES for name in (rule, *_VARIANTS[rule])]
    survival = survival_of(ordered)
    return Cell(
        column=place[0],
        row=place[1],
        x=levels[0],
        y=levels[1],
        results=ordered,
        tallies={name: Tally.of(r.labels[name] for r in ordered) for name in names},
        share=wilson(sum(r.has_grokked for r in ordered), len(ordered)),
        median=survival.median(),
        mean=restricted_mean_interval(survival, horizon),
    )


def noticed(wait: Wait) -> Wait:
    """A wait at the evaluation that noticed it, where it is known to lie before one."""
    return Wait.of(wait.most) if math.isfinite(wait.most) else wait


def survival_of(results: Sequence[Result]) -> Survival:
    """When runs generalised, by the evaluations that noticed it; in steps."""
    return kaplan_meier([noticed(result.grokked) for result in results])


def _pooled_document(pooled: Neighbourhood) -> dict[str, Any]:
    share = vars(pooled.pooled_share) | {"value": pooled.pooled_share.value}
    own = {"borrowed": pooled.borrowed, "differs": pooled.differs, "p_value": pooled.p_value}
    return own | {"share": share, "median": vars(pooled.pooled_median)}
