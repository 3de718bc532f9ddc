"""When to look: steps spaced evenly in the logarithm, so that every event is known as an interval.

Grokking spans orders of magnitude, and what counts is the ratio between events; a grid of constant
ratio r knows each of them to within a factor r.
"""

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
