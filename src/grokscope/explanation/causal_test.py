"""One causal test: a figure, the threshold it had to reach, and whether it did."""

import math
from dataclasses import dataclass
from typing import Any, Literal

Side = Literal["at least", "at most"]


@dataclass(frozen=True, kw_only=True)
class CausalTest:
    """The outcome of one intervention on one network.

    Attributes:
        name: as in the applicability table.
        value: the figure; NaN where the test applied and could not be run, which fails it.
        threshold: fixed beforehand.
        side: whether the figure must be at least or at most the threshold.
        about: what was done, for people.
    """

    name: str
    value: float
    threshold: float
    side: Side
    about: str

    @property
    def passed(self) -> bool:
        """Whether the figure is on the right side; NaN is on neither."""
        if self.side == "at least":
            return self.value >= self.threshold
        return self.value <= self.threshold

    def to_dict(self) -> dict[str, Any]:
        """For JSON, where NaN is null."""
        return {
            "name": self.name,
            "value": None if math.isnan(self.value) else self.value,
            "threshold": self.threshold,
            "side": self.side,
            "passed": self.passed,
            "about": self.about,
        }
