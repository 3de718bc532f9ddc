"""Published exponents as hypotheses: which of them the runs allow.

Each is put into the regression in the place of the fitted coefficient and everything else is
fitted again; twice the loss of log-likelihood is χ² of one degree of freedom if it is true.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from grokscope.core.errors import SettingError
from grokscope.statistics.accelerated_failure import AcceleratedFailure
from grokscope.statistics.curvature import likelihood_ratio_p


@dataclass(frozen=True, kw_only=True)
class Exponent:
    """A given value of a coefficient, judged.

    Attributes:
        value: of the coefficient.
        log_likelihood: of the best fit that has it.
        p: of the ratio of likelihoods; runs are taken for independent.
        delta_aic: AIC less the smallest among the hypotheses and the free fit, at least 0.
        is_inside: whether the interval clustered by seed holds it; None where there is none.
    """

    value: float
    log_likelihood: float
    p: float
    delta_aic: float
    is_inside: bool | None


def compare_exponents(
    fit: AcceleratedFailure, name: str, hypotheses: Mapping[str, float | int]
) -> dict[str, Exponent]:
    """Judge values of the coefficient of one covariate, such as {"1/λ": -1, "fitted": -0.64}.

    Raises:
        SettingError: there are no hypotheses, or no such covariate.
    """
    if not hypotheses:
        raise SettingError("hypotheses", "at least one", 0)
    fits = {label: fit.with_fixed(name, value) for label, value in hypotheses.items()}
    least = min(fit.aic, *(other.aic for other in fits.values()))
    interval = fit.coefficients[name]
    low, high = interval.low, interval.high
    return {
        label: Exponent(
            value=float(hypotheses[label]),
            log_likelihood=other.log_likelihood,
            p=likelihood_ratio_p(fit, other),
            delta_aic=other.aic - least,
            is_inside=None if low is None or high is None else low <= hypotheses[label] <= high,
        )
        for label, other in fits.items()
    }
