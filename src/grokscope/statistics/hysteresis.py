"""Whether networks that have generalised keep doing so where others would not begin.

Up: networks from scratch, which generalise above some amount of data (or of weight decay). Down:
networks forked from ones that have generalised, which then get less of it and keep generalising or
not. The way down may end lower than the way up begins; H is the ratio of the two thresholds.
"""

from dataclasses import dataclass

from grokscope.statistics.crossing import crossings
from grokscope.statistics.interval import Interval
from grokscope.statistics.threshold import position_interval
from grokscope.statistics.trials import Trials, grid_of, interval_of, paired_draws


@dataclass(frozen=True, kw_only=True)
class Hysteresis:
    """Two thresholds and their ratio.

    Attributes:
        up: at which half of the networks from scratch generalise, in the unit of the setting.
        down: at which half of those that had generalised still do.
        ratio: H = up/down; 1 without hysteresis, above 1 where generalising outlives its
            beginnings. "At least" where the way down never ended within what was tried.
    """

    up: Interval
    down: Interval
    ratio: Interval


def hysteresis_of(up: Trials, down: Trials) -> Hysteresis:
    """The ratio of the thresholds of two branches, with bootstrap intervals by seed.

    Seeds that both branches have are drawn together if all are shared, and apart if none is.

    Raises:
        SettingError: the branches share some seeds and not others, or as in `threshold_of`.
    """
    grids = grid_of(up), grid_of(down)
    first, second = (
        crossings(grid, draws) for grid, draws in zip(grids, paired_draws(*grids), strict=True)
    )
    log_ratio = interval_of(
        (first.least - second.most, first.most - second.least),
        (first.low - second.high, first.high - second.low),
        min(len(up), len(down)),
    )
    return Hysteresis(
        up=position_interval(first, len(up)).exponential(),
        down=position_interval(second, len(down)).exponential(),
        ratio=log_ratio.exponential(),
    )
