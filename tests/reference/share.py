"""The exact interval of a share from the binomial's tails, term by term, by bisection."""

from collections.abc import Callable
from fractions import Fraction
from math import comb


def slow_interval(count: int, total: int, confidence: Fraction) -> tuple[float, float]:
    """Both ends, in rational arithmetic, to 2⁻⁴⁰."""
    tail = (1 - confidence) / 2
    low, high = Fraction(0), Fraction(1)
    if count > 0:
        low = _root(lambda p: _between(count, total, total, p) - tail)
    if count < total:
        high = _root(lambda p: tail - _between(0, count, total, p))
    return float(low), float(high)


def _between(first: int, last: int, total: int, p: Fraction) -> Fraction:
    """Probability of `first` to `last` successes."""
    terms = (comb(total, k) * p**k * (1 - p) ** (total - k) for k in range(first, last + 1))
    return sum(terms, Fraction(0))


def _root(rising: Callable[[Fraction], Fraction]) -> Fraction:
    """Where a function that rises on [0, 1] is 0."""
    low, high = Fraction(0), Fraction(1)
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return low
