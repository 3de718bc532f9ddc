"""Critical values against budget lines, and hysteresis: known truths and honest doubt."""

import math

import numpy as np
import pytest

from grokscope.core.errors import SettingError
from grokscope.statistics import Budget, Interval, budget_test, hysteresis_of
from grokscope.statistics.budget_test import _verdict

DECAYS = tuple(float(x) for x in np.geomspace(0.01, 1, 25))
Outcomes = dict[int, list[tuple[float, bool]]]


def grown(
    at: float, seeds: int = 20, spread: float = 0.3, stream: int = 0, first: int = 0
) -> Outcomes:
    """Runs that generalise above a threshold of their own, of the median `at`."""
    draws = np.random.default_rng(stream)
    ends = at * np.exp(spread * draws.normal(size=(seeds, len(DECAYS))))
    return {
        first + s: [(x, x > float(end)) for x, end in zip(DECAYS, own, strict=True)]
        for s, own in enumerate(ends)
    }


def test_a_threshold_that_halves_with_twice_the_budget_is_a_budget_line():
    found = budget_test(grown(0.2), grown(0.1))
    assert found.verdict == "budget line"
    assert found.shift.value == pytest.approx(-math.log(2), abs=0.1)
    assert found.shift.low < -math.log(2) < found.shift.high
    assert found.at_budget.value == pytest.approx(0.2, rel=0.1)
    assert found.at_double.value == pytest.approx(0.1, rel=0.1)


def test_a_threshold_that_stays_is_a_critical_value():
    found = budget_test(grown(0.2, seeds=40), grown(0.2, seeds=40, stream=0))
    assert found.verdict == "critical value"
    assert (found.shift.value, found.shift.low, found.shift.high) == (0, 0, 0)
    late = grown(0.2, seeds=60)
    more = {s: [(x, y or (s == 3 and x > 0.17)) for x, y in own] for s, own in late.items()}
    found = budget_test(late, more)
    assert found.verdict == "critical value"
    assert found.shift.low < found.shift.value < 0


def test_few_seeds_or_a_coarse_grid_leave_it_unclear():
    found = budget_test(grown(0.2, seeds=3, spread=1.0), grown(0.2, seeds=3, spread=1.0, stream=9))
    assert found.verdict == "unclear"
    step = {s: [(0.1, False), (0.2, False), (0.4, True)] for s in range(4)}
    found = budget_test(step, step)
    assert found.verdict == "unclear"
    assert (found.shift.low, found.shift.high) == pytest.approx((-math.log(2), math.log(2)))


def test_the_margin_decides_between_critical_and_unclear():
    pair = grown(0.2, seeds=10), grown(0.2, seeds=10, stream=5)
    width = max(abs(budget_test(*pair).shift.low), abs(budget_test(*pair).shift.high))
    assert budget_test(*pair, margin=1.01 * width).verdict == "critical value"
    assert budget_test(*pair, margin=0.99 * width).verdict == "unclear"


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.05, 0.05, "critical value"),
        (-0.2, 0.05, "unclear"),
        (-0.05, 0.2, "unclear"),
        (0.01, 0.05, "budget line"),
        (-0.2, -0.01, "budget line"),
        (None, -0.01, "budget line"),
        (None, 0.05, "unclear"),
        (-0.05, None, "unclear"),
        (None, None, "unclear"),
    ],
)
def test_verdicts(low: float | None, high: float | None, verdict: str):
    assert _verdict(Interval(value=None, low=low, high=high), 0.1) == verdict


def test_a_shift_of_a_threshold_out_of_range_is_a_bound():
    """At the budget nothing groks, at its double all above 0.1 do: it fell by more than 10."""
    nothing = {s: [(x, False) for x, _ in own] for s, own in grown(0.1).items()}
    found = budget_test(nothing, grown(0.1))
    assert found.verdict == "budget line"
    assert (found.at_budget.sign, found.at_budget.value) == ("≥", pytest.approx(1))
    assert (found.shift.sign, found.shift.low) == ("≤", None)
    assert found.shift.value == pytest.approx(-math.log(10), abs=0.2)
    assert budget_test(nothing, nothing).verdict == "unclear"


def test_seeds_are_resampled_together():
    """What moves by the same factor in every seed has a narrow shift, however the seeds differ."""
    scale = np.exp(np.random.default_rng(1).normal(size=12) * 0.8)
    wide = [float(x) for x in np.geomspace(0.001, 10, 60)]
    arms = [
        {s: [(x, x > c * float(own)) for x in wide] for s, own in enumerate(scale)}
        for c in (0.2, 0.16)
    ]
    found = budget_test(*arms)
    assert found.verdict == "budget line"
    assert math.log(found.at_budget.high / found.at_budget.low) > 4 * (
        found.shift.high - found.shift.low
    )


