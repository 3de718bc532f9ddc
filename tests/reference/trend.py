"""Correlations in the plainest form."""

import math


def slow_pearson(x, y) -> float:
    count = len(x)
    mean_x, mean_y = sum(x) / count, sum(y) / count
    both = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    own = sum((a - mean_x) ** 2 for a in x) * sum((b - mean_y) ** 2 for b in y)
    return both / math.sqrt(own)


def slow_ranks(values) -> list[float]:
    """How many are smaller, and half of those that are equal."""
    return [
        sum(other < own for other in values) + (1 + sum(other == own for other in values)) / 2
        for own in values
    ]


def slow_partial(x, y, given) -> float:
    """The textbook's formula of three correlations."""
    xy, xz, yz = slow_pearson(x, y), slow_pearson(x, given), slow_pearson(y, given)
    return (xy - xz * yz) / math.sqrt((1 - xz**2) * (1 - yz**2))
