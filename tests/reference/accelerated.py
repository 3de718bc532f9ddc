"""Likelihoods of times to grok, one run at a time, with scipy's distributions."""

from collections.abc import Sequence
from math import exp, inf, log

import numpy as np
from scipy import stats

from grokscope.statistics import NEVER, Wait


def slow_log_likelihood(
    family: str,
    waits: Sequence[Wait],
    locations: Sequence[float],
    scale: float,
    shares: Sequence[float] | None = None,
) -> float:
    """Of waits with the given η, σ and shares that ever grok; without shares NEVER counts 0."""
    total = 0.0
    for i, (wait, location) in enumerate(zip(waits, locations, strict=True)):
        time = _distribution(family, location, scale)
        share = 1.0 if shares is None else shares[i]
        if wait == NEVER:
            total += 0.0 if shares is None else log(1 - share)
        elif wait.most == inf:
            total += log(1 - share + share * time.sf(wait.least))
        elif wait.least == wait.most:
            total += log(share * time.pdf(wait.least))
        else:
            total += log(share * (time.cdf(wait.most) - time.cdf(wait.least)))
    return total


def slow_jeffreys(odds: Sequence[Sequence[float]], shares: Sequence[float]) -> float:
    """½ ln det of the information of a logistic regression, summed run by run."""
    size = len(odds[0])
    information = np.zeros((size, size))
    for row, share in zip(odds, shares, strict=True):
        for i in range(size):
            for j in range(size):
                information[i, j] += share * (1 - share) * row[i] * row[j]
    return 0.5 * log(np.linalg.det(information))


def _distribution(family: str, location: float, scale: float):
    if family == "log-normal":
        return stats.lognorm(s=scale, scale=exp(location))
    return stats.fisk(c=1 / scale, scale=exp(location))