def test_order_and_repetition_change_nothing():
    one, other = grown(0.2, seeds=5), grown(0.15, seeds=5, stream=3)
    found = budget_test(one, other)
    assert found == budget_test(one, other)
    assert found == budget_test({s: one[s][::-1] for s in reversed(one)}, other)
    back = budget_test(other, one)
    ends = (-found.shift.high, -found.shift.low)
    assert (back.shift.low, back.shift.high) == pytest.approx(ends)


def test_a_falling_threshold_mirrors():
    arms = [
        {s: [(1 / x, y) for x, y in own] for s, own in grown(at, seeds=6).items()}
        for at in (0.2, 0.1)
    ]
    found = budget_test(*arms, rises=False)
    assert found.verdict == "budget line"
    assert found.shift.value == pytest.approx(math.log(2), abs=0.2)


def test_a_budget_in_decay_times_is_longer_for_what_decays_slowly():
    budget = Budget(length=20, unit="decay times")
    assert budget.steps(1e-3, 1.0) == 20_000
    assert budget.steps(1e-3, 0.1) == 200_000
    assert budget.doubled() == Budget(length=40, unit="decay times")
    assert Budget(length=5_000).steps(1e-3, 0) == 5_000
    found = budget_test(grown(0.2, seeds=3), grown(0.2, seeds=3), budget=budget)
    assert found.budget == budget


def test_hysteresis_is_the_ratio_of_two_thresholds():
    for first in (0, 100):
        found = hysteresis_of(grown(0.3), grown(0.1, stream=2, first=first))
        assert found.ratio.value == pytest.approx(3, rel=0.15)
        assert found.ratio.value == pytest.approx(found.up.value / found.down.value)
        assert 1 < found.ratio.low < 3 < found.ratio.high


@pytest.mark.slow
def test_four_seeds_seldom_call_a_critical_value_a_line():
    arms = [(grown(0.2, 4, stream=2 * i), grown(0.2, 4, stream=2 * i + 1)) for i in range(25)]
    assert sum(budget_test(*pair).verdict == "budget line" for pair in arms) <= 1


def test_intervals_of_the_ratio_cover_about_as_often_as_they_say():
    arms = [(grown(0.3, 5, stream=2 * i), grown(0.1, 5, stream=2 * i + 1)) for i in range(25)]
    ratios = [hysteresis_of(*pair).ratio for pair in arms]
    assert np.mean([ratio.low < 3 < ratio.high for ratio in ratios]) >= 0.9


def test_without_hysteresis_the_ratio_holds_1():
    found = hysteresis_of(grown(0.2), grown(0.2, stream=4))
    assert found.ratio.low < 1 < found.ratio.high
    assert hysteresis_of(grown(0.2), grown(0.2)).ratio.value == 1


def test_a_way_down_that_never_ends_makes_it_at_least():
    kept = {s: [(x, True) for x, _ in own] for s, own in grown(0.1).items()}
    found = hysteresis_of(grown(0.3), kept)
    assert (found.down.sign, found.down.value) == ("≤", pytest.approx(0.01))
    assert (found.ratio.sign, found.ratio.high) == ("≥", None)
    assert found.ratio.value == pytest.approx(30, rel=0.15)
    assert found.ratio.at_least(20) == "passes"


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (
            lambda: budget_test(grown(0.2, seeds=3), grown(0.2, seeds=4)),
            "`runs` must be the same at both budgets, got [75, 100].",
        ),
        (
            lambda: budget_test(grown(0.2), grown(0.2), margin=0.0),
            "`margin` must be above 0 and finite, got 0.0.",
        ),
        (
            lambda: hysteresis_of(grown(0.2, seeds=2), grown(0.2, seeds=2, first=1)),
            "`seeds` must be the same in both, or all different, got [1].",
        ),
        (lambda: Budget(length=0), "`length` must be above 0 and finite, got 0."),
        (
            lambda: Budget(length=1, unit="decay times").steps(1e-3, 0),
            "`learning_rate · weight_decay` must be above 0 for decay times, got 0.0.",
        ),
    ],
)
def test_bad_input_gets_one_line(make, complaint: str):
    with pytest.raises(SettingError) as error:
        make()
    assert str(error.value) == complaint
