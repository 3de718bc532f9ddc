"""A number with the interval in which the population's may lie."""

import math
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["passes", "fails", "unclear"]


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An estimate and its interval of 95 %; None is a value that is not known, or no end.

    Attributes:
        value: the estimate; None where censoring leaves it unknown.
        low: the population's is at least this.
        high: and at most this.
        sign: `=`, or `≥` or `≤` where the value is itself a bound, because of censoring.
    """

    value: float | None
    low: float | None
    high: float | None
    sign: Literal["=", "≥", "≤"] = "="

    @classmethod
    def between(cls, values: tuple[float, float], ends: tuple[float, float]) -> "Interval":
        """From bounds of the value and of the interval, of which some may be infinite.

        Args:
            values: the least and the most that the value can be.
            ends: of the interval.
        """
        least, most = values
        low = None if ends[0] == -math.inf else ends[0]
        high = None if ends[1] == math.inf else ends[1]
        if least == most:
            value = least if math.isfinite(least) else None
            return cls(value=value, low=low, high=high)
        if math.isfinite(most):
            return cls(value=most, low=low, high=high, sign="≤")
        # at least zero, or minus infinity, says nothing of a ratio or a slope
        value = None if least in (0, -math.inf) else least
        return cls(value=value, low=low, high=high, sign="≥")

    def exponential(self) -> "Interval":
        """The same of e to the power of the number; what is not known stays so."""
        value, low, high = (
            None if end is None else math.exp(end) for end in (self.value, self.low, self.high)
        )
        return Interval(value=value, low=low, high=high, sign=self.sign)

    def at_least(self, bound: float | int) -> Outcome:
        """Whether all of the interval, or none of it, is at or above a bound."""
        if self.low is not None and self.low >= bound:
            return "passes"
        return "fails" if self.high is not None and self.high < bound else "unclear"

    def at_most(self, bound: float | int) -> Outcome:
        """Whether all of the interval, or none of it, is at or below a bound."""
        if self.high is not None and self.high <= bound:
            return "passes"
        return "fails" if self.low is not None and self.low > bound else "unclear"
