"""When a noisy curve has really crossed a threshold."""

import numpy as np
from jaxtyping import Float, Int

Values = Float[np.ndarray, " evaluation"]
NONE = -1
"""The step of what has not happened, in arrays."""


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


class GrowingRises:
    """`sustained_rise` of many records that grow by one value at a time, in constant time each.

    A value below `hold` undoes every rise that it follows too closely, so that of all rises still
    to be confirmed only the first needs to be remembered.

    Args:
        reach: threshold to reach, one for each record.
        hold: threshold to keep, at most `reach`.
        held: number of values over which to keep it.
    """

    def __init__(self, reach: Float[np.ndarray, " record"], hold: float, held: int) -> None:
        self._reach, self._hold, self._held = reach, hold, held
        self._step = np.full(len(reach), NONE)
        self._followers = np.zeros(len(reach), np.int64)

    def add(
        self,
        records: Int[np.ndarray, " some"],
        steps: Int[np.ndarray, " some"],
        values: Float[np.ndarray, " some"],
    ) -> None:
        """One more value of some records, each of them named once."""
        start, followers = self._step[records], self._followers[records]
        waiting = (start != NONE) & (followers < self._held)
        with np.errstate(invalid="ignore"):
            holds, reaches = values >= self._hold, values >= self._reach[records]
        followers = np.where(waiting & holds, followers + 1, followers)
        start = np.where(waiting & ~holds, NONE, start)
        begins = (start == NONE) & reaches
        self._step[records] = np.where(begins, steps, start)
        self._followers[records] = np.where(begins, 0, followers)

    def found(self, records: Int[np.ndarray, " some"]) -> Int[np.ndarray, " some"]:
        """Step of the first sustained rise, as things stand, or `NONE`."""
        return self._with(records, min(self._held, 1))

    def final(self, records: Int[np.ndarray, " some"]) -> Int[np.ndarray, " some"]:
        """The same with all `held` values seen: what nothing that follows can change."""
        return self._with(records, self._held)

    def _with(self, records: Int[np.ndarray, " some"], followers: int) -> Int[np.ndarray, " some"]:
        return np.where(self._followers[records] >= followers, self._step[records], NONE)
