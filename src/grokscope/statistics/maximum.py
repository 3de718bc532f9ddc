"""The maximum of a likelihood, with what the data say of its sharpness.

A trust region with exact gradients (scipy's `trust-exact`). Where the likelihood has no maximum at
finite coefficients, as where all runs at one setting grokked and all at the others are censored,
some direction stays flat however far one goes: that is found by the information's smallest
eigenvalue and is an error, not a large number.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from grokscope.statistics.likelihood import Likelihood, Square, Terms

FLAT = 1e-6
"""Information per run, in standardised units, below which a direction is flat."""


@dataclass(frozen=True, kw_only=True)
class Maximum:
    """Coefficients in the units of the input, and their covariances.

    Attributes:
        theta: coefficients of ln T, ln σ, coefficients of π's log odds.
        wald: covariance from the observed information: runs are independent.
        robust: covariance that allows anything within a seed (Liang and Zeger, Biometrika 73,
            1986), times G/(G − 1) for G seeds; None for one seed.
        log_likelihood: of all runs, without the prior.
        penalised: with it.
    """

    theta: Terms
    wald: Square
    robust: Square | None
    log_likelihood: float
    penalised: float


def maximum_of(likelihood: Likelihood, clusters: Sequence[int]) -> Maximum | None:
    """The highest maximum from a few starts; None where there is none at finite coefficients."""
    with np.errstate(all="ignore"):  # ln 0 and its like are meant
        found = [climbed(likelihood, start) for start in _starts(likelihood)]
        peaks = [theta for theta in found if theta is not None]
        if not peaks:
            return None
        theta = max(peaks, key=lambda peak: likelihood.penalised(peak)[0])
        value, scores = likelihood.each(theta)
        bread = np.linalg.inv(likelihood.information(theta))
        back = likelihood.back
        groups = np.unique(np.array(clusters), return_inverse=True)[1]
        meat = _summed(scores, groups)
        count = len(meat)
        robust = count / (count - 1) * bread @ meat.T @ meat @ bread if count > 1 else None
        log_likelihood = float(value.sum()) + likelihood.constant
        return Maximum(
            theta=back @ theta + likelihood.shift,
            wald=back @ bread @ back.T,
            robust=None if robust is None else back @ robust @ back.T,
            log_likelihood=log_likelihood,
            penalised=log_likelihood + likelihood.prior(theta)[0],
        )


def climbed(likelihood: Likelihood, start: Terms) -> Terms | None:
    """From a start to the top; None where it has no end or is flat."""
    from scipy.optimize import minimize  # training needs no scipy

    runs = len(likelihood.low)

    def below(theta: Terms) -> tuple[float, Terms]:
        value, gradient = likelihood.penalised(theta)
        if not np.isfinite(value):  # a step too far; the trust region takes it back
            return 1e300, np.zeros_like(theta)
        return -value / runs, -gradient / runs

    def curved(theta: Terms) -> Square:
        return np.nan_to_num(likelihood.information(theta) / runs)

    found = minimize(
        below,
        start,
        jac=True,
        hess=curved,
        method="trust-exact",
        options={"gtol": 1e-9, "maxiter": 200},
    )
    theta = np.asarray(found.x, dtype=float)
    value, gradient = likelihood.penalised(theta)
    information = likelihood.information(theta) / runs
    if not (np.isfinite(value) and np.isfinite(information).all()):
        return None
    has_arrived = float(np.abs(gradient).max()) / runs < 1e-6
    is_sharp = float(np.linalg.eigvalsh(information)[0]) > FLAT
    return theta if has_arrived and is_sharp else None


def _starts(likelihood: Likelihood) -> list[Terms]:
    """Least squares on budgets as times; with a cured share also on those that were seen."""
    time = np.where(np.isfinite(likelihood.high), likelihood.high, likelihood.low)
    is_usable = np.isfinite(time) & ~likelihood.never
    ended = is_usable & np.isfinite(likelihood.high)
    starts = [_start(likelihood, time, is_usable, 0.9)]
    if likelihood.odds.shape[1] and ended.any():
        starts.append(_start(likelihood, time, ended, float(ended.mean())))
    return starts


def _start(
    likelihood: Likelihood,
    time: Float[np.ndarray, " run"],
    used: np.ndarray,
    share: float,
) -> Terms:
    design, target = likelihood.design[used], (time - likelihood.offset)[used]
    location = np.linalg.lstsq(design, target, rcond=None)[0]
    spread = float(np.std(target - design @ location)) if used.any() else 1.0
    odds = np.zeros(likelihood.odds.shape[1])
    share = min(max(share, 0.02), 0.98)
    odds[:1] = np.log(share / (1 - share))
    return np.concatenate([location, [np.log(max(spread, 0.1))], odds])


def _summed(
    scores: Float[np.ndarray, "run term"], groups: Int[np.ndarray, " run"]
) -> Float[np.ndarray, "group term"]:
    total = np.zeros((int(groups.max()) + 1, scores.shape[1]))
    np.add.at(total, groups, scores)
    return total
