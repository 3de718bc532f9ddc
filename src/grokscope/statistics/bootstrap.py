"""Percentile intervals of any statistic of many units, a block of resamples at a time.

A resample is how often each unit is in it (Efron, Annals of Statistics 7, 1979), so that a weighted
mean is one matrix product for all resamples of a block. `resample` and `trials` do the same for the
few seeds of a sweep; here units are the thousands of samples of a probe set.
"""

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float

from grokscope.core.seeds import stream_seed
from grokscope.statistics.interval import Interval
from grokscope.statistics.resample import RESAMPLES
from grokscope.statistics.trials import interval_of

Counts = Float[np.ndarray, "resample unit"]
Values = Float[np.ndarray, " resample"]
_CELLS = 2_000_000
"""Of a block of counts: 16 MB."""


def counts_of(units: int, purpose: str = "") -> Iterator[Counts]:
    """How often each unit is in each resample, in blocks; the very first row is all units once.

    The same for the same number of units and purpose, so that numbers do not change by themselves.
    """
    stream = np.random.default_rng(stream_seed(units, f"bootstrap {purpose}"))
    yield np.ones((1, units))
    rows = max(1, _CELLS // max(units, 1))
    for start in range(0, RESAMPLES, rows):
        height = min(rows, RESAMPLES - start)
        chosen = stream.integers(units, size=(height, units))
        chosen += units * np.arange(height)[:, None]
        counts = np.bincount(chosen.ravel(), minlength=height * units)
        yield counts.reshape(height, units).astype(np.float64)


def bootstrap(units: int, statistic: Callable[[Counts], Values], purpose: str = "") -> Interval:
    """The statistic of all units once, with the interval of 95 % of its resamples.

    Resamples in which the statistic is NaN (nothing was drawn that it is about) say nothing and are
    left out. Of fewer than two units there is no interval, and of none no value.

    Args:
        units: that are resampled.
        statistic: of each row of counts, one number.
        purpose: resamples with different names are independent.
    """
    if units < 1:
        return Interval(value=None, low=None, high=None)
    if units == 1:
        value = float(statistic(np.ones((1, 1)))[0])
        return Interval(value=value if np.isfinite(value) else None, low=None, high=None)
    found = np.concatenate([statistic(counts) for counts in counts_of(units, purpose)])
    return interval_of_resamples(found, units)


def interval_of_resamples(found: Values, units: int) -> Interval:
    """From the value, which comes first, and those of resamples; NaN ones are left out."""
    if not np.isfinite(found[0]):
        return Interval(value=None, low=None, high=None)
    known = found[np.isfinite(found)]
    return interval_of((known, known), (known, known), units)
