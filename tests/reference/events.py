"""Slow, obvious events and labels of `grokdef/1`, written out from the definition in plain loops.

Numbers are those of the definition, not read from the package.
"""

import math

MARGIN = 0.05


def slow_rise(values: list[float], reach: float, hold: float, start: int = 0) -> int | None:
    """First index that reaches and is held by the next three, or by those left if any are left."""
    for i in range(start, len(values)):
        if not values[i] >= reach:
            continue
        following = [values[j] for j in range(i + 1, min(i + 4, len(values)))]
        if following and all(value >= hold for value in following):
            return i
    return None


def slow_fall(values: list[float], start: int) -> int | None:
    """First index at or below one half that is not undone over the next three."""
    for i in range(start, len(values)):
        following = [values[j] for j in range(i + 1, min(i + 4, len(values)))]
        if values[i] <= 0.5 and following and all(v <= 0.5 + MARGIN for v in following):
            return i
    return None


def slow_lost(values: list[float], since: int, reach: float, hold: float) -> int | None:
    """Index of the last fall after `since` if nothing was recovered after it."""
    fall = slow_fall(values, since + 1)
    while fall is not None:
        recovered = slow_rise(values, reach, hold, fall + 1)
        if recovered is None:
            return fall
        fall = slow_fall(values, recovered + 1)
    return None


def slow_plateau(steps: list[int], test: list[float], memorized: int, grokked: int) -> float:
    """Share of log-steps between two indices with both ends of a stretch near the first value."""
    flat = whole = 0.0
    for i in range(memorized, grokked):
        length = math.log(max(steps[i + 1], 1)) - math.log(max(steps[i], 1))
        whole += length
        if abs(test[i] - test[memorized]) <= 0.1 and abs(test[i + 1] - test[memorized]) <= 0.1:
            flat += length
    return flat / whole if whole > 0 else 0.0


def slow_settled(steps: list[int], test: list[float], memorized: int) -> bool:
    """Whether test q rests at a middling level in the last .3 decades."""
    end = math.log10(max(steps[-1], 1))
    points = [
        (math.log10(max(steps[i], 1)), test[i])
        for i in range(memorized + 1, len(steps))
        if math.log10(max(steps[i], 1)) >= end - 0.3
    ]
    if len(points) < 4:
        return False
    mean_x = sum(x for x, _ in points) / len(points)
    level = sum(y for _, y in points) / len(points)
    slope = sum((x - mean_x) * (y - level) for x, y in points)
    slope /= sum((x - mean_x) ** 2 for x, _ in points)
    return 0.1 <= level <= 0.9 and level - test[memorized] >= 0.1 and abs(slope) < 0.05


def slow_label(
    steps: list[int], train: list[float], test: list[float], grokked_at: float = 0.95
) -> str:
    """Label of a record without divergence, with test rows, whose data were never changed."""
    memorized = slow_rise(train, 0.99, 0.97)
    hold = grokked_at - MARGIN
    grokked = slow_rise(test, grokked_at, hold)
    if memorized is not None and slow_lost(train, memorized, 0.99, 0.97) is not None:
        return "collapse"
    if grokked is not None:
        lost = slow_lost(test, grokked, grokked_at, hold)
        if lost is not None:
            kept = min(train[lost : lost + 4])
            return "anti_grokking" if kept >= 0.97 else "collapse"
        return slow_timing(steps, test, memorized, grokked)
    if memorized is None:
        return "confusion"
    return "semi_grokking" if slow_settled(steps, test, memorized) else "memorization"


def slow_timing(steps: list[int], test: list[float], memorized: int | None, grokked: int) -> str:
    """Grokking when all three conditions hold, else comprehension."""
    if memorized is None or grokked <= memorized:
        return "comprehension"
    ratio = steps[grokked] / max(steps[memorized], 1)
    late = ratio >= 3 and grokked - memorized >= 10
    flat = slow_plateau(steps, test, memorized, grokked) >= 0.4
    return "grokking" if late and flat else "comprehension"
