"""Lags of groups and seeds, seen and censored."""

import math

import numpy as np
import pytest
from scipy import stats

from grokscope.core.errors import SettingError
from grokscope.statistics import NEVER, Wait
from grokscope.statistics.lag import group_lag, seed_lag
from reference.lag import slow_group_lags

NOT_YET = math.inf


def test_a_lag_by_hand():
    found = group_lag(np.full(3, 100.0), np.array([200.0, 400.0, 800.0]), 1_000)
    assert (found.steps.value, found.steps.sign) == (300, "=")
    assert found.log_steps.value == pytest.approx(math.log(4))
    assert (found.units, found.censored) == (6, 0)


def test_a_median_beyond_the_budget_is_at_least():
    found = group_lag(np.full(3, 100.0), np.array([200.0, NOT_YET, NOT_YET]), 1_000)
    assert (found.steps.value, found.steps.sign, found.steps.high) == (900, "≥", None)
    assert found.log_steps.value == pytest.approx(math.log(10))
    assert (found.log_steps.sign, found.censored) == ("≥", 2)


def test_a_median_between_a_date_and_a_censored_one_is_bounded_by_both():
    found = group_lag(np.full(2, 100.0), np.array([200.0, NOT_YET]), 1_000)
    assert (found.steps.value, found.steps.sign) == (500, "≥")


def test_fewer_than_half_censored_leave_the_median_known():
    dates = np.array([200.0, 300, 400, 500, NOT_YET])
    found = group_lag(np.full(5, 100.0), dates, 1_000)
    assert (found.steps.value, found.steps.sign, found.censored) == (300, "=", 1)
    assert found.steps.high is None  # resamples with three that did not are many


def test_generalisation_before_convergence_is_a_lag_below_0():
    found = group_lag(np.full(3, 400.0), np.full(3, 100.0), 1_000)
    assert (found.steps.value, found.steps.low, found.steps.high) == (-300, -300, -300)
    assert found.log_steps.value == pytest.approx(-math.log(4))


def test_the_interval_is_that_of_plain_resamples():
    stream = np.random.default_rng(0)
    converged = stream.integers(50, 150, 60).astype(float)
    generalized = stream.integers(300, 1_500, 80).astype(float)
    generalized[generalized > 1_000] = NOT_YET
    found = group_lag(converged, generalized, 1_000)
    slow = slow_group_lags(converged, generalized, 1_000.0, 3_000, 1)
    low = float(np.quantile([least for least, _ in slow], 0.025))
    high = float(np.quantile([min(most, 2_000) for _, most in slow], 0.975))
    assert found.steps.low == pytest.approx(low, abs=25)
    assert found.steps.high is None or found.steps.high == pytest.approx(high, abs=40)
    assert (found.steps.high is None) == (high >= 2_000)


def test_the_interval_covers_the_lag_of_the_population():
    covered = 0
    for seed in range(120):
        stream = np.random.default_rng(seed)
        converged, generalized = stream.normal(100, 5, 30), stream.normal(300, 50, 30)
        found = group_lag(converged, generalized, 1_000).steps
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 200 <= found.high
    assert covered / 120 >= 0.9


def test_one_sample_has_no_interval():
    found = group_lag(np.array([100.0]), np.array([200.0]), 1_000)
    assert (found.steps.value, found.steps.low, found.steps.high) == (100, None, None)


def test_over_seeds_it_is_students_interval():
    converged = {1: 100.0, 2: 200.0, 3: 100}
    generalized = {1: Wait.of(300), 2: Wait.of(300), 3: Wait.of(500)}
    found = seed_lag(converged, generalized)
    expected = stats.ttest_1samp([200, 100, 400], 0).confidence_interval(0.95)
    assert found.steps.value == pytest.approx(700 / 3)
    assert (found.steps.low, found.steps.high) == pytest.approx(tuple(expected))
    assert found.log_steps.value == pytest.approx(math.log(3 * 1.5 * 5) / 3)
    assert (found.units, found.censored) == (3, 0)


def test_a_censored_seed_leaves_a_lower_bound():
    converged = {1: 100.0, 2: 100.0}
    seen = seed_lag(converged, {1: Wait.of(300), 2: Wait.of(500)})
    found = seed_lag(converged, {1: Wait.of(300), 2: Wait.beyond(500)})
    assert (found.steps.value, found.steps.low) == (seen.steps.value, seen.steps.low)
    assert (found.steps.high, found.steps.sign, found.censored) == (None, "≥", 1)
    assert (found.log_steps.high, found.log_steps.sign) == (None, "≥")


def test_what_never_generalises_has_no_mean_and_one_seed_no_interval():
    found = seed_lag({1: 100.0, 2: 100.0}, {1: Wait.of(300), 2: NEVER})
    assert (found.steps.value, found.steps.low, found.censored) == (None, None, 1)
    one = seed_lag({1: 100.0}, {1: Wait.of(300)})
    assert (one.steps.value, one.steps.low, one.steps.high) == (200, None, None)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (
            lambda: group_lag(np.zeros(0), np.ones(1), 10),
            "`converged` must be at least one date, got 0.",
        ),
        (
            lambda: group_lag(np.ones(1), np.zeros(0), 10),
            "`generalized` must be at least one date, got 0.",
        ),
        (
            lambda: group_lag(np.array([math.inf]), np.ones(1), 10),
            "`converged` must be above 0 and at most the budget, 10, got inf.",
        ),
        (
            lambda: group_lag(np.ones(1), np.array([math.nan]), 10),
            "`generalized` must be above 0 and at most the budget, 10, got nan.",
        ),
        (
            lambda: group_lag(np.ones(1), np.array([11.0, math.inf]), 10),
            "`generalized` must be above 0 and at most the budget, 10, got 11.0.",
        ),
        (
            lambda: seed_lag({1: 1.0}, {2: NEVER}),
            "`seeds` must be the same, at least one, in both, got [2].",
        ),
        (
            lambda: seed_lag({1: 0.0}, {1: NEVER}),
            "`converged` must be above 0 and finite, got 0.0.",
        ),
        (
            lambda: seed_lag({1: 1.0}, {1: Wait(1.0, 2.0)}),
            "`generalized` must be above 0, and seen or right-censored, got Wait(least=1.0, ",
        ),
    ],
)
def test_bad_input_gets_one_line(make, complaint: str):
    with pytest.raises(SettingError) as error:
        make()
    assert str(error.value).startswith(complaint)
