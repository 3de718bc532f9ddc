"""When to look: steps spaced evenly in the logarithm, so that every event is known as an interval.

Grokking spans orders of magnitude, and what counts is the ratio between events; a grid of constant
ratio r knows each of them to within a factor r.
"""

from itertools import pairwise

from grokscope.core.errors import SettingError


def log_spaced(last: int, ratio: float) -> tuple[int, ...]:
    """0, 1, 2, … with neighbours at most `ratio` apart (or 1 apart), ending exactly at `last`.

    >>> log_spaced(20, 1.5)
    (0, 1, 2, 3, 4, 6, 9, 13, 19, 20)

    Raises:
        SettingError: a ratio not above 1 or a negative last step.
    """
    if not ratio > 1:
        raise SettingError("ratio", "greater than 1", ratio)
    if last < 0:
        raise SettingError("last", "at least 0", last)
    steps = [0]
    while steps[-1] < last:
        steps.append(min(last, max(steps[-1] + 1, int(steps[-1] * ratio))))
    return tuple(steps)


def thin(steps: tuple[int, ...], ratio: float) -> tuple[int, ...]:
    """As few of the steps as keep neighbours at most `ratio` apart, where the steps allow it.

    >>> thin((0, 1, 2, 3, 4, 5, 6, 7, 8, 9), 2.0)
    (0, 1, 2, 4, 8, 9)
    """
    kept = list(steps[:1])
    for step, following in pairwise(steps):
        if step > kept[-1] and following > kept[-1] * ratio:
            kept.append(step)
    return tuple(dict.fromkeys([*kept, *steps[-1:]]))
