"""Logistic regression on one variable with Jeffreys's prior, for many resamples at once.

With four seeds at each setting, failures and successes are often separated: no run below some
setting generalised and every run above it did. The likelihood then has no maximum at a finite
slope. Firth (Biometrika 80, 1993) adds ½ ln det of the information, Jeffreys's prior, which makes
the slope finite (Heinze and Schemper, Statistics in Medicine 21, 2002), vanishes as runs grow and
does not depend on the unit or the origin of the variable.

Each step treats the prior as h/2 successes and h/2 failures more at each setting, h being its
leverage, and is Newton's for these counts; where it would lead down it is halved.
"""

import numpy as np
from jaxtyping import Float

from grokscope.statistics.trials import Counts, Ends

STEPS = 300
CLOSE = 1e-7
"""A step of this share of the line is the last."""
ROUNDING = 1e-11
"""By so much per run a value may fall before a step counts as one that leads down."""

Lines = tuple[Ends, Ends]


def firth(position: Float[np.ndarray, " cell"], successes: Counts, totals: Counts) -> Lines:
    """Intercept and slope of the log odds of success, of each resample.

    They are NaN where the resample has runs at one position only, or the steps do not end.
    """
    centre, spread = float(position.mean()), float(position.std()) or 1.0
    x = (position - centre) / spread
    found = np.full((2, len(totals)), np.nan)
    rows = np.flatnonzero((totals > 0).sum(axis=1) >= 2)
    lines, step = np.zeros((2, len(rows))), np.zeros((2, len(rows)))
    value, part = np.full(len(rows), -np.inf), np.ones(len(rows))
    for _ in range(STEPS):
        if not len(rows):
            break
        ahead = lines + part * step
        with np.errstate(all="ignore"):  # a step too far has no determinant; it is halved
            there, onward = _climb(x, successes[rows], totals[rows], (ahead[0], ahead[1]))
        is_up = there >= value - ROUNDING * (1 + totals[rows].sum(axis=1))
        lines, step = np.where(is_up, ahead, lines), np.where(is_up, onward, step)
        value = np.where(is_up, there, value)
        part = np.where(is_up, np.minimum(2 * part, 1), part / 2)
        is_done = np.all(np.abs(step) < CLOSE * (1 + np.abs(lines)), axis=0)
        found[:, rows[is_done]] = lines[:, is_done]
        rows, lines, step = rows[~is_done], lines[:, ~is_done], step[:, ~is_done]
        value, part = value[~is_done], part[~is_done]
    slope = found[1] / spread
    return found[0] - slope * centre, slope


def _climb(
    x: Float[np.ndarray, " cell"], successes: Counts, totals: Counts, lines: Lines
) -> tuple[Ends, Float[np.ndarray, "2 resample"]]:
    """Penalised log-likelihood of lines, and the step from there."""
    logit = lines[0][:, None] + lines[1][:, None] * x
    share = 0.5 * (1 + np.tanh(logit / 2))
    spread = share * (1 - share)
    flat, tilt, bend = _moments(totals * spread, x)
    determinant = flat * bend - tilt**2
    value = np.sum(successes * logit - totals * np.logaddexp(0.0, logit), axis=1)
    leverage = bend[:, None] - 2 * x * tilt[:, None] + x**2 * flat[:, None]
    leverage *= totals * spread / determinant[:, None]
    left = successes - totals * share + leverage * (0.5 - share)
    by_intercept, by_slope = left.sum(axis=1), left @ x
    flat, tilt, bend = _moments((totals + leverage) * spread, x)
    step = np.array([bend * by_intercept - tilt * by_slope, flat * by_slope - tilt * by_intercept])
    return value + 0.5 * np.log(determinant), step / (flat * bend - tilt**2)


def _moments(weight: Counts, x: Float[np.ndarray, " cell"]) -> tuple[Ends, Ends, Ends]:
    return weight.sum(axis=1), weight @ x, weight @ x**2
