"""A share of networks with the score interval of Wilson (JASA 22, 1927).

It holds the shares p for which k/n lies within z standard errors √(p(1−p)/n), taken at p and not at
k/n, so it has width at 0 of n and at n of n and never leaves [0, 1]. It covers the true share about
as often as it says *on average* over shares, where the exact interval of `share_of` does so for
each; with few networks it is much the narrower, which suits a picture of many cells. For a verdict
take the exact one: near 0 and 1 Wilson's can cover as little as 83 % of the time.
"""

import math
from statistics import NormalDist

from grokscope.statistics.share import CONFIDENCE, Share, require_share


def wilson(count: int, total: int, confidence: float = CONFIDENCE) -> Share:
    """The share `count`/`total` with its two-sided score interval.

    The ends are (k + z²/2 ∓ z √(k(n−k)/n + z²/4)) / (n + z²), with z of the normal distribution.

    Args:
        count: of successes.
        total: of trials.
        confidence: about the mean probability with which the interval covers the true share.

    Raises:
        SettingError: as in `share_of`.
    """
    require_share(count, total, confidence)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    centre = count + z**2 / 2
    reach = z * math.sqrt(count * (total - count) / total + z**2 / 4)
    # rounding must not put an end just beside the share at 0 of n and n of n
    low = (centre - reach) / (total + z**2) if count > 0 else 0.0
    high = (centre + reach) / (total + z**2) if count < total else 1.0
    return Share(count=count, total=total, low=low, high=high)
