"""How long something took, where that may be known in part only.

A network whose budget ended before it generalised took longer than its budget, and one that
diverged never will. Neither is dropped, and neither counts as if it had happened at the budget.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from grokscope.core.errors import SettingError


@dataclass(frozen=True)
class Wait:
    """A value of which two bounds are known; both are the same where it was seen.

    Attributes:
        least: it is at least this; infinite for what never happens.
        most: it is at most this; infinite where it was not seen.
    """

    least: float
    most: float

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most:
            raise SettingError("least", f"at least 0 and at most {self.most:g}", self.least)

    @classmethod
    def of(cls, value: float | int) -> "Wait":
        """A value that was seen."""
        return cls(float(value), float(value))

    @classmethod
    def beyond(cls, value: float | int) -> "Wait":
        """A value that is censored: at least this."""
        return cls(float(value), math.inf)

    @property
    def was_seen(self) -> bool:
        """Whether the value is known."""
        return self.least == self.most and math.isfinite(self.least)


NEVER = Wait(math.inf, math.inf)
"""What does not happen, whatever the budget: a network that diverged."""


def require_right_censored(waits: Sequence[Wait]) -> None:
    """Refuse what estimates with networks at risk cannot use.

    Raises:
        SettingError: there are none, or one is known to lie between two bounds only.
    """
    if not waits:
        raise SettingError("waits", "at least one", 0)
    between = next((w for w in waits if not w.was_seen and math.isfinite(w.most)), None)
    if between is not None:
        raise SettingError("waits", "seen or right-censored", between)
