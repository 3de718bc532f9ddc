"""Variance components by hand, against pairs of cells, and on tables whose variances are known."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from grokscope.core.errors import SettingError
from grokscope.statistics import NEVER, Component, Crossed, Wait, crossed_components
from grokscope.statistics.crossed import _components, _resampled
from reference.crossed import slow_components

NAMES = ("split", "init", "residual")


def times(logs) -> list[list[Wait]]:
    return [[Wait.of(math.exp(value)) for value in row] for row in logs]


def parts(found: Crossed) -> list[Component]:
    return [getattr(found, name) for name in NAMES]


def drawn(stream: np.random.Generator, size: tuple[int, int], deviations: tuple[float, ...]):
    rows, columns, rest = (
        scale * stream.normal(size=shape)
        for scale, shape in zip(deviations, [(size[0], 1), (1, size[1]), size], strict=True)
    )
    return 5 + rows + columns + rest


def test_a_case_by_hand():
    """Row means 1 and 6, column means 2 and 5, residuals ±½: mean squares 25, 9 and 1."""
    found = parts(crossed_components(times([[0, 2], [4, 8]])))
    assert [part.variance.value for part in found] == pytest.approx([12, 4, 1])
    assert [part.share.value for part in found] == pytest.approx([12 / 17, 4 / 17, 1 / 17])
    assert [part.was_negative for part in found] == [False, False, False]


def test_what_comes_out_negative_is_set_to_zero_and_says_so():
    """Residuals only: rows and columns have equal means."""
    found = parts(crossed_components(times([[1, 0], [0, 1]])))
    assert [part.variance.value for part in found] == pytest.approx([0, 0, 1])
    assert [part.was_negative for part in found] == [True, True, False]
    assert [part.share.value for part in found] == pytest.approx([0, 0, 1])


tables = st.integers(2, 5).flatmap(
    lambda width: st.lists(
        st.lists(st.integers(0, 9).map(float), min_size=width, max_size=width),
        min_size=2,
        max_size=5,
    )
)


@given(tables)
def test_it_is_that_of_pairs_of_cells(logs: list[list[float]]):
    found = parts(crossed_components(times(logs)))
    for part, expected in zip(found, slow_components(logs), strict=True):
        assert part.variance.value == pytest.approx(max(expected, 0), abs=1e-9)
        if abs(expected) > 1e-9:
            assert part.was_negative == (expected < 0)


@given(tables)
def test_rows_and_columns_change_places_and_the_unit_does_not_matter(logs: list[list[float]]):
    array = np.array(logs)
    assume(array.std() > 0)
    found, turned = crossed_components(times(logs)), crossed_components(times(array.T))
    slower = crossed_components(times(array + 3))
    for name, mirror in zip(NAMES, ("init", "split", "residual"), strict=True):
        part = getattr(found, name)
        assert part.variance.value == pytest.approx(getattr(turned, mirror).variance.value)
        other = getattr(slower, name)
        assert part.variance.value == pytest.approx(other.variance.value, abs=1e-9)
        for interval in (part.variance, part.share):
            assert 0 <= interval.low <= interval.high
        assert part.share.high <= 1
    assert sum(part.share.value for part in parts(found)) == pytest.approx(1)  # type: ignore[misc]


def test_what_depends_on_one_side_only_is_all_of_that_side():
    found = crossed_components(times([[i] * 6 for i in (0.0, 1.0, 3.0, 4.0, 7.0, 9.0)]))
    assert found.split.share.value == pytest.approx(1)
    assert found.split.share.low == pytest.approx(1)
    assert found.init.share.high == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("size", [2, 3, 6])  # whose means of ln(6) are off by rounding
def test_equal_times_have_no_variance_and_no_shares(size: int):
    for part in parts(crossed_components([[Wait.of(6)] * size] * size)):
        assert (part.variance.value, part.variance.high) == pytest.approx((0, 0), abs=1e-24)
        assert not part.was_negative
        assert (part.share.value, part.share.low, part.share.high) == (None, None, None)


def test_estimates_are_unbiased_and_resampled_ones_are_centred_on_them():
    stream = np.random.default_rng(1)
    logs = np.stack([drawn(stream, (5, 7), (1.0, 0.5, 0.7)) for _ in range(4_000)])
    assert _components(logs).mean(1) == pytest.approx([1.0, 0.25, 0.49], rel=0.05)
    one = drawn(stream, (12, 9), (3.0, 3.0, 2.0))  # effects so large that nothing is set to 0
    assert _resampled(one).mean(1) == pytest.approx(_components(one), rel=0.025)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    stream = np.random.default_rng(6)
    truth = np.array([1.0, 0.25, 0.5])
    held = np.zeros((2, 3))
    trials = 100
    for _ in range(trials):
        found = parts(crossed_components(times(drawn(stream, (6, 6), tuple(np.sqrt(truth))))))
        for i, (part, value) in enumerate(zip(found, truth, strict=True)):
            share = value / truth.sum()
            held[0, i] += part.share.low <= share <= part.share.high  # type: ignore[operator]
            held[1, i] += part.variance.low <= value <= part.variance.high  # type: ignore[operator]
    assert (held[0] / trials).min() >= 0.88
    assert (held[1] / trials).min() >= 0.8


def test_the_same_table_gives_the_same_intervals():
    table = times(drawn(np.random.default_rng(3), (4, 5), (1, 1, 1)))
    assert crossed_components(table) == crossed_components(table)


SEEN = [Wait.of(5), Wait.of(6)]


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        (
            [SEEN, [Wait.of(5), Wait.beyond(9)]],
            "`table` must be {}, got Wait(least=9.0, most=inf)",
        ),
        (
            [SEEN, [NEVER, NEVER]],
            "`table` must be {}, got Wait(least=inf, most=inf)",
        ),
        (
            [SEEN, [Wait.of(5), Wait.of(0)]],
            "`table` must be {}, got Wait(least=0.0, most=0.0)",
        ),
        ([SEEN, SEEN[:1]], "`table` must be rows of one length, got [1, 2]"),
        ([SEEN], "`table` must be at least two rows and columns, got (1, 2)"),
        ([SEEN[:1]] * 2, "`table` must be at least two rows and columns, got (2, 1)"),
        ([], "`table` must be at least two rows and columns, got (0,)"),
    ],
)
def test_bad_input_gets_one_line(table, complaint: str):
    with pytest.raises(SettingError) as error:
        crossed_components(table)
    rule = "of times that were seen and are above 0"
    assert str(error.value) == complaint.format(rule) + "."
