"""Shares with exact intervals against the binomial's tails, and at their ends."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokscope.core.errors import SettingError
from grokscope.statistics import share_of
from reference.share import slow_interval


@pytest.mark.parametrize(
    ("count", "total"), [(0, 1), (1, 1), (0, 12), (1, 12), (7, 12), (12, 12), (3, 40)]
)
@pytest.mark.parametrize("confidence", [Fraction(95, 100), Fraction(1, 2)])
def test_the_interval_is_that_of_the_binomial_tails(count: int, total: int, confidence: Fraction):
    found = share_of(count, total, float(confidence))
    assert (found.low, found.high) == pytest.approx(
        slow_interval(count, total, confidence), abs=1e-10
    )


def test_published_values():
    """0 of n ends at 1 − (α/2)^(1/n); 0 of 10 is in many tables as 0 to .3085."""
    assert share_of(0, 10).high == pytest.approx(1 - 0.025 ** (1 / 10))
    assert share_of(0, 10).high == pytest.approx(0.3085, abs=5e-5)
    found = share_of(5, 10)
    assert (found.low, found.high) == pytest.approx((0.1871, 0.8129), abs=5e-5)


@given(st.integers(1, 2_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_it_holds_the_share_and_mirrors(pair: tuple[int, int]):
    count, total = pair
    found, mirror = share_of(count, total), share_of(total - count, total)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert (found.low, found.high) == pytest.approx((1 - mirror.high, 1 - mirror.low), abs=1e-9)


def test_more_networks_and_less_confidence_make_it_narrower():
    widths = [share.high - share.low for share in map(share_of, (3, 30, 300), (10, 100, 1000))]
    assert widths == sorted(widths, reverse=True)
    assert share_of(3, 10, 0.5).high < share_of(3, 10).high


@pytest.mark.parametrize(
    ("count", "total", "confidence", "complaint"),
    [
        (0, 0, 0.95, "`total` must be at least 1, got 0."),
        (1, -3, 0.95, "`total` must be at least 1, got -3."),
        (-1, 5, 0.95, "`count` must be at least 0 and at most the total, 5, got -1."),
        (6, 5, 0.95, "`count` must be at least 0 and at most the total, 5, got 6."),
        (1, 5, 1.0, "`confidence` must be between 0 and 1, both excluded, got 1.0."),
        (1, 5, 0.0, "`confidence` must be between 0 and 1, both excluded, got 0.0."),
        (1, 5, math.nan, "`confidence` must be between 0 and 1, both excluded, got nan."),
    ],
)
def test_bad_input_gets_one_line(count: int, total: int, confidence: float, complaint: str):
    with pytest.raises(SettingError) as error:
        share_of(count, total, confidence)
    assert str(error.value) == complaint
