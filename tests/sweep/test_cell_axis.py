"""Levels of an axis: values of a grid as they are, drawn ones in bins, on the scale they have."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokscope.core.errors import SettingError
from grokscope.sweep.cell_axis import BINS, cell_axis


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([0.01, 0.1, 1.0, 10.0], "log"),
        ([0.3, 0.4, 0.5, 0.6], "linear"),
        ([1, 2, 4, 8, 16], "log"),
        ([0, 0.01, 0.1, 1.0], "ordered"),
        ([0, 1, 2, 3], "linear"),
        ([-1.0, 0.0, 1.0], "linear"),
        (["b", "a"], "named"),
        ([None, 3], "named"),
        ([True, False], "named"),
    ],
)
def test_the_scale_is_read_off_the_values(values, scale):
    axis = cell_axis("a", values)
    assert axis.scale == scale
    assert not axis.has_bins
    assert set(axis.levels) == set(values)


@pytest.mark.parametrize("values", [np.linspace(0.2, 0.8, 30), np.geomspace(1e-3, 10, 30)])
def test_a_long_grid_keeps_its_values(values):
    assert not cell_axis("a", values.tolist()).has_bins
    assert not cell_axis("a", values.tolist(), fill=1.0).has_bins


def test_drawn_values_are_put_into_bins_of_equal_width_on_their_scale():
    drawn = np.random.default_rng(0).uniform(np.log(1e-3), np.log(10), 100)
    axis = cell_axis("a", np.exp(drawn).tolist(), fill=0.01)
    assert (axis.scale, len(axis.levels), len(axis.edges)) == ("log", BINS, BINS + 1)
    np.testing.assert_allclose(np.diff(np.log(axis.edges)), np.ptp(drawn) / BINS, rtol=1e-9)
    linear = cell_axis("a", np.random.default_rng(0).uniform(0.2, 0.8, 100).tolist(), fill=0.01)
    assert linear.scale == "linear"
    np.testing.assert_allclose(np.diff(linear.edges), linear.edges[1] - linear.edges[0])


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=60), st.sampled_from([None, 0.1, 1.0]))
def test_every_value_has_a_level(values, fill):
    axis = cell_axis("a", values, fill)
    places = [axis.index(value) for value in values]
    assert all(0 <= place < len(axis.levels) for place in places)
    ordered = sorted(zip(values, places, strict=True))
    assert [place for _, place in ordered] == sorted(places)


def test_what_is_no_level_is_refused():
    with pytest.raises(SettingError):
        cell_axis("a", [0.1, 1.0]).index(0.5)
    with pytest.raises(SettingError):
        cell_axis("a", np.random.default_rng(0).random(50).tolist(), 0.1).index(2.0)
    with pytest.raises(SettingError):
        cell_axis("a", [])


def test_levels_are_named():
    assert cell_axis("a", [0.123456, 1.0]).words(0) == "0.1235"
    assert cell_axis("a", [True, False]).words(1) == "yes"
    assert " to " in cell_axis("a", np.random.default_rng(0).random(50).tolist(), 0.1).words(0)
