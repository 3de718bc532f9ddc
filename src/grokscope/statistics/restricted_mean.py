"""Restricted means with their intervals, and what one arm saves another.

The mean of the smaller of the time and τ is known where the mean is not: no network need generalise
for it, as long as networks were watched until τ. It is the area under the estimate of Kaplan and
Meier, with the variance that they give (JASA 53, 1958; Klein and Moeschberger, Survival Analysis,
2nd edition, equation 4.5.2): the sum over event times t_i < τ of A_i² d_i/(n_i(n_i−d_i)), with A_i
the area from t_i to τ. A difference of two is a time saved in steps, whatever the shape of the
curves; Royston and Parmar (BMC Medical Research Methodology 13, 2013) argue for it.

The intervals are normal. Of few networks they are too narrow: with six some 86 %, with twelve 91 %
instead of 95 %. Of a difference the arms are taken for independent: seeds that both share make it
safer.
"""

import math
from statistics import NormalDist

from grokscope.statistics.interval import Interval
from grokscope.statistics.share import CONFIDENCE
from grokscope.statistics.survival import Survival


def restricted_mean_interval(
    survival: Survival, until: float | int, confidence: float = CONFIDENCE
) -> Interval:
    """Mean of the smaller of the time and `until`, in the unit of time.

    It has no ends where the variance is 0: where no network generalised before `until`, or all did
    at one time, it is not known how much others would differ.

    Args:
        survival: of the networks.
        until: τ, above 0; the same for all arms that are compared.
        confidence: with which the interval covers the population's mean.

    Raises:
        SettingError: networks were not watched for so long.
    """
    mean, variance = survival.restricted_mean(until), _variance(survival, until)
    return _interval(mean, [variance], (0.0, float(until)), confidence)


def restricted_mean_difference(
    first: Survival, second: Survival, until: float | int, confidence: float = CONFIDENCE
) -> Interval:
    """Restricted mean of the first less that of the second: what the second saves, in time.

    Arguments and errors as in `restricted_mean_interval`. It has no ends where either has none.
    """
    difference = first.restricted_mean(until) - second.restricted_mean(until)
    variances = [_variance(survival, until) for survival in (first, second)]
    return _interval(difference, variances, (-float(until), float(until)), confidence)


def _variance(survival: Survival, until: float | int) -> float:
    """From the last event to the first, so that areas add up."""
    rows = zip(survival.times, survival.waiting, survival.variance, strict=True)
    earlier = [row for row in rows if row[0] < until]
    # Greenwood's sums; where nobody waits any more there is no area and its term does not matter
    sums = [v * math.log(s) ** 2 if s > 0 else math.inf for _, s, v in earlier]
    ends = [*(time for time, _, _ in earlier[1:]), until]
    area, total = 0.0, 0.0
    for i, (time, share, _) in reversed(list(enumerate(earlier))):
        area += (ends[i] - time) * share
        if area > 0:
            total += area**2 * (sums[i] - (sums[i - 1] if i > 0 else 0.0))
    return total


def _interval(
    value: float, variances: list[float], extremes: tuple[float, float], confidence: float
) -> Interval:
    if 0.0 in variances:
        return Interval(value=value, low=None, high=None)
    reach = NormalDist().inv_cdf(0.5 + confidence / 2) * math.sqrt(math.fsum(variances))
    low, high = max(value - reach, extremes[0]), min(value + reach, extremes[1])
    return Interval(value=value, low=low, high=high)
