"""Ratios and slopes: known answers, honest bounds under censoring, the unit of resampling."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grokscope.core.errors import SettingError
from grokscope.statistics import NEVER, Wait, geometric_ratio, log_slope, median_ratio
from grokscope.statistics.resample import _slope
from reference.survival import slow_geometric_ratio, slow_slope_bounds


def seen(*values: float, first: int = 0) -> dict[int, list[Wait]]:
    return {first + i: [Wait.of(value)] for i, value in enumerate(values)}


def test_a_constant_ratio_has_no_width():
    below = seen(100, 250, 300, 700, 900)
    above = {seed: [Wait.of(3 * wait.least) for wait in own] for seed, own in below.items()}
    for ratio in (median_ratio(above, below), geometric_ratio(above, below)):
        assert (ratio.value, ratio.low, ratio.high) == pytest.approx((3, 3, 3))
        assert ratio.sign == "="


def test_seeds_that_are_not_shared_are_drawn_apart():
    """What is paired is narrow, what is not has the spread of both arms."""
    values = (100.0, 250.0, 300.0, 700.0, 900.0)
    apart = median_ratio(seen(*(3 * v for v in values), first=50), seen(*values))
    assert apart.value == pytest.approx(3)
    assert apart.low < 2  # type: ignore[operator]
    assert apart.high > 5  # type: ignore[operator]


def test_a_seed_is_taken_whole():
    """Two networks of a seed are no two seeds: doubling them leaves the interval as it is."""
    below = seen(100, 250, 300, 700, 900)
    above = seen(150, 500, 900, 800, 2000)
    twice = [{seed: own * 2 for seed, own in arm.items()} for arm in (above, below)]
    assert median_ratio(*twice) == median_ratio(above, below)


def test_geometric_ratio_is_that_of_the_values():
    above, below = (3.0, 8.0, 2.0, 5.0, 9.0), (1.0, 2.0, 2.0, 4.0, 4.0)
    ratio = geometric_ratio(seen(*above), seen(*below))
    assert ratio.value == pytest.approx(slow_geometric_ratio(above, below))


def test_censored_above_makes_it_at_least():
    below = seen(100, 100, 100, 100, 100)
    above = {seed: [Wait.beyond(1000.0)] for seed in range(5)}
    ratio = median_ratio(above, below)
    assert (ratio.value, ratio.sign, ratio.low, ratio.high) == (10, "≥", 10, None)
    assert ratio.at_least(9) == "passes"
    assert ratio.at_least(11) == "unclear"
    assert ratio.at_most(9) == "fails"


def test_censored_below_makes_it_at_most():
    above = seen(100, 100, 100, 100, 100)
    below = {seed: [Wait.beyond(1000.0)] for seed in range(5)}
    ratio = median_ratio(above, below)
    assert (ratio.value, ratio.sign, ratio.low, ratio.high) == (0.1, "≤", 0, 0.1)
    assert ratio.at_least(0.2) == "fails"
    assert ratio.at_most(0.2) == "passes"


def test_censored_on_both_sides_nothing_is_known():
    both = {seed: [Wait.beyond(1000.0)] for seed in range(5)}
    for ratio in (median_ratio(both, both), geometric_ratio(both, both)):
        assert (ratio.value, ratio.high) == (None, None)
        assert ratio.at_least(1) == ratio.at_most(1) == "unclear"


def test_one_censored_network_moves_the_geometric_mean_and_not_the_median():
    above, below = seen(10, 10, 10, 10, 10, 10, 10), seen(1, 1, 1, 1, 1, 1, 1)
    above[6] = [Wait.beyond(20)]
    assert median_ratio(above, below).value == 10
    mean = geometric_ratio(above, below)
    assert (mean.sign, mean.high) == ("≥", None)
    assert mean.value == pytest.approx((10**6 * 20) ** (1 / 7))


def test_what_diverges_is_later_than_everything():
    never = {seed: [NEVER] for seed in range(5)}
    ratio = median_ratio(never, seen(1, 2, 3, 4, 5))
    assert ratio.at_least(1e9) == "passes"


def test_a_slope_is_the_exponent():
    points = {s: [(x, Wait.of((1 + s) * x**-1.5)) for x in (0.1, 0.3, 1.0)] for s in range(5)}
    slope = log_slope(points)
    assert (slope.value, slope.low, slope.high) == pytest.approx((-1.5, -1.5, -1.5))


def test_a_slope_with_censoring_at_its_upper_end_is_at_least():
    own = [(1.0, Wait.of(10)), (2.0, Wait.of(20)), (4.0, Wait.beyond(30))]
    slope = log_slope(dict.fromkeys(range(5), own))
    assert slope.sign == "≥"
    assert slope.value == pytest.approx(math.log(3) / (2 * math.log(2)))
    assert slope.high is None
    assert slope.at_least(0.5) == "passes"
    assert slope.at_most(0) == "fails"


known = st.builds(Wait.of, st.floats(1, 100))
censored = st.builds(Wait.beyond, st.floats(1, 100))


@settings(max_examples=60)
@given(st.lists(known | censored, min_size=3, max_size=6))
def test_bounds_of_a_slope_are_those_of_all_corners(values: list[Wait]):
    points = [(2.0**i, value) for i, value in enumerate(values)]
    assert _slope(points) == pytest.approx(slow_slope_bounds(points), abs=1e-6)


def test_the_interval_of_a_geometric_ratio_is_the_normal_one_of_many_pairs():
    """Of 60 pairs ln(ratio) is a mean of differences: ± 1.96 of their error of the mean."""
    stream = np.random.default_rng(3)
    below = stream.lognormal(0, 1.5, 60)
    above = 2 * below * stream.lognormal(0, 0.3, 60)
    ratio = geometric_ratio(seen(*above.tolist()), seen(*below.tolist()))
    differences = np.log(above / below)
    half = 1.96 * differences.std(ddof=1) / math.sqrt(60)
    expected = (differences.mean() - half, differences.mean() + half)
    found = (math.log(ratio.low or 0), math.log(ratio.high or 0))
    assert found == pytest.approx(expected, abs=0.2 * half)


def test_the_same_data_give_the_same_interval():
    above, below = seen(3, 8, 2, 5, 9), seen(1, 2, 2, 4, 4)
    assert median_ratio(above, below) == median_ratio(above, below)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: median_ratio({}, seen(1)), "`seeds` must be at least one in each arm, got 0."),
        (
            lambda: median_ratio(seen(1, 2), seen(1, 2, first=1)),
            "`seeds` must be the same in both arms, or all different, got [1].",
        ),
        (
            lambda: log_slope({0: [(1.0, Wait.of(1))]}),
            "`settings` must be at least two different ones, got [1.0].",
        ),
        (
            lambda: log_slope({0: [(0.0, Wait.of(1)), (1.0, Wait.of(1))]}),
            "`settings` must be above 0, got 0.0.",
        ),
    ],
)
def test_bad_input_gets_one_line(make, complaint: str):
    with pytest.raises(SettingError) as error:
        make()
    assert str(error.value) == complaint
