"""Correlations of trends: against loops and scipy, and what they are worth."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from grokscope.core.errors import SettingError
from grokscope.statistics.trend import (
    correlation,
    null_probability,
    over_seeds,
    partial_correlation,
    trend_correlations,
    trend_null,
)
from reference.trend import slow_partial, slow_pearson, slow_ranks

numbers = st.lists(st.tuples(*[st.integers(-20, 20)] * 3), min_size=5, max_size=12)


@given(numbers)
def test_coefficients_are_those_of_the_slow_reference_and_of_scipy(rows):
    x, y, z = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    assume(min(len(set(own.tolist())) for own in (x, y, z)) > 2)
    found = correlation(x, y)
    assert found.pearson == pytest.approx(slow_pearson(x, y), abs=1e-9)
    assert found.spearman == pytest.approx(slow_pearson(slow_ranks(x), slow_ranks(y)), abs=1e-9)
    assert found.pearson == pytest.approx(float(stats.pearsonr(x, y)[0]), abs=1e-9)
    assert found.spearman == pytest.approx(float(stats.spearmanr(x, y)[0]), abs=1e-9)
    plain = [own.tolist() for own in (x, y, z)]
    for kind, own in (("pearson", plain), ("spearman", [slow_ranks(values) for values in plain])):
        with_z = max(abs(slow_pearson(own[0], own[2])), abs(slow_pearson(own[1], own[2])))
        if with_z < 1 - 1e-6:
            expected = slow_partial(*own)
            assert getattr(partial_correlation(x, y, z), kind) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(("points", "median"), [(4, 0.93), (5, 0.94), (6, 0.95), (10, 0.98)])
def test_two_lines_that_have_nothing_to_do_with_each_other_correlate(points: int, median: float):
    """What makes a correlation of .93 over four checkpoints worth nothing."""
    null = trend_null(points)
    assert round(float(np.median(null)), 2) == median
    assert null_probability(median, points) == pytest.approx(0.5, abs=0.1)


def test_the_null_is_the_share_of_pairs_that_correlate_as_much():
    stream = np.random.default_rng(5)
    lines = np.arange(5) + 0.5 * stream.normal(size=(2, 4_000, 5))
    slow = [abs(float(np.corrcoef(x, y)[0, 1])) for x, y in zip(*lines, strict=True)]
    for bound in (0.8, 0.9, 0.98):
        expected = np.mean([value >= bound for value in slow])
        assert null_probability(-bound, 5) == pytest.approx(expected, abs=0.03)
    assert null_probability(0.0, 5) == 1
    assert 0 < null_probability(1.0, 5) < 1e-4
    assert math.isnan(null_probability(math.nan, 5))


def test_more_noise_makes_a_correlation_say_more():
    assert null_probability(0.93, 5, 2.0) < null_probability(0.93, 5, 0.5)


def trending(seed: int, points: int, link: float):
    """Two series that follow log step; their noises are related by `link`."""
    stream = np.random.default_rng(seed)
    step = np.arange(1, points + 1) * 100
    time = np.log(step)
    noise = stream.normal(size=(3, points))
    accuracy = time + 0.3 * (link * noise[0] + math.sqrt(1 - link**2) * noise[1])
    return -(time + 0.3 * noise[0]), accuracy, step


def test_unrelated_trends_correlate_in_levels_only():
    found = [trend_correlations(*trending(seed, 60, 0.0)) for seed in range(20)]
    levels = [own["levels"].pearson for own in found]
    assert max(levels) < -0.85
    for name in ("given_log_step", "changes", "measure_first", "accuracy_first"):
        assert abs(np.mean([own[name].pearson for own in found])) < 0.15
    assert all(abs(own["log_step"].pearson) > 0.9 for own in found)


def test_related_noise_shows_where_the_trend_is_taken_out():
    found = trend_correlations(*trending(0, 60, 0.9))
    for name in ("given_log_step", "changes"):
        assert found[name].pearson < -0.8
        assert found[name].spearman < -0.7


def test_a_measure_that_moves_one_checkpoint_ahead_is_found_to_lead():
    stream = np.random.default_rng(3)
    steps = stream.normal(size=41)
    accuracy, measure = np.cumsum(steps[:-1]), np.cumsum(steps[1:])
    found = trend_correlations(measure, accuracy, np.arange(1, 41))
    assert found["measure_first"].pearson > 0.99
    assert abs(found["accuracy_first"].pearson) < 0.4
    turned = trend_correlations(accuracy, measure, np.arange(1, 41))
    assert turned["accuracy_first"].pearson > 0.99


def test_a_measure_that_is_the_clock_says_nothing_beyond_it():
    _, accuracy, step = trending(1, 12, 0.0)
    found = trend_correlations(np.log(step), accuracy, step)
    assert found["levels"] == found["log_step"]
    assert math.isnan(found["given_log_step"].pearson)


def test_baselines_are_accuracy_with_the_clocks():
    measure, accuracy, step = trending(2, 10, 0.0)
    found = trend_correlations(measure, accuracy, step, tokens=step * 4_096)
    clocks = {"step": step, "log_step": np.log(step), "log_tokens": np.log(step)}
    for name, clock in clocks.items():
        assert found[name].pearson == pytest.approx(slow_pearson(clock, accuracy))
    assert "log_tokens" not in trend_correlations(measure, accuracy, step)


def test_missing_points_are_left_out_and_the_rest_is_counted():
    measure, accuracy, step = trending(3, 10, 0.0)
    kept = [0, 1, 3, 4, 5, 6, 8, 9]
    measure_, accuracy_ = measure.copy(), accuracy.copy()
    measure_[2] = accuracy_[7] = np.nan
    found = trend_correlations(measure_, accuracy_, step)
    assert found == trend_correlations(measure[kept], accuracy[kept], step[kept])
    points = {name: own.points for name, own in found.items()}
    expected = {"levels": 8, "given_log_step": 8, "changes": 7, "measure_first": 6}
    assert points.items() >= expected.items()


@pytest.mark.parametrize("points", [0, 1, 2])
def test_of_fewer_than_three_points_nothing_is_known(points: int):
    found = trend_correlations(*(own[:points] for own in trending(4, 5, 0.0)))
    assert all(math.isnan(own.pearson) and math.isnan(own.spearman) for own in found.values())


def test_constant_series_and_three_points_less_a_trend_have_no_correlation():
    measure, accuracy, step = trending(5, 8, 0.0)
    assert math.isnan(trend_correlations(np.full(8, 0.7), accuracy, step)["levels"].pearson)
    three = trend_correlations(measure[:3], accuracy[:3], step[:3])
    assert math.isfinite(three["levels"].pearson)
    assert math.isnan(three["given_log_step"].pearson)


def test_over_seeds_the_seed_is_the_unit():
    trends = {seed: trend_correlations(*trending(seed, 10, 0.0)) for seed in range(5)}
    found = over_seeds(trends)
    values = [own["levels"].pearson for own in trends.values()]
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    levels = found["levels"]
    assert levels.pearson.value == pytest.approx(np.mean(values))
    assert (levels.pearson.low, levels.pearson.high) == pytest.approx(tuple(expected))
    more = [abs(own["levels"].pearson) - abs(own["log_step"].pearson) for own in trends.values()]
    assert levels.over_baseline.value == pytest.approx(np.mean(more))
    assert (levels.seeds, levels.left_out) == (5, 0)
    baseline = found["log_step"].over_baseline
    assert (baseline.value, baseline.low, baseline.high) == (0, 0, 0)


def test_the_difference_to_the_baseline_is_paired_by_seed():
    """Seeds differ by far more than measure and clock do within a seed."""
    trends = {}
    for seed in range(6):
        stream = np.random.default_rng(seed)
        step = np.arange(1, 40)
        accuracy = np.log(step) + (0.2 + seed / 4) * stream.normal(size=39)
        trends[seed] = trend_correlations(np.log(step) + 0.2 * accuracy, accuracy, step)
    found = over_seeds(trends)["levels"]
    assert found.over_baseline.low is not None
    assert found.over_baseline.low > 0
    apart = [[abs(own[name].pearson) for own in trends.values()] for name in ("levels", "log_step")]
    assert stats.ttest_ind(*apart).pvalue > 0.05


def test_seeds_without_a_coefficient_are_left_out_and_counted():
    measure, accuracy, step = trending(0, 8, 0.0)
    trends = {
        0: trend_correlations(measure, accuracy, step),
        1: trend_correlations(np.ones(8), accuracy, step),
    }
    found = over_seeds(trends)["levels"]
    assert (found.seeds, found.left_out) == (1, 1)
    assert found.pearson.value == trends[0]["levels"].pearson
    nothing = over_seeds({1: trends[1]})["levels"].pearson
    assert (nothing.value, nothing.low) == (None, None)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (
            lambda: trend_correlations(np.ones(2), np.ones(2), np.array([0, 1])),
            "`step` must be above 0, got 0.",
        ),
        (
            lambda: trend_correlations(np.ones(2), np.ones(2), np.array([2, 1])),
            "`step` must be rising, got [2, 1].",
        ),
        (
            lambda: trend_correlations(np.ones(1), np.ones(1), np.ones(1), np.zeros(1)),
            "`tokens` must be above 0, got 0.0.",
        ),
        (lambda: over_seeds({}), "`trends` must be of at least one seed, got 0."),
        (lambda: trend_null(2), "`points` must be at least 3, got 2."),
        (lambda: trend_null(4, 0.0), "`noise` must be above 0, got 0.0."),
        (
            lambda: over_seeds({0: {"levels": correlation(np.ones(3), np.ones(3))}}),
            "`baseline` must be one of ['levels'], got 'log_step'.",
        ),
        (
            lambda: over_seeds({0: {"levels": correlation(np.ones(3), np.ones(3))}, 1: {}}),
            "`trends` must be with the same comparisons for each seed, ['levels'], got 2.",
        ),
    ],
)
def test_bad_input_gets_one_line(make, complaint: str):
    with pytest.raises(SettingError) as error:
        make()
    assert str(error.value) == complaint
