"""Exponents of the time to grok, from runs of which some did not grok within their budget.

An accelerated-failure-time regression (Kalbfleisch and Prentice, The Statistical Analysis of
Failure Time Data, 2nd edition 2002, chapter 3): ln T = β₀ + Σ βⱼ xⱼ + σ W, with W normal (T
log-normal) or logistic (T log-logistic). With xⱼ = ln(setting), βⱼ is the exponent of a power law.

Runs of one seed share data and initial values, so the interval of a coefficient is by default that
of the sandwich covariance clustered by seed, with Student's quantile of G − 1 degrees of freedom
for G seeds (Cameron and Miller, Journal of Human Resources 50, 2015); `wald` has those that take
all runs for independent. Where every seed ran at every setting, four seeds suffice for an honest
interval (simulated: 94 % instead of 95 %); where few seeds ran at different settings it can be
too narrow.

A run that diverged is a competing event: it will never grok. Without a cured share it is left out
of the regression, which then speaks of runs that do not diverge, and is counted. With a cured
share (`cure`) it counts as cured, so that the share that ever groks is that of all runs.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np

from grokscope.core.errors import SettingError
from grokscope.statistics.interval import Interval
from grokscope.statistics.latency import Family
from grokscope.statistics.likelihood import Square, Terms, likelihood_of
from grokscope.statistics.maximum import Maximum, maximum_of
from grokscope.statistics.runs import INTERCEPT, Runs
from grokscope.statistics.share import CONFIDENCE
from grokscope.statistics.wait import NEVER


@dataclass(frozen=True, kw_only=True)
class AcceleratedFailure:
    """A fitted regression of ln T.

    Attributes:
        family: distribution of T given the covariates.
        coefficients: "intercept" (ln of the unit of time) and each covariate's, with the interval
            clustered by seed; no ends where there is one seed.
        wald: the same with intervals from the observed information.
        scale: σ, spread of ln T that the covariates leave, clustered by seed.
        odds: coefficients of the log odds that a run ever groks; empty without a cured share.
        log_likelihood: with densities per unit of time.
        aic: 2 · (number of coefficients) − 2 · log_likelihood.
        seen: runs whose time is known, exactly or between two evaluations.
        censored: runs that had not grokked by the end of their budget.
        never: runs that diverged.
        seeds: how many different ones.
        runs: that were fitted.
        fixed: coefficients that were given instead of fitted.
        peak: the maximum behind all this.
    """

    family: Family
    coefficients: dict[str, Interval]
    wald: dict[str, Interval]
    scale: Interval
    odds: dict[str, Interval]
    log_likelihood: float
    aic: float
    seen: int
    censored: int
    never: int
    seeds: int
    runs: Runs = field(repr=False)
    fixed: Mapping[str, float] = field(repr=False)
    peak: Maximum = field(repr=False)

    @property
    def cure(self) -> list[str] | None:
        """Covariates of the share that ever groks; None without a cured share."""
        return [name for name in self.odds if name != INTERCEPT] if self.odds else None

    def with_fixed(self, name: str, value: float | int) -> "AcceleratedFailure":
        """The fit in which a coefficient is given.

        Raises:
            SettingError: there is no such covariate, or no maximum.
        """
        self.check_covariate(name)
        return _fitted(self.runs, self.family, self.cure, {**self.fixed, name: float(value)})

    def with_runs(self, runs: Runs) -> "AcceleratedFailure":
        """The same regression of other runs or other covariates; errors as when it was fitted."""
        return _fitted(runs, self.family, self.cure, self.fixed)

    def check_covariate(self, name: str) -> None:
        """Refuse what is no fitted covariate.

        Raises:
            SettingError: it is none.
        """
        known = sorted(self.coefficients.keys() - {INTERCEPT})
        if name not in known:
            raise SettingError("covariate", f"one of {known}", name)


def accelerated_failure(
    runs: Runs, family: Family = "log-normal", cure: Sequence[str] | None = None
) -> AcceleratedFailure:
    """Maximum likelihood, with exact, interval-censored and right-censored times.

    Args:
        runs: all of them; an interval-censored one needs no rounding to an evaluation.
        family: distribution of T.
        cure: covariates of the share that ever groks, [] for a constant share; None where all
            are taken to grok at last. The log odds carry Jeffreys's prior (see `likelihood`).

    Raises:
        SettingError: all runs diverged, a covariate takes one value only or follows from others,
            or the likelihood has no maximum at finite coefficients: nothing was seen, one
            setting's runs are all censored, or the times are explained without any spread.
    """
    return _fitted(runs, family, None if cure is None else list(cure), {})


def _fitted(
    runs: Runs, family: Family, cure: list[str] | None, fixed: Mapping[str, float]
) -> AcceleratedFailure:
    never = np.array([wait == NEVER for wait in runs.waits])
    if never.all():
        raise SettingError("waits", "some that did not diverge", int(never.sum()))
    used = runs.where(~never) if cure is None else runs
    runs.where(~never).columns([*runs.covariates])  # what diverged says nothing of ln T
    names = [name for name in used.covariates if name not in fixed]
    given = [np.array(used.covariates[name]) * value for name, value in fixed.items()]
    likelihood = likelihood_of(
        family,
        list(used.waits),
        used.columns(names),
        None if cure is None else used.columns(cure),
        np.sum(given, axis=0) if given else np.zeros(len(used.waits)),
    )
    peak = maximum_of(likelihood, used.clusters)
    if peak is None:
        rule = "such that the likelihood has a maximum at finite coefficients"
        raise SettingError("runs", rule, [*names, *(f"{name} (cure)" for name in cure or [])])
    wide = len(names) + 1
    clusters = len(set(used.clusters))
    normal = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    wald = _intervals(peak.theta, peak.wald, normal)
    robust = _intervals(peak.theta, peak.robust, student(clusters - 1))
    seen = sum(math.isfinite(wait.most) for wait in runs.waits)
    return AcceleratedFailure(
        family=family,
        coefficients=dict(zip([INTERCEPT, *names], robust, strict=False)),
        wald=dict(zip([INTERCEPT, *names], wald, strict=False)),
        scale=robust[wide].exponential(),
        odds=dict(zip([INTERCEPT, *(cure or [])], robust[wide + 1 :], strict=False)),
        log_likelihood=peak.log_likelihood,
        aic=2 * len(peak.theta) - 2 * peak.log_likelihood,
        seen=seen,
        censored=len(runs.waits) - seen - int(never.sum()),
        never=int(never.sum()),
        seeds=clusters,
        runs=runs,
        fixed=dict(fixed),
        peak=peak,
    )


def student(freedom: int) -> float:
    """Student's quantile at the upper end of the interval; infinite without any freedom."""
    from scipy.special import stdtrit  # training needs no scipy

    return float(stdtrit(freedom, (1 + CONFIDENCE) / 2)) if freedom > 0 else math.inf


def _intervals(theta: Terms, covariance: Square | None, reach: float) -> list[Interval]:
    values = theta.tolist()
    if covariance is None:
        return [Interval(value=value, low=None, high=None) for value in values]
    halves = (reach * np.sqrt(np.diag(covariance))).tolist()
    return [
        Interval(value=value, low=value - half, high=value + half)
        for value, half in zip(values, halves, strict=True)
    ]
