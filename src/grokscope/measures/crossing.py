"""When a noisy curve has really crossed a threshold."""

import numpy as np
from jaxtyping import Float

Values = Float[np.ndarray, " evaluation"]


def sustained_rise(
    values: Values, reach: float, hold: float, held: int, *, start: int = 0, complete: bool = False
) -> int | None:
    """Index of the first value that reaches a threshold and keeps it.

    Value i counts when it is at least `reach` and each of the `held` values after it is at least
    `hold`. Near the end of the record fewer than `held` values follow: then those that exist must
    hold and there must be at least one, so that a last value standing alone is never an event. NaN
    neither reaches nor holds.

    Args:
        values: the curve.
        reach: threshold to reach.
        hold: threshold to keep, at most `reach`.
        held: number of values over which to keep it; 0 asks for a first hit only.
        start: first index to consider.
        complete: demand all `held` values, so that an answer given on a growing record stays.

    Returns:
        The index, or None.
    """
    required = held if complete else min(held, 1)
    keeps = values >= hold
    for index in np.flatnonzero(values >= reach):
        following = keeps[index + 1 : index + 1 + held]
        if index >= start and len(following) >= required and following.all():
            return int(index)
    return None


def sustained_fall(
    values: Values, reach: float, hold: float, held: int, *, start: int = 0
) -> int | None:
    """Index of the first value at or below `reach` after which values stay at or below `hold`.

    The mirror image of `sustained_rise`; `hold` is at least `reach`.
    """
    return sustained_rise(-values, -reach, -hold, held, start=start)
