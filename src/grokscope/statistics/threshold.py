"""Critical values: the setting at which half of the networks generalise within their budget.

Critical weight decay λ_c, the critical amount of data D_crit, the fraction f₅₀: a logistic
regression of success on ln(setting) or the setting, with Jeffreys's prior (`firth`), and the point
at which it gives ½. Its interval is the percentile bootstrap's over seeds, widened by the gap of
the grid where successes and failures are separated (`crossing`). A threshold outside of what was
tried is "at most" the first setting or "at least" the last.
"""

from dataclasses import dataclass

import numpy as np

from grokscope.statistics.crossing import Crossings, crossings
from grokscope.statistics.interval import Interval
from grokscope.statistics.trials import Ends, Scale, Trials, draws_of, grid_of, interval_of


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """Where success has probability ½, and how sharply it sets in.

    Attributes:
        at: in the unit of the setting; its sign is `≤` or `≥` where all of what was tried is on
            one side, and its value None where success does not go the way it should.
        slope: of the log odds, per factor of e of the setting or per unit of it; below 0 where
            success falls. Its sign is `≥` (or `≤`, falling) where a step explains all runs.
        tried: least and greatest setting.
        seeds: how many.
        runs: how many.
    """

    at: Interval
    slope: Interval
    tried: tuple[float, float]
    seeds: int
    runs: int


def threshold_of(trials: Trials, scale: Scale = "log", *, rises: bool = True) -> Threshold:
    """The threshold of one setting.

    Args:
        trials: each seed's (setting, success).
        scale: on which success is logistic.
        rises: whether success becomes likelier as the setting rises.

    Raises:
        SettingError: fewer than two seeds or settings, a seed without runs, or a setting that is
            not above 0 on a log scale.
    """
    grid = grid_of(trials, scale)
    found = crossings(grid, draws_of(len(grid.seeds)), rises=rises)
    at = position_interval(found, len(grid.seeds))
    settings = [setting for own in trials.values() for setting, _ in own]
    return Threshold(
        at=at.exponential() if scale == "log" else at,
        slope=_slope_interval(found, len(grid.seeds), rises=rises),
        tried=(float(min(settings)), float(max(settings))),
        seeds=len(grid.seeds),
        runs=len(settings),
    )


def position_interval(found: Crossings, seeds: int) -> Interval:
    """The interval of the crossing."""
    return interval_of((found.least, found.most), (found.low, found.high), seeds)


def _slope_interval(found: Crossings, seeds: int, *, rises: bool) -> Interval:
    """Bounds of the slope: open towards steep where a step would do."""
    is_steep, has_none = found.is_steep > 0, np.isnan(found.slope)
    low = np.where(has_none | (is_steep & (not rises)), -np.inf, found.slope)
    high = np.where(has_none | (is_steep & rises), np.inf, found.slope)
    ends: tuple[Ends, Ends] = (low, high)
    return interval_of(ends, ends, seeds)
