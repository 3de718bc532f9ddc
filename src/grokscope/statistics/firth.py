"""Logistic regression on one variable with Jeffreys's prior, for many resamples at once.

With four seeds at each setting, failures and successes are often separated: no run below some
setting generalised and every run above it did. The likelihood then has no maximum at a finite
slope. Firth (Biometrika 80, 1993) adds ½ ln det of the information, Jeffreys's prior, which makes
the slope finite (Heinze and Schemper, Statistics in Medicine 21, 2002), vanishes as runs grow and
does not depend on the unit or the origin of the variable.

Each step treats the prior as h/2 successes and h/2 failures more at each setting, h being its
leverage, and is Newton's for these counts.
"""

import numpy as np
from jaxtyping import Float

from grokscope.statistics.trials import Counts, Ends

STEPS = 300
LONGEST_STEP = 3.0
CLOSE = 1e-9

Lines = tuple[Ends, Ends]


def firth(position: Float[np.ndarray, " cell"], successes: Counts, totals: Counts) -> Lines:
    """Intercept and slope of the log odds of success, of each resample.

    They are NaN where the resample has runs at one position only, or the steps do not end.
    """
    centre, spread = float(position.mean()), float(position.std()) or 1.0
    x = (position - centre) / spread
    found = np.full((2, len(totals)), np.nan)
    rows = np.flatnonzero((totals > 0).sum(axis=1) >= 2)
    lines = np.zeros((2, len(rows)))
    for _ in range(STEPS):
        if not len(rows):
            break
        step = _step(x, successes[rows], totals[rows], (lines[0], lines[1]))
        lines = lines + np.clip(step, -LONGEST_STEP, LONGEST_STEP)
        is_done = np.abs(step).max(axis=0) < CLOSE
        found[:, rows[is_done]] = lines[:, is_done]
        rows, lines = rows[~is_done], lines[:, ~is_done]
    slope = found[1] / spread
    return found[0] - slope * centre, slope


def _step(
    x: Float[np.ndarray, " cell"], successes: Counts, totals: Counts, lines: Lines
) -> Float[np.ndarray, "2 resample"]:
    logit = lines[0][:, None] + lines[1][:, None] * x
    share = 0.5 * (1 + np.tanh(logit / 2))
    spread = share * (1 - share)
    weight = totals * spread
    flat, tilt, bend = _moments(weight, x)
    leverage = weight * (bend[:, None] - 2 * x * tilt[:, None] + x**2 * flat[:, None])
    leverage /= (flat * bend - tilt**2)[:, None]
    left = successes - totals * share + leverage * (0.5 - share)
    flat, tilt, bend = _moments((totals + leverage) * spread, x)
    by_intercept, by_slope = left.sum(axis=1), left @ x
    determinant = flat * bend - tilt**2
    return np.array(
        [
            (bend * by_intercept - tilt * by_slope) / determinant,
            (flat * by_slope - tilt * by_intercept) / determinant,
        ]
    )


def _moments(weight: Counts, x: Float[np.ndarray, " cell"]) -> tuple[Ends, Ends, Ends]:
    return weight.sum(axis=1), weight @ x, weight @ x**2
