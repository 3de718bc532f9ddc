"""How wide "just right" is: known widths, ends out of sight, and regions that may hide."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grokscope.core.errors import SettingError
from grokscope.statistics import window_of

DECAYS = tuple(float(x) for x in np.geomspace(1e-3, 1e3, 37))
Outcomes = dict[int, list[tuple[float, bool]]]


def region(
    begins: float,
    ends: float,
    seeds: int = 20,
    stream: int = 0,
    tried: tuple[float, ...] = DECAYS,
) -> Outcomes:
    draws = np.random.default_rng(stream)

    def groks(x: float) -> bool:
        share = 1 / (1 + (begins / x) ** 4) / (1 + (x / ends) ** 3)
        return bool(draws.random() < share)

    return {seed: [(x, groks(x)) for x in tried] for seed in range(seeds)}


@pytest.mark.parametrize(("begins", "ends"), [(0.1, 10.0), (0.01, 0.5), (0.3, 200.0)])
def test_it_recovers_both_ends_and_the_width(begins: float, ends: float):
    found = window_of(region(begins, ends, stream=1))
    assert found.begins.value == pytest.approx(begins, rel=0.15)
    assert found.ends.value == pytest.approx(ends, rel=0.15)
    decades = math.log10(ends / begins)
    assert found.decades.value == pytest.approx(decades, abs=0.1)
    assert found.decades.low < decades < found.decades.high
    assert found.decades.value == pytest.approx(math.log10(found.ends.value / found.begins.value))
    assert found.tried == pytest.approx((1e-3, 1e3))


def test_intervals_cover_about_as_often_as_they_say():
    tried = tuple(float(x) for x in np.geomspace(0.01, 100, 13))
    found = [window_of(region(0.1, 10, 8, i, tried)).decades for i in range(50)]
    assert 0.88 <= np.mean([own.low < 2 < own.high for own in found]) <= 1


def test_an_end_out_of_sight_makes_the_width_at_least():
    found = window_of(region(0.1, 1e9))
    assert (found.ends.sign, found.ends.value, found.ends.high) == ("≥", pytest.approx(1e3), None)
    assert (found.decades.sign, found.decades.high) == ("≥", None)
    assert found.decades.value == pytest.approx(4, abs=0.1)
    found = window_of(region(1e-9, 10.0))
    assert (found.begins.sign, found.begins.value) == ("≤", pytest.approx(1e-3))
    assert found.decades.sign == "≥"
    everywhere = window_of({s: [(x, True) for x in DECAYS] for s in range(4)})
    assert (everywhere.decades.value, everywhere.decades.sign) == (pytest.approx(6), "≥")
    assert (everywhere.begins.sign, everywhere.ends.sign) == ("≤", "≥")


def table(*shares: int) -> Outcomes:
    """Four seeds at settings 1, 10, 100, …; so many of them generalise at each."""
    return {s: [(10.0**i, s < n) for i, n in enumerate(shares)] for s in range(4)}


def test_one_setting_alone_is_as_wide_as_its_gaps_allow():
    found = window_of(table(0, 0, 4, 0, 0))
    assert (found.decades.low, found.decades.high) == (0, pytest.approx(2))
    assert 0 < found.decades.value < 2
    assert (found.begins.low, found.ends.high) == (pytest.approx(10), pytest.approx(1000))


def test_a_region_at_the_first_setting_is_one_sided():
    found = window_of(table(4, 4, 0, 0, 0))
    assert (found.begins.sign, found.begins.value) == ("≤", pytest.approx(1))
    assert found.ends.value == pytest.approx(10**1.5, rel=0.5)
    assert found.decades.sign == "≥"
    found = window_of(table(4, 0, 0, 0, 0))
    assert found.begins.sign == "≤"
    assert 0 < found.decades.value < 1


def test_where_half_never_generalise_the_width_is_0_and_a_narrow_region_may_hide():
    found = window_of(table(0, 1, 1, 1, 0))
    assert (found.decades.value, found.decades.low) == (0, 0)
    assert found.decades.high >= 1


@pytest.mark.parametrize("turn", [1, -1])
def test_where_fewer_than_half_generalise_in_the_middle_the_width_is_0(turn: int):
    """A flank that crosses ½ on one side of the middle is no region."""
    shares = (4, 4, 4, 6, 0)[::turn]
    trials = {s: [(10.0**i, s < n) for i, n in enumerate(shares)] for s in range(10)}
    assert window_of(trials).decades.value == 0


def test_the_widest_gap_is_what_could_hide():
    tried = (1.0, 10.0, 1000.0, 2000.0)
    trials = {s: [(x, s == i + 3) for i, x in enumerate(tried)] for s in range(30)}
    found = window_of(trials)
    assert (found.decades.value, found.decades.low) == (0, 0)
    assert found.decades.high == pytest.approx(2)


def test_a_plateau_by_hand():
    found = window_of(table(0, 4, 4, 4, 0))
    assert (found.decades.low, found.decades.high) == (pytest.approx(2), pytest.approx(4))
    assert 2 < found.decades.value < 4


@settings(max_examples=10)
@given(st.floats(-5, 5).map(math.exp))
def test_units_order_and_direction_change_nothing(factor: float):
    trials = region(0.1, 10, seeds=4)
    found = window_of(trials)
    moved = window_of({s: [(factor * x, y) for x, y in trials[s][::-1]] for s in reversed(trials)})
    turned = window_of({s: [(1 / x, y) for x, y in own] for s, own in trials.items()})
    assert found == window_of(trials)
    for other in (moved, turned):
        ends = (other.decades.low, other.decades.value, other.decades.high)
        expected = (found.decades.low, found.decades.value, found.decades.high)
        assert ends == pytest.approx(expected, abs=1e-6)
    assert moved.begins.value == pytest.approx(factor * found.begins.value)
    assert turned.begins.value == pytest.approx(1 / found.ends.value)


@pytest.mark.parametrize(
    ("trials", "complaint"),
    [
        (table(0, 0, 0), "`trials` must be some that generalised, got 0."),
        ({0: [(1.0, True)]}, "`seeds` must be at least two, to resample, got 1."),
        (
            {0: [(-1.0, True)], 1: [(1.0, True)]},
            "`settings` must be above 0, got -1.0.",
        ),
    ],
)
def test_bad_input_gets_one_line(trials, complaint: str):
    with pytest.raises(SettingError) as error:
        window_of(trials)
    assert str(error.value) == complaint
