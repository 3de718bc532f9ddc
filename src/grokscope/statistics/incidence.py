"""The share of networks that have generalised by each step, where some diverge instead.

The estimate of Aalen and Johansen (Scandinavian Journal of Statistics 5, 1978) of the cumulative
incidence F(t): the sum over times t_i ≤ t of S(t_i−) d_i/n_i, with d_i events among n_i networks at
risk, and S the Kaplan–Meier estimate of the share to which neither event nor competing event has
happened. Budgets may differ: a network is at risk until its own ends. F is the share of *all*
networks; with equal budgets it is the plain share k/n, and 1 − S of `kaplan_meier` where those
that diverged wait for ever. Taking divergence for the end of a budget would say what would happen
if no network could diverge, and is always larger.

What happens at one time happens to the same networks at risk; budgets that end there end after it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from jaxtyping import Bool

from grokscope.core.errors import SettingError
from grokscope.statistics.ending import Ending
from grokscope.statistics.interval import Interval
from grokscope.statistics.share import CONFIDENCE


@dataclass(frozen=True, kw_only=True)
class Incidence:
    """The share of networks to which the event has happened, as a step function.

    Attributes:
        times: at which the event happened, rising; in the unit of the endings.
        incidence: F after each of them, in (0, 1].
        variance: of F after each, by the delta method.
        last: until when networks were watched; infinite where all fates are known. F does not
            change after it only because nobody looked.
    """

    times: tuple[float, ...]
    incidence: tuple[float, ...]
    variance: tuple[float, ...]
    last: float

    def at(self, time: float | int) -> float:
        """F(time), in [0, 1]; after `last` a lower bound."""
        earlier = [f for t, f in zip(self.times, self.incidence, strict=True) if t <= time]
        return earlier[-1] if earlier else 0.0

    def band(self, confidence: float = CONFIDENCE) -> list[tuple[float, float]]:
        """Both ends of the interval of F after each time, F^exp(±z σ) with σ of log(−log F).

        They are (0, 1) where F is 1, of which the formula knows nothing.
        """
        z = NormalDist().inv_cdf(0.5 + confidence / 2)
        return [
            _ends(f, z * math.sqrt(v)) for f, v in zip(self.incidence, self.variance, strict=True)
        ]

    def quantile(self, share: float, confidence: float = CONFIDENCE) -> Interval:
        """The first time with F ≥ share, between the first ones at which either end of the band is.

        None where that is not reached: with many that diverge, perhaps whatever the budget.

        Raises:
            SettingError: the share is not between 0 and 1.
        """
        if not 0 < share < 1:
            raise SettingError("share", "between 0 and 1, both excluded", share)
        bound = share - 1e-12
        band = self.band(confidence)
        return Interval(
            value=self._first([f >= bound for f in self.incidence]),
            low=self._first([high >= bound for _, high in band]),
            high=self._first([low >= bound for low, _ in band]),
        )

    def median(self, confidence: float = CONFIDENCE) -> Interval:
        """The time by which half of *all* networks have generalised, as in `quantile`."""
        return self.quantile(0.5, confidence)

    def _first(self, reached: Sequence[bool]) -> float | None:
        pairs = zip(self.times, reached, strict=True)
        return next((time for time, is_reached in pairs if is_reached), None)


def aalen_johansen(endings: Sequence[Ending]) -> Incidence:
    """The estimate, with its variance by the delta method.

    After t, with D_i = F(t) − F(t_i), d_i events and m_i of either kind at t_i, it is the sum over
    t_i ≤ t of D_i² m_i/(n_i(n_i−m_i)) + S(t_i−)² d_i(n_i−d_i)/n_i³ − 2 D_i S(t_i−) d_i/n_i²
    (Collett, Modelling Survival Data in Medical Research, 3rd edition, page 411), which also holds
    for ties. Without competing events it is Greenwood's of S, and without censoring F(1−F)/n.

    Raises:
        SettingError: there are none.
    """
    if not endings:
        raise SettingError("endings", "at least one", 0)
    ends = np.array([ending.time for ending in endings], dtype=float)
    is_event, is_other = (_of_kind(endings, kind) for kind in ("event", "competing"))
    times = np.unique(ends[is_event | is_other])
    at_risk = (ends >= times[:, None]).sum(1)
    events = (ends[is_event] == times[:, None]).sum(1)
    either = events + (ends[is_other] == times[:, None]).sum(1)
    waiting = np.concatenate([[1.0], np.cumprod(1 - either / at_risk)])[:-1]
    incidence = np.cumsum(waiting * events / at_risk)
    # where all at risk are gone nothing is left to vary: D is 0 from there on
    left = np.maximum(at_risk - either, 1)
    total = either / (at_risk * left)
    own = waiting**2 * events * (at_risk - events) / at_risk**3
    both = waiting * events / at_risk**2
    chosen = [i for i, count in enumerate(events) if count > 0]
    variance: list[float] = []
    for i in chosen:
        later = incidence[i] - incidence[: i + 1]
        terms = later**2 * total[: i + 1] + own[: i + 1] - 2 * later * both[: i + 1]
        variance.append(max(float(terms.sum()), 0.0))
    return Incidence(
        times=tuple(float(times[i]) for i in chosen),
        incidence=tuple(min(float(incidence[i]), 1.0) for i in chosen),
        variance=tuple(variance),
        last=_last(endings),
    )


def _of_kind(endings: Sequence[Ending], kind: str) -> Bool[np.ndarray, " network"]:
    return np.array([ending.kind == kind for ending in endings])


def _last(endings: Sequence[Ending]) -> float:
    """The greatest time, unless nobody was left to be watched after it."""
    last = max(ending.time for ending in endings)
    is_open = any(ending.kind == "censored" and ending.time == last for ending in endings)
    return float(last) if is_open else math.inf


def _ends(share: float, reach: float) -> tuple[float, float]:
    if share > 1 - 1e-12:
        return 0.0, 1.0
    factor = math.exp(reach / (share * -math.log(share)))
    return share**factor, share ** (1 / factor)
