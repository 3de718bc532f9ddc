"""A mean with Student's interval, against scipy and by hand."""

import pytest
from scipy import stats

from grokscope.core.errors import SettingError
from grokscope.statistics import mean_of


def test_it_is_scipys_interval():
    values = [0.1, 0.5, 0.2, 0.9, 0.4]
    found = mean_of(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert found.value == pytest.approx(0.42)
    assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))


def test_equal_values_leave_no_doubt_and_one_value_leaves_all():
    assert (mean_of([2.0, 2.0]).low, mean_of([2.0, 2.0]).high) == (2.0, 2.0)
    assert (mean_of([2.0]).value, mean_of([2.0]).low, mean_of([2.0]).high) == (2.0, None, None)


def test_no_values_are_refused():
    with pytest.raises(SettingError, match="`values` must be at least one, got 0"):
        mean_of([])
