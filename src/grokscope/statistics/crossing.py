"""Where the probability of success crosses ½, in many resamples, never by extrapolation.

A crossing lies between two bounds, like a censored time: where a line of log odds is above ½ at
all settings that were tried, the crossing is below the first of them, and no number says how far.
Where failures and successes are separated, any point of the gap between them is as likely as any
other: the fitted one is the estimate, and both ends of the gap go into the interval, so that four
seeds that agree do not make a threshold of no width.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from grokscope.statistics.firth import firth
from grokscope.statistics.trials import Counts, Draws, Ends, Grid


@dataclass(frozen=True, kw_only=True)
class Crossings:
    """Bounds of the crossing, of each resample.

    Attributes:
        least: of the estimate; −∞ where it is below what was tried.
        most: likewise.
        low: of what goes into an interval: `least`, or the end of a gap.
        high: likewise.
        slope: of the log odds; NaN where all runs or none succeed, or there was no fit.
        is_steep: whether some step function explains all runs, so that the slope is a lower bound.
    """

    least: Ends
    most: Ends
    low: Ends
    high: Ends
    slope: Ends
    is_steep: Float[np.ndarray, " resample"]

    def mirrored(self) -> "Crossings":
        """Of the variable with the other sign."""
        return Crossings(
            least=-self.most,
            most=-self.least,
            low=-self.high,
            high=-self.low,
            slope=-self.slope,
            is_steep=self.is_steep,
        )


def crossings(grid: Grid, draws: Draws, *, rises: bool = True) -> Crossings:
    """Of a success that becomes likelier as the variable rises, or as it falls."""
    successes, totals = grid.resampled(draws)
    if rises:
        return rising(grid.position, successes, totals)
    turned = -grid.position[::-1]
    return rising(turned, successes[:, ::-1], totals[:, ::-1]).mirrored()


def rising(position: Float[np.ndarray, " cell"], successes: Counts, totals: Counts) -> Crossings:
    """Crossings from below."""
    first = np.where(totals > 0, position, np.inf).min(axis=1)
    last = np.where(totals > 0, position, -np.inf).max(axis=1)
    failing = np.where(totals > successes, position, -np.inf).max(axis=1)
    succeeding = np.where(successes > 0, position, np.inf).min(axis=1)
    intercept, slope = firth(position, successes, totals)
    is_varied = (successes > 0).any(axis=1) & (totals > successes).any(axis=1)
    at_first, at_last = intercept + slope * first, intercept + slope * last
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = -intercept / slope
    least, most = np.full_like(first, -np.inf), np.full_like(first, np.inf)
    is_inside = (at_first <= 0) & (at_last >= 0) & (slope > 0)
    least[is_inside] = most[is_inside] = crossing[is_inside]
    is_below = (at_first > 0) & (at_last > 0)
    most[is_below] = first[is_below]
    is_above = (at_first < 0) & (at_last < 0)
    least[is_above] = last[is_above]
    low, high = least.copy(), most.copy()
    is_apart = failing < succeeding
    low[is_apart] = failing[is_apart]
    high[is_apart] = succeeding[is_apart]
    # the fitted point, where it is in the gap; of all or none a bound is all there is
    is_gap = is_apart & is_varied & (slope > 0)
    inside = np.clip(crossing, failing, succeeding)
    least[is_apart], most[is_apart] = low[is_apart], high[is_apart]
    least[is_gap] = most[is_gap] = inside[is_gap]
    return Crossings(
        least=least,
        most=most,
        low=low,
        high=high,
        slope=np.where(is_varied, slope, np.nan),
        is_steep=(failing <= succeeding).astype(float),
    )
