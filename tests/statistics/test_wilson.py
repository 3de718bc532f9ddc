"""Wilson's interval against scipy, against the equation that defines it, and at its ends."""

import math
from math import comb
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from grokscope.core.errors import SettingError
from grokscope.statistics import share_of, wilson

pairs = st.integers(1, 2_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(pairs, st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_it_is_scipys(pair: tuple[int, int], confidence: float):
    found = wilson(*pair, confidence)
    expected = binomtest(*pair).proportion_ci(confidence_level=confidence, method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(pairs)
def test_at_its_ends_the_count_is_z_standard_errors_away(pair: tuple[int, int]):
    count, total = pair
    found, z = wilson(count, total), NormalDist().inv_cdf(0.975)
    for end in (found.low, found.high):
        if 0 < end < 1:
            error = math.sqrt(end * (1 - end) / total)
            assert abs(found.value - end) == pytest.approx(z * error, rel=1e-9)


@given(pairs)
def test_it_holds_the_share_and_mirrors(pair: tuple[int, int]):
    count, total = pair
    found, mirror = wilson(count, total), wilson(total - count, total)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert (found.low, found.high) == pytest.approx((1 - mirror.high, 1 - mirror.low), abs=1e-12)


def test_published_values():
    """Newcombe (Statistics in Medicine 17, 1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.

    At 0 of n it ends at z²/(n + z²).
    """
    cases = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0000, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for pair, ends in cases.items():
        found = wilson(*pair)
        assert (found.low, found.high) == pytest.approx(ends, abs=5e-5)
    assert wilson(0, 4).high == pytest.approx(3.8415 / 7.8415, abs=1e-4)
    assert (wilson(0, 4).low, wilson(4, 4).high) == (0, 1)


def test_it_covers_on_average_as_often_as_it_says_and_is_narrower_than_the_exact_one():
    total = 12
    ends = [wilson(k, total) for k in range(total + 1)]
    shares = [(i + 0.5) / 1_000 for i in range(1_000)]
    covered = [
        sum(
            comb(total, k) * p**k * (1 - p) ** (total - k)
            for k, end in enumerate(ends)
            if end.low <= p <= end.high
        )
        for p in shares
    ]
    assert sum(covered) / len(covered) == pytest.approx(0.95, abs=0.01)
    assert min(covered) > 0.82
    for k, end in enumerate(ends):
        exact = share_of(k, total)
        assert end.high - end.low < exact.high - exact.low


@pytest.mark.parametrize(
    ("count", "total", "confidence", "complaint"),
    [
        (0, 0, 0.95, "`total` must be at least 1, got 0."),
        (6, 5, 0.95, "`count` must be at least 0 and at most the total, 5, got 6."),
        (1, 5, math.nan, "`confidence` must be between 0 and 1, both excluded, got nan."),
    ],
)
def test_bad_input_gets_one_line(count: int, total: int, confidence: float, complaint: str):
    with pytest.raises(SettingError) as error:
        wilson(count, total, confidence)
    assert str(error.value) == complaint
