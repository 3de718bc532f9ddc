"""Whether ln T is straight in a covariate: a power law, or one that bends.

The centred square of the covariate is added and its coefficient tested against 0 by the ratio of
likelihoods. A breakdown (time falls, then rises again) shows as a positive coefficient.
"""

import math
from dataclasses import dataclass

from grokscope.core.errors import SettingError
from grokscope.statistics.accelerated_failure import AcceleratedFailure
from grokscope.statistics.interval import Interval
from grokscope.statistics.runs import Runs
from grokscope.statistics.share import CONFIDENCE
from grokscope.statistics.wait import NEVER


@dataclass(frozen=True, kw_only=True)
class Curvature:
    """The coefficient of a centred square, and how surprising it is if the truth is straight.

    Attributes:
        coefficient: change of ln T per unit of (x − mean x)², clustered by seed.
        wald: the same from the observed information.
        p: of the ratio of likelihoods, which takes runs for independent: where runs of a seed
            move together, look at `coefficient` too.
        bent: the fit with the square.
    """

    coefficient: Interval
    wald: Interval
    p: float
    bent: AcceleratedFailure

    @property
    def is_bent(self) -> bool:
        """Whether p < .05."""
        return self.p < 1 - CONFIDENCE


def curvature(fit: AcceleratedFailure, name: str) -> Curvature:
    """Test a covariate of a fit for curvature.

    Raises:
        SettingError: it is no fitted covariate, takes fewer than three values, or the fit with
            the square has no maximum.
    """
    fit.check_covariate(name)
    runs = fit.runs
    pairs = zip(runs.covariates[name], runs.waits, strict=True)
    own = [x for x, wait in pairs if wait != NEVER]
    if len(set(own)) < 3:
        raise SettingError(name, "at least three different values", sorted(set(own)))
    centre = math.fsum(own) / len(own)
    square = [(x - centre) ** 2 for x in runs.covariates[name]]
    wider = Runs(
        waits=runs.waits,
        covariates={**runs.covariates, f"{name}²": square},
        seeds=runs.seeds,
    )
    bent = fit.with_runs(wider)
    return Curvature(
        coefficient=bent.coefficients[f"{name}²"],
        wald=bent.wald[f"{name}²"],
        p=likelihood_ratio_p(bent, fit),
        bent=bent,
    )


def likelihood_ratio_p(wide: AcceleratedFailure, narrow: AcceleratedFailure) -> float:
    """Of one coefficient more, by the χ² of one degree of freedom.

    Of penalised likelihoods where there is a prior (Heinze and Schemper, Statistics in Medicine 21,
    2002).
    """
    gain = max(wide.peak.penalised - narrow.peak.penalised, 0.0)
    return math.erfc(math.sqrt(gain))
