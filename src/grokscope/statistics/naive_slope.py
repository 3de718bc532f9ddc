"""What is usually reported: least squares of ln T on covariates, without regard to censoring.

Either on the runs that finished, which are the fast ones, so that exponents come out too small and
the fit too good; or with budgets as if they were times. Both are here to be shown beside the
regression with censoring (`accelerated_failure`), not to be believed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grokscope.core.errors import SettingError
from grokscope.statistics.accelerated_failure import student
from grokscope.statistics.interval import Interval
from grokscope.statistics.runs import INTERCEPT, Runs
from grokscope.statistics.wait import NEVER


@dataclass(frozen=True, kw_only=True)
class LeastSquares:
    """An ordinary regression.

    Attributes:
        coefficients: "intercept" and each covariate's, with Student's interval.
        r_squared: share of the variance of ln T that it explains.
        count: of runs.
    """

    coefficients: dict[str, Interval]
    r_squared: float
    count: int


@dataclass(frozen=True, kw_only=True)
class Naive:
    """Two regressions that are biased under censoring.

    Attributes:
        finished: on the runs that were seen only.
        budgets_as_times: on those and the censored ones, as if they had grokked at the budget.
    """

    finished: LeastSquares
    budgets_as_times: LeastSquares


def naive_slopes(runs: Runs) -> Naive:
    """Both regressions; of a time between two evaluations the later, at which it was noticed.

    Runs that diverged are in neither.

    Raises:
        SettingError: fewer runs finished than there are coefficients, or a covariate takes one
            value only or follows from the others among them.
    """
    finished = runs.where([math.isfinite(wait.most) for wait in runs.waits])
    # of a run that was censored at 0 there is no logarithm
    watched = runs.where([wait != NEVER and wait.least > 0 for wait in runs.waits])
    return Naive(finished=_least_squares(finished), budgets_as_times=_least_squares(watched))


def _least_squares(runs: Runs) -> LeastSquares:
    names: Sequence[str] = list(runs.covariates)
    columns = runs.columns(names)
    design = np.column_stack([np.ones(len(columns)), columns])
    count, terms = design.shape
    if count <= terms:
        raise SettingError("runs", f"more than {terms} that finished", count)
    time = np.log([w.most if math.isfinite(w.most) else w.least for w in runs.waits])
    values = np.linalg.lstsq(design, time, rcond=None)[0]
    left = float(np.sum((time - design @ values) ** 2))
    total = float(np.sum((time - time.mean()) ** 2))
    covariance = np.linalg.inv(design.T @ design) * left / (count - terms)
    halves = student(count - terms) * np.sqrt(np.diag(covariance))
    return LeastSquares(
        coefficients={
            name: Interval(value=value, low=value - half, high=value + half)
            for name, value, half in zip(
                [INTERCEPT, *names], values.tolist(), halves.tolist(), strict=True
            )
        },
        r_squared=1 - left / total if total > 0 else 1.0,
        count=count,
    )
