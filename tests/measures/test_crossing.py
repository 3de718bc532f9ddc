"""Crossings that last."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokscope.measures.crossing import sustained_fall, sustained_rise
from reference.events import slow_fall, slow_rise

LEVELS = st.sampled_from([0.0, 0.45, 0.5, 0.55, 0.9, 0.92, 0.95, 0.99, 1.0, float("nan")])
CURVES = st.lists(LEVELS, max_size=25)


def rise(values: list[float], **settings) -> int | None:
    return sustained_rise(np.array(values), 0.95, 0.9, 3, **settings)


@pytest.mark.parametrize(
    ("values", "index"),
    [
        ([0.0, 0.96, 0.96, 0.96, 0.96], 1),
        ([0.0, 0.96, 0.91, 0.91, 0.91], 1),
        ([0.96, 0.5, 0.96, 0.96, 0.96, 0.96], 2),
        ([0.94, 0.94, 0.94, 0.94], None),
        ([0.96, 0.96, 0.96, 0.5, 0.96, 0.96, 0.96, 0.96], 4),
        ([], None),
    ],
)
def test_a_crossing_is_reached_and_then_held(values: list[float], index: int | None):
    assert rise(values) == index


def test_one_evaluation_must_follow_at_the_end_of_the_record():
    assert rise([0.0, 0.96]) is None
    assert rise([0.0, 0.96, 0.91]) == 1
    assert rise([0.0, 0.96, 0.89]) is None


def test_a_complete_crossing_needs_every_following_evaluation():
    assert rise([0.96, 1.0, 1.0], complete=True) is None
    assert rise([0.96, 1.0, 1.0, 1.0], complete=True) == 0


def test_nothing_needs_to_follow_a_first_hit():
    assert sustained_rise(np.array([0.0, 0.96]), 0.95, 0.9, 0) == 1


@given(CURVES, st.integers(0, 5))
def test_rises_and_falls_agree_with_plain_loops(values: list[float], start: int):
    assert rise(values, start=start) == slow_rise(values, 0.95, 0.9, start)
    assert sustained_fall(np.array(values), 0.5, 0.55, 3, start=start) == slow_fall(values, start)
