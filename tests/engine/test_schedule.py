"""Evaluation and checkpoint steps: evenly spaced in the logarithm, both ends kept."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokscope.core.errors import SettingError
from grokscope.engine import log_spaced, thin

last_steps = st.integers(0, 200_000)
ratios = st.floats(1.001, 4.0)


@given(last=last_steps, ratio=ratios)
def test_steps_rise_from_zero_to_exactly_the_last(last: int, ratio: float):
    steps = log_spaced(last, ratio)
    assert steps[0] == 0
    assert steps[-1] == last
    assert all(later > earlier for earlier, later in pairwise(steps))


@given(last=last_steps, ratio=ratios)
def test_neighbours_are_at_most_the_ratio_or_one_step_apart(last: int, ratio: float):
    for earlier, later in pairwise(log_spaced(last, ratio)):
        assert later - earlier == 1 or later <= earlier * ratio


@given(last=st.integers(1000, 200_000), ratio=st.floats(1.01, 2.0))
def test_steps_are_no_denser_than_the_ratio_asks_for(last: int, ratio: float):
    inner = log_spaced(last, ratio)[:-1]
    for earlier, later in pairwise(inner):
        assert later == earlier + 1 or later + 1 > earlier * ratio


@given(last=last_steps, ratio=ratios, wider=st.floats(1.05, 8.0))
def test_thinned_steps_are_some_of_the_steps_with_both_ends(last: int, ratio: float, wider: float):
    steps = log_spaced(last, ratio)
    kept = thin(steps, wider)
    assert set(kept) <= set(steps)
    assert (kept[0], kept[-1]) == (steps[0], steps[-1])
    assert list(kept) == sorted(set(kept))


@given(last=last_steps, ratio=ratios, wider=st.floats(1.05, 8.0))
def test_thinned_neighbours_keep_the_ratio_where_the_steps_allow_it(
    last: int, ratio: float, wider: float
):
    steps = log_spaced(last, ratio)
    following = dict(pairwise(steps))
    for earlier, later in pairwise(thin(steps, wider)):
        assert later <= earlier * wider or following[earlier] == later


@pytest.mark.parametrize("ratio", [1.0, 0.5, float("nan")])
def test_a_ratio_that_gets_nowhere_is_refused(ratio: float):
    with pytest.raises(SettingError, match="`ratio` must be greater than 1"):
        log_spaced(10, ratio)


def test_a_negative_last_step_is_refused():
    with pytest.raises(SettingError, match="`last` must be at least 0, got -1"):
        log_spaced(-1, 1.1)
