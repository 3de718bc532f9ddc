"""Restricted means against a published case, a slow reference, the mean's own error, simulation."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from grokscope.core.errors import SettingError
from grokscope.statistics import (
    NEVER,
    Wait,
    kaplan_meier,
    restricted_mean_difference,
    restricted_mean_interval,
)
from reference.survival import slow_restricted_mean_variance

Z = 1.959963984540054

waits = st.lists(
    st.builds(
        lambda time, seen: Wait.of(time) if seen else Wait.beyond(time),
        st.integers(1, 12),
        st.booleans(),
    ),
    min_size=1,
    max_size=14,
)


def read(text: str) -> list[Wait]:
    """From times as in books, with a plus where censored."""
    return [
        Wait.beyond(float(word[:-1])) if word.endswith("+") else Wait.of(float(word))
        for word in text.split()
    ]


MAINTAINED = kaplan_meier(read("9 13 13+ 18 23 28+ 31 34 45+ 48 161+"))
PLAIN = kaplan_meier(read("5 5 8 8 12 16+ 23 27 30 33 43 45"))


def test_a_published_case():
    """R's survfit(Surv(time, status) ~ x, data=aml) until 161: 52.6 (19.83) and 22.7 (4.18)."""
    for survival, mean, error in ((MAINTAINED, 52.65, 19.83), (PLAIN, 22.71, 4.18)):
        found = restricted_mean_interval(survival, 161)
        assert found.value == pytest.approx(mean, abs=0.006)
        assert found.high is not None
        assert found.high - found.value == pytest.approx(Z * error, abs=0.02)
    difference = restricted_mean_difference(MAINTAINED, PLAIN, 161)
    assert difference.value == pytest.approx(52.65 - 22.71, abs=0.01)
    assert difference.low is not None
    reach = Z * math.hypot(19.83, 4.18)
    assert difference.value - difference.low == pytest.approx(reach, abs=0.02)


@given(waits, st.integers(1, 12))
def test_it_is_the_sum_of_areas(sample: list[Wait], until: int):
    survival = kaplan_meier(sample)
    assume(until <= survival.last or survival.at(survival.last) == 0)
    found = restricted_mean_interval(survival, until)
    variance = slow_restricted_mean_variance(sample, until)
    assert found.value == survival.restricted_mean(until)
    if variance == 0:
        assert (found.low, found.high) == (None, None)
    else:
        reach = Z * math.sqrt(variance)
        expected = max(found.value - reach, 0), min(found.value + reach, until)
        assert (found.low, found.high) == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.integers(1, 12), min_size=2, max_size=12), st.integers(2, 14))
def test_without_censoring_it_is_the_error_of_a_mean(times: list[int], until: int):
    """Of the smaller of time and τ, with 1/n: Greenwood's formula has no n − 1."""
    values = np.minimum(times, until)
    assume(values.std() > 0)
    found = restricted_mean_interval(kaplan_meier([Wait.of(t) for t in times]), until)
    assert found.value == pytest.approx(values.mean())
    reach = Z * values.std() / math.sqrt(len(times))
    assert found.low == pytest.approx(max(values.mean() - reach, 0))
    assert found.high == pytest.approx(min(values.mean() + reach, until))


@given(waits, waits)
def test_a_difference_mirrors_and_scales_with_the_unit(first: list[Wait], second: list[Wait]):
    a, b = kaplan_meier([*first, Wait.beyond(12)]), kaplan_meier([*second, Wait.beyond(12)])
    found, mirror = restricted_mean_difference(a, b, 9), restricted_mean_difference(b, a, 9)
    assert found.value == -mirror.value  # type: ignore[operator]
    if found.low is not None:
        assert found.low == pytest.approx(-mirror.high, abs=1e-9)  # type: ignore[operator]
        slower = [
            kaplan_meier([Wait(w.least * 8, w.most * 8) for w in [*own, Wait.beyond(12)]])
            for own in (first, second)
        ]
        assert restricted_mean_difference(*slower, 72).low == pytest.approx(8 * found.low)


def test_where_nothing_varies_nothing_is_known_of_others():
    """None generalised, or all at once: that is no proof that the next one does the same."""
    none, all_at_once = kaplan_meier([Wait.beyond(10)] * 4), kaplan_meier([Wait.of(3)] * 4)
    for survival, value in ((none, 10), (all_at_once, 3)):
        found = restricted_mean_interval(survival, 10)
        assert (found.value, found.low, found.high) == (value, None, None)
    difference = restricted_mean_difference(none, MAINTAINED, 10)
    assert difference.value is not None
    assert (difference.low, difference.high) == (None, None)


def test_those_that_wait_for_ever_count_until_the_budget_of_the_others():
    """One of two diverged: the mean is (3 + τ)/2 for any τ, if there is no third with a budget."""
    known = kaplan_meier([Wait.of(3), NEVER])
    assert known.last == math.inf
    assert restricted_mean_interval(known, 1_000).value == pytest.approx(501.5)
    budget = kaplan_meier([Wait.of(3), NEVER, Wait.beyond(10)])
    assert budget.last == 10
    with pytest.raises(SettingError, match="`until` must be above 0 and at most 10, got 11"):
        restricted_mean_interval(budget, 11)


@pytest.mark.parametrize(
    ("networks", "shortest", "least", "most"), [(40, 0.4, 0.92, 0.975), (6, 1.0, 0.82, 0.92)]
)
def test_it_covers_the_true_mean(networks: int, shortest: float, least: float, most: float):
    """Exponential times, budgets up to 2: ∫₀¹ exp(−t) dt = 1 − 1/e."""
    stream = np.random.default_rng(11)
    truth, held, trials = 1 - math.exp(-1), 0, 300
    for _ in range(trials):
        times, budgets = stream.exponential(size=networks), stream.uniform(shortest, 2, networks)
        rows = zip(times.tolist(), budgets.tolist(), strict=True)
        survival = kaplan_meier([Wait.of(t) if t < c else Wait.beyond(c) for t, c in rows])
        found = restricted_mean_interval(survival, 1)
        held += (found.low or 0) <= truth <= (found.high or 1)
    assert least <= held / trials <= most


@pytest.mark.parametrize(
    "make",
    [
        lambda: restricted_mean_interval(kaplan_meier([Wait.beyond(4)]), 5),
        lambda: restricted_mean_difference(MAINTAINED, kaplan_meier([Wait.beyond(4)]), 5),
    ],
)
def test_bad_input_gets_one_line(make):
    with pytest.raises(SettingError) as error:
        make()
    assert str(error.value) == "`until` must be above 0 and at most 4, got 5."
