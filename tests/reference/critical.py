"""Logistic regression with Jeffreys's prior in the plainest form, and resamples one by one."""

from collections.abc import Sequence
from math import exp, inf, log

import numpy as np
from scipy.optimize import minimize


def slow_firth(pairs: Sequence[tuple[float, bool]]) -> tuple[float, float]:
    """Intercept and slope that maximise log-likelihood + ½ ln det of the information."""

    def below(line: Sequence[float]) -> float:
        total, flat, tilt, bend = 0.0, 0.0, 0.0, 0.0
        for x, is_success in pairs:
            share = 1 / (1 + exp(-(line[0] + line[1] * x)))
            share = min(max(share, 1e-12), 1 - 1e-12)
            total += log(share if is_success else 1 - share)
            spread = share * (1 - share)
            flat, tilt, bend = flat + spread, tilt + spread * x, bend + spread * x * x
        return -total - 0.5 * log(max(flat * bend - tilt**2, 1e-300))

    best = minimize(below, (0.0, 0.0), method="Nelder-Mead", options=_EXACT)
    best = minimize(below, best.x, method="Nelder-Mead", options=_EXACT)
    return float(best.x[0]), float(best.x[1])


_EXACT = {"xatol": 1e-9, "fatol": 1e-13, "maxiter": 4000, "maxfev": 8000}


def slow_crossing(pairs: Sequence[tuple[float, bool]]) -> tuple[float, float]:
    """What a resample says of the threshold: the fitted one, a bound, or both ends of a gap."""
    failing = max((x for x, is_success in pairs if not is_success), default=-inf)
    succeeding = min((x for x, is_success in pairs if is_success), default=inf)
    if failing < succeeding:
        return failing, succeeding
    intercept, slope = slow_firth(pairs)
    first, last = (intercept + slope * x for x in (min(pairs)[0], max(pairs)[0]))
    if first <= 0 <= last:
        return -intercept / slope, -intercept / slope
    if first >= 0 >= last:
        return -inf, inf
    return (-inf, min(pairs)[0]) if first > 0 else (max(pairs)[0], inf)


def slow_resamples(count: int, seed: int, resamples: int) -> list[list[int]]:
    """Which seeds are in each resample, from a stream whose seed is given."""
    stream = np.random.default_rng(seed)
    return stream.integers(count, size=(resamples, count)).tolist()
