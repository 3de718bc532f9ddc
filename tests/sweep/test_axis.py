"""Axes: ranges and lists as text, on whole numbers too, and what is refused."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokscope.core.errors import GrokscopeError, SettingError, UsageError
from grokscope.experiment import Config
from grokscope.recipes import find_recipe
from grokscope.sweep.axis import axis

CONFIG: Config = find_recipe("quick-mlp").config


def test_a_logarithmic_range_has_equal_ratios_and_both_ends():
    found = axis(CONFIG, "weight_decay", "log:1e-3:10:5")
    assert found.name == "optimizer.weight_decay"
    assert found.values == (0.001, 0.01, 0.1, 1.0, 10.0)


def test_a_linear_range_has_equal_steps_and_both_ends():
    assert axis(CONFIG, "task.train_fraction", "0.2:0.8:4").values == (0.2, 0.4, 0.6, 0.8)


@given(st.floats(1e-6, 1e3), st.floats(1.01, 1e6), st.integers(2, 30))
def test_points_of_a_range_rise_from_end_to_end(low, ratio, count):
    spec = f"log:{low!r}:{low * ratio!r}:{count}"
    values = axis(CONFIG, "weight_decay", spec).values
    assert len(values) == count
    assert list(values) == sorted(values)
    assert values[0] == pytest.approx(low, rel=1e-5)
    assert values[-1] == pytest.approx(low * ratio, rel=1e-5)


def test_whole_numbers_are_rounded_and_each_is_there_once():
    assert axis(CONFIG, "d_model", "log:4:64:5").values == (4, 8, 16, 32, 64)
    assert axis(CONFIG, "model.d_hidden", "1:3:9").values == (1, 2, 3)


def test_a_list_takes_the_values_of_the_settings_type():
    assert axis(CONFIG, "p", "11,1.3e1").values == (11, 13)
    assert axis(CONFIG, "operation", "add, subtract").values == ("add", "subtract")
    assert axis(CONFIG, "separate_vocab", "true,false").values == (True, False)
    assert axis(CONFIG, "data_seed", "none,3").values == (None, 3)
    assert axis(CONFIG, "lr", [1e-3, 1e-2]).values == (1e-3, 1e-2)


def test_a_range_without_points_can_be_drawn_from_only():
    bare = axis(CONFIG, "weight_decay", "log:0.01:1")
    assert bare.at(0.0) == 0.01
    assert bare.at(0.5) == pytest.approx(0.1)
    with pytest.raises(SettingError, match="a range with a number of points"):
        bare.require_values()


def test_from_a_list_every_value_is_drawn_as_often():
    listed = axis(CONFIG, "d_model", "8,16,32")
    assert [listed.at(share / 6) for share in range(6)] == [8, 8, 16, 16, 32, 32]


@pytest.mark.parametrize(
    ("name", "spec", "said"),
    [
        ("wieght_decay", "0.1,1", "There is no setting `wieght_decay`. Did you mean"),
        ("optimizer", "0.1,1", "is no single setting"),
        ("weight_decay", "log:1e-3:10:1", "must be of at least two points, got 'log:1e-3:10:1'"),
        ("weight_decay", "1:0.1:5", "from a lower to a higher end"),
        ("weight_decay", "0.1:0.1:5", "from a lower to a higher end"),
        ("weight_decay", "log:0:1:5", "above 0 on a logarithmic scale"),
        ("weight_decay", "log:a:1:5", "must be low:high:points"),
        ("weight_decay", "1:2:3:4", "a range from a lower"),
        ("weight_decay", "1:inf:3", "a range from a lower"),
        ("weight_decay", "1:2:x", "must be low:high:points"),
        ("weight_decay", "1,0.1,1", "of different points, got 1.0"),
    ],
)
def test_what_is_no_axis_gets_one_line(name, spec, said):
    with pytest.raises(GrokscopeError) as raised:
        axis(CONFIG, name, spec).require_values()
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
    assert isinstance(raised.value, SettingError | UsageError)


def test_values_are_as_short_as_six_digits_make_them():
    values = axis(CONFIG, "weight_decay", "log:0.01:0.3:4").values
    assert all(len(repr(value)) <= 9 for value in values)
    assert values[1] == pytest.approx(0.01 * math.exp(math.log(30) / 3), rel=1e-5)
