"""Whether a critical value is one, or only what the budget had time for.

A threshold of weight decay that halves as the budget doubles is a line λ · steps = const: below it
networks are slow, not unable. One that stays where it is under twice the budget is a critical
value. The same runs are looked at at both budgets, and seeds are resampled together.
"""

import math
from dataclasses import dataclass
from typing import Literal

from grokscope.core.errors import SettingError
from grokscope.statistics.crossing import crossings
from grokscope.statistics.interval import Interval
from grokscope.statistics.threshold import position_interval
from grokscope.statistics.trials import Trials, grid_of, interval_of, paired_draws

MARGIN = math.log(1.1)

Verdict = Literal["critical value", "budget line", "unclear"]


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How long runs may take.

    Attributes:
        length: in `unit`.
        unit: steps, or decay times 1/(learning rate · weight decay), of which each run has its own.
    """

    length: float | int
    unit: Literal["steps", "decay times"] = "steps"

    def __post_init__(self) -> None:
        if not 0 < self.length < math.inf:
            raise SettingError("length", "above 0 and finite", self.length)

    def steps(self, learning_rate: float | int, weight_decay: float | int) -> int:
        """The budget of one run, in steps, rounded up.

        Raises:
            SettingError: the unit is decay times and there is no decay.
        """
        if self.unit == "steps":
            return math.ceil(self.length)
        rate = learning_rate * weight_decay
        if not rate > 0:
            raise SettingError("learning_rate · weight_decay", "above 0 for decay times", rate)
        return math.ceil(self.length / rate)

    def doubled(self) -> "Budget":
        """Twice as long."""
        return Budget(length=2 * self.length, unit=self.unit)


@dataclass(frozen=True, kw_only=True)
class BudgetTest:
    """A threshold at a budget and at its double.

    Attributes:
        at_budget: threshold, in the unit of the setting.
        at_double: likewise.
        shift: ln(at_double / at_budget); −ln 2 where setting · budget is what counts.
        margin: a shift of less than this is none.
        budget: the shorter one, where it is known.
        verdict: "budget line" where the interval of the shift excludes 0; "critical value" where
            it holds 0 and lies within ± margin; else "unclear", as where the grid is too coarse.
    """

    at_budget: Interval
    at_double: Interval
    shift: Interval
    margin: float
    budget: Budget | None
    verdict: Verdict


def budget_test(
    at_budget: Trials,
    at_double: Trials,
    *,
    rises: bool = True,
    margin: float = MARGIN,
    budget: Budget | None = None,
) -> BudgetTest:
    """Compare the thresholds of the same runs at a budget and at its double.

    Args:
        at_budget: each seed's (setting, whether it had generalised by then).
        at_double: the same at twice the budget.
        rises: whether success becomes likelier as the setting rises.
        margin: of ln(setting).
        budget: the shorter one, for the record.

    Raises:
        SettingError: the runs are not the same, the margin is not above 0, or as in
            `threshold_of`.
    """
    if not 0 < margin < math.inf:
        raise SettingError("margin", "above 0 and finite", margin)
    pairs = (at_budget, at_double)
    tried = [{seed: sorted(x for x, _ in own) for seed, own in arm.items()} for arm in pairs]
    if tried[0] != tried[1]:
        counts = [sum(map(len, arm.values())) for arm in pairs]
        raise SettingError("runs", "the same at both budgets", counts)
    grids = grid_of(at_budget), grid_of(at_double)
    first, second = (
        crossings(grid, draws, rises=rises)
        for grid, draws in zip(grids, paired_draws(*grids), strict=True)
    )
    shift = interval_of(
        (second.least - first.most, second.most - first.least),
        (second.low - first.high, second.high - first.low),
        len(at_budget),
    )
    return BudgetTest(
        at_budget=position_interval(first, len(at_budget)).exponential(),
        at_double=position_interval(second, len(at_budget)).exponential(),
        shift=shift,
        margin=margin,
        budget=budget,
        verdict=_verdict(shift, margin),
    )


def _verdict(shift: Interval, margin: float) -> Verdict:
    low = -math.inf if shift.low is None else shift.low
    high = math.inf if shift.high is None else shift.high
    if low > 0 or high < 0:
        return "budget line"
    return "critical value" if -margin <= low and high <= margin else "unclear"
