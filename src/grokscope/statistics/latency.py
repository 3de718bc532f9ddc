"""Log-likelihood of times that are known exactly, between two bounds, or from below only.

ln T = η + σ W, with W normal or logistic. A time that was seen contributes its density (of T, not
of ln T, so that likelihoods compare with other programs'), one between two evaluations
S(least) − S(most), and one beyond its budget S(budget). Derivatives are exact. Differences of
tails are taken on the side on which both are small: W is symmetric, so that S(a) − S(b) is
S(−b) − S(−a).
"""

from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

Family = Literal["log-normal", "log-logistic"]
Rows = Float[np.ndarray, " run"]
LOG_ROOT_TWO_PI = 0.5 * np.log(2 * np.pi)


def log_likelihoods(
    family: Family,
    bounds: tuple[Rows, Rows],
    was_seen: Bool[np.ndarray, " run"],
    location: Rows,
    log_scale: float,
) -> tuple[Rows, Rows, Rows]:
    """Ln of each run's contribution, without the −ln T of a density, and its two derivatives.

    Args:
        family: distribution of T.
        bounds: ln of the least and of the most that each time can be; −∞ and ∞ are allowed.
        was_seen: whether the two are the same.
        location: η of each run.
        log_scale: ln σ.

    Returns:
        the contributions, their derivatives by η, and those by ln σ.
    """
    scale = np.exp(log_scale)
    low, high = ((bound - location) / scale for bound in bounds)
    log_density, slope = _density(family, np.where(was_seen, low, 0.0))
    share, by_low, by_high = _log_share(family, low, high)
    value = np.where(was_seen, log_density - log_scale, share)
    by_location = np.where(was_seen, -slope, -(by_low + by_high)) / scale
    at_low, at_high = (np.where(np.isfinite(w), w, 0.0) for w in (low, high))
    by_scale = np.where(was_seen, -at_low * slope - 1, -(at_low * by_low + at_high * by_high))
    return value, by_location, by_scale


def _log_share(family: Family, low: Rows, high: Rows) -> tuple[Rows, Rows, Rows]:
    """ln(S(low) − S(high)) with its derivatives by both ends."""
    turned = low + high < 0
    near, far = np.where(turned, -high, low), np.where(turned, -low, high)
    log_near, log_far = _log_survival(family, near), _log_survival(family, far)
    value = log_near + np.log(-np.expm1(log_far - log_near))
    by_low = -np.exp(_density(family, low)[0] - value)
    by_high = np.exp(_density(family, high)[0] - value)
    return value, by_low, by_high


def _log_survival(family: Family, w: Rows) -> Rows:
    from scipy.special import log_ndtr  # training needs no scipy

    return log_ndtr(-w) if family == "log-normal" else -np.logaddexp(0.0, w)


def _density(family: Family, w: Rows) -> tuple[Rows, Rows]:
    """Ln f and its derivative."""
    if family == "log-normal":
        return -0.5 * w**2 - LOG_ROOT_TWO_PI, -w
    return -np.abs(w) - 2 * np.log1p(np.exp(-np.abs(w))), -np.tanh(w / 2)
