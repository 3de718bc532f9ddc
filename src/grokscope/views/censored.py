"""Medians over networks of which some had not got there when their training ended.

The estimate of Kaplan and Meier (1958): who was last seen without the event counts as at risk
until then. A network that diverged will never get there and stays at risk for ever.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """How long one network took, or was watched without success.

    Attributes:
        value: a step or a ratio; infinity for what can no longer happen.
        reached: whether it got there.
    """

    value: int | float
    reached: bool


def never() -> Waiting:
    """A network that can no longer get there."""
    return Waiting(value=math.inf, reached=False)


def censored_median(waits: Iterable[Waiting]) -> int | float | None:
    """The smallest value by which half had got there; None where that was not reached.

    Without censoring it is the middle value, the lower one of two.
    """
    ordered = sorted(waits, key=lambda wait: (wait.value, not wait.reached))
    left = 1.0
    for i, wait in enumerate(ordered):
        if wait.reached:
            left *= 1 - 1 / (len(ordered) - i)
            if left <= 0.5 + 1e-9:
                return wait.value
    return None
