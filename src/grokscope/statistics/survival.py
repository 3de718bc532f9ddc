"""When networks generalise, with those that had not done so by the end of their budget.

The estimate of Kaplan and Meier (JASA 53, 1958) of the share of networks S(t) that have not
generalised after t steps: the product over the event times t_i ≤ t of 1 − d_i/n_i, with d_i events
among n_i networks at risk. A network whose budget ended is at risk until then. One that diverged
is a competing event: it cannot generalise any more, which is not the same as not having been
watched for longer. It stays at risk for ever, so that 1 − S is the share of *all* networks that
have generalised, as Aalen and Johansen's estimate of the cumulative incidence is where budgets are
alike; leaving it out would say what would happen if no network could diverge.
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from grokscope.core.errors import SettingError
from grokscope.statistics.interval import Interval
from grokscope.statistics.share import CONFIDENCE
from grokscope.statistics.wait import Wait, require_right_censored


@dataclass(frozen=True, kw_only=True)
class Survival:
    """The share of networks that wait, as a step function.

    Attributes:
        times: at which something happened, rising.
        waiting: S after each of them.
        variance: of log(−log S) after each, by Greenwood's formula; NaN where S is 0.
        last: until when networks were watched; S is not known after it unless it is 0. Infinite
            where all that still wait do so for ever.
    """

    times: tuple[float, ...]
    waiting: tuple[float, ...]
    variance: tuple[float, ...]
    last: float

    def at(self, time: float | int) -> float:
        """S(time)."""
        earlier = [s for t, s in zip(self.times, self.waiting, strict=True) if t <= time]
        return earlier[-1] if earlier else 1.0

    def band(self, confidence: float = CONFIDENCE) -> list[tuple[float, float]]:
        """Both ends of the interval of S after each time, S^exp(∓z σ) with σ of log(−log S).

        They are (0, 1) where S is 0, of which the formula knows nothing.
        """
        z = NormalDist().inv_cdf(0.5 + confidence / 2)
        pairs = zip(self.waiting, self.variance, strict=True)
        return [
            (s ** math.exp(z * math.sqrt(v)), s ** math.exp(-z * math.sqrt(v))) if s else (0.0, 1.0)
            for s, v in pairs
        ]

    def median(self, confidence: float = CONFIDENCE) -> Interval:
        """The first time with S ≤ ½, between the first ones at which either end of the band is.

        None where that is not reached. With six networks or fewer the band never leaves ½ behind,
        so there is no upper end.
        """
        half = 0.5 + 1e-12
        band = self.band(confidence)
        return Interval(
            value=self._first([s <= half for s in self.waiting]),
            low=self._first([low <= half for low, _ in band]),
            high=self._first([high <= half for _, high in band]),
        )

    def restricted_mean(self, until: float | int) -> float:
        """Mean of the smaller of the time and `until`: the area under S, in the unit of time.

        Raises:
            SettingError: networks were not watched for so long.
        """
        is_known = until <= self.last or self.at(self.last) == 0
        if not (until > 0 and is_known):
            raise SettingError("until", f"above 0 and at most {self.last:g}", until)
        edges = [0.0, *(t for t in self.times if t < until), until]
        heights = [1.0, *self.waiting]
        pieces = zip(edges, edges[1:], heights, strict=False)
        return math.fsum((right - left) * height for left, right, height in pieces)

    def _first(self, reached: Sequence[bool]) -> float | None:
        pairs = zip(self.times, reached, strict=True)
        return next((time for time, is_reached in pairs if is_reached), None)


def kaplan_meier(waits: Sequence[Wait]) -> Survival:
    """The estimate from waits that were seen, or are right-censored.

    Raises:
        SettingError: there are none, or one is known to lie between two bounds only.
    """
    require_right_censored(waits)
    ends = sorted(wait.least for wait in waits)
    seen = Counter(wait.least for wait in waits if wait.was_seen)
    times = sorted(seen)
    share, greenwood = 1.0, 0.0
    waiting: list[float] = []
    variance: list[float] = []
    for time in times:
        at_risk = len(ends) - bisect_left(ends, time)
        events = seen[time]
        share *= 1 - events / at_risk
        greenwood += events / (at_risk * (at_risk - events)) if at_risk > events else math.nan
        waiting.append(share)
        variance.append(greenwood / math.log(share) ** 2 if share > 0 else math.nan)
    return Survival(
        times=tuple(times),
        waiting=tuple(waiting),
        variance=tuple(variance),
        last=_last(waits),
    )


def _last(waits: Sequence[Wait]) -> float:
    """Those that wait for ever do not show what others would have done after their budget."""
    is_censored = any(not wait.was_seen and math.isfinite(wait.least) for wait in waits)
    times = [wait.least for wait in waits if math.isfinite(wait.least) or not is_censored]
    return max(times)
