"""How narrow "just right" is: the decades of a setting over which networks generalise.

Success rises on one flank of the region and falls on the other. Each flank is a logistic
regression of its own on ln(setting) (`threshold`), from the end of the grid to the setting in the
middle of the successes, which is the same in all resamples and belongs to both. The width is the
distance between the two points at which they give ½, and "at least" something where the region
goes on beyond what was tried.
"""

import math
from dataclasses import dataclass

import numpy as np

from grokscope.core.errors import SettingError
from grokscope.statistics.crossing import rising
from grokscope.statistics.interval import Interval
from grokscope.statistics.threshold import position_interval
from grokscope.statistics.trials import Ends, Trials, draws_of, grid_of, interval_of


@dataclass(frozen=True, kw_only=True)
class Window:
    """The region in which at least half of the networks generalise.

    Attributes:
        begins: its lower end, in the unit of the setting; `≤` where it begins below all.
        ends: its upper end; `≥` where it ends above all.
        decades: log₁₀(ends/begins); 0 where fewer than half generalise in the middle of the
            successes, with the widest gap of the grid as the upper end of its interval, since a
            narrower region could hide there; `≥` where an end is outside of what was tried.
        tried: least and greatest setting.
    """

    begins: Interval
    ends: Interval
    decades: Interval
    tried: tuple[float, float]


def window_of(trials: Trials) -> Window:
    """The success region of one setting, with bootstrap intervals by seed.

    Raises:
        SettingError: nothing generalised, or as in `threshold_of`.
    """
    grid = grid_of(trials)
    seeds = len(grid.seeds)
    successes, totals = grid.resampled(draws_of(seeds))
    if not successes[0].any():
        raise SettingError("trials", "some that generalised", 0)
    share = successes[0] / totals[0]
    middle = float(grid.position @ share / share.sum())
    centre = int(np.abs(grid.position - middle).argmin())
    x, own, after = grid.position, slice(centre + 1), slice(centre, None)
    begins = rising(x[own], successes[:, own], totals[:, own])
    turned = (successes[:, after][:, ::-1], totals[:, after][:, ::-1])
    ends = rising(-x[after][::-1], *turned).mirrored()
    values = _width(begins.least, begins.most, ends.least, ends.most)
    bounds = _width(begins.low, begins.high, ends.low, ends.high)
    is_empty = (begins.least >= x[centre]) | (ends.most <= x[centre])
    widest = float(np.diff(x).max()) / math.log(10)
    return Window(
        begins=position_interval(begins, seeds).exponential(),
        ends=position_interval(ends, seeds).exponential(),
        decades=interval_of(
            (np.where(is_empty, 0.0, values[0]), np.where(is_empty, 0.0, values[1])),
            (np.where(is_empty, 0.0, bounds[0]), np.where(is_empty, widest, bounds[1])),
            seeds,
        ),
        tried=(math.exp(x[0]), math.exp(x[-1])),
    )


def _width(low: Ends, high: Ends, other_low: Ends, other_high: Ends) -> tuple[Ends, Ends]:
    """Least and greatest distance in decades, at least 0."""
    least, most = (other_low - high) / math.log(10), (other_high - low) / math.log(10)
    return np.maximum(least, 0.0), np.maximum(most, 0.0)
