"""Censored statistics in the plainest form."""

from collections.abc import Sequence
from itertools import product
from math import exp, inf, log

from grokscope.statistics import Wait


def slow_share_waiting(waits: Sequence[Wait], time: float) -> float:
    """Kaplan and Meier's product, one network at a time: each event is a factor of its own."""
    share = 1.0
    ordered = sorted(waits, key=lambda wait: (wait.least, not wait.was_seen))
    for place, wait in enumerate(ordered):
        left = len(ordered) - place
        if wait.was_seen and wait.least <= time:
            share *= 1 - 1 / left
    return share


def slow_restricted_mean_variance(waits: Sequence[Wait], until: float) -> float:
    """Sum of A² d/(n(n − d)), with the area A under the product above from each event to `until`.

    Times are whole numbers, so the area is a sum over steps.
    """
    total = 0.0
    for time in {int(wait.least) for wait in waits if wait.was_seen and wait.least < until}:
        n = sum(wait.least >= time for wait in waits)
        d = sum(wait.was_seen and wait.least == time for wait in waits)
        area = sum(slow_share_waiting(waits, step) for step in range(time, int(until)))
        total += area**2 * d / (n * (n - d)) if n > d else 0.0
    return total


def slow_slope_bounds(points: Sequence[tuple[float, Wait]]) -> tuple[float, float]:
    """Least and greatest slope of ln(value) on ln(setting) over all corners of what is known.

    Values that may be infinite are put at e^9000: what grows with that is infinite.
    """
    corners = product(*({wait.least, wait.most} for _, wait in points))
    x = [log(setting) for setting, _ in points]
    slopes = [_slope(x, [log(v) if v < inf else 9000.0 for v in corner]) for corner in corners]
    low, high = min(slopes), max(slopes)
    return (low if low > -200 else -inf), (high if high < 200 else inf)


def slow_geometric_ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """Of the values themselves, one root at a time."""
    top = exp(sum(log(value) for value in above) / len(above))
    return top / exp(sum(log(value) for value in below) / len(below))


def _slope(x: Sequence[float], y: Sequence[float]) -> float:
    n = len(x)
    top = n * sum(a * b for a, b in zip(x, y, strict=True)) - sum(x) * sum(y)
    return top / (n * sum(a * a for a in x) - sum(x) ** 2)
