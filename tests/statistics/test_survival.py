"""Censored times against scipy, against hand-made cases, and where nothing can be known."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import CensoredData, ecdf

from grokscope.core.errors import SettingError
from grokscope.statistics import NEVER, Wait, kaplan_meier
from reference.survival import slow_share_waiting

waits = st.lists(
    st.builds(
        lambda time, seen: Wait.of(time) if seen else Wait.beyond(time),
        st.integers(1, 12).map(float),
        st.booleans(),
    ),
    min_size=1,
    max_size=14,
)


@given(waits)
def test_it_is_the_product_over_single_events(sample: list[Wait]):
    found = kaplan_meier(sample)
    for time in range(13):
        assert found.at(time) == pytest.approx(slow_share_waiting(sample, time), abs=1e-12)


@given(waits)
def test_estimate_and_band_are_scipys(sample: list[Wait]):
    seen = [wait.least for wait in sample if wait.was_seen]
    assume(seen)
    found = kaplan_meier(sample)
    censored = [wait.least for wait in sample if not wait.was_seen]
    theirs = ecdf(CensoredData(uncensored=seen, right=censored)).sf
    for time, share in zip(found.times, found.waiting, strict=True):
        assert share == pytest.approx(float(theirs.evaluate(time)), abs=1e-12)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy divides by 0 where the estimate is 0
        low, high = theirs.confidence_interval(method="log-log")
    for time, share, band in zip(found.times, found.waiting, found.band(), strict=True):
        if share > 0:
            expected = float(low.evaluate(time)), float(high.evaluate(time))
            assert band == pytest.approx(expected, abs=1e-9)


def test_a_case_by_hand():
    """5 of 6 wait after 2; one is censored; then 3 of 4 after 5, 2 of 3 after 7, 1 of 2 after 9."""
    sample = [Wait.of(2), Wait.beyond(4), Wait.of(5), Wait.of(7), Wait.of(9), Wait.beyond(10)]
    found = kaplan_meier(sample)
    assert found.times == (2, 5, 7, 9)
    assert found.waiting == pytest.approx((5 / 6, 5 / 8, 5 / 12, 5 / 24))
    assert found.median().value == 7
    assert found.restricted_mean(10) == pytest.approx(
        2 + 3 * 5 / 6 + 2 * 5 / 8 + 2 * 5 / 12 + 1 * 5 / 24
    )
    assert found.restricted_mean(6) == pytest.approx(2 + 3 * 5 / 6 + 1 * 5 / 8)


def test_the_median_is_not_reached_where_half_still_wait():
    few = kaplan_meier([Wait.of(3), Wait.beyond(10), Wait.beyond(10), Wait.beyond(10)])
    assert few.median().value is None
    assert few.median().high is None
    none = kaplan_meier([Wait.beyond(10)] * 6)
    assert (none.median().value, none.median().low, none.median().high) == (None, None, None)
    assert none.restricted_mean(10) == 10


def test_an_even_number_has_its_median_where_half_have_ended():
    assert kaplan_meier([Wait.of(t) for t in (1, 2, 3, 4)]).median().value == 2


def test_a_diverged_network_waits_for_ever_and_is_not_merely_censored():
    """Of 4, one diverges at 2 and the others grok at 3, 4, 5: ¾ have grokked, not all."""
    groks = [Wait.of(3), Wait.of(4), Wait.of(5)]
    competing = kaplan_meier([NEVER, *groks])
    assert competing.at(5) == pytest.approx(1 / 4)
    assert competing.median().value == 4
    assert kaplan_meier([Wait.beyond(2), *groks]).at(5) == 0


def test_the_interval_of_the_median_holds_it_and_narrows():
    small, large = (kaplan_meier([Wait.of(t) for t in range(1, n + 1)]) for n in (10, 100))
    for found in (small, large):
        median = found.median()
        assert None not in (median.low, median.value, median.high)
        assert median.low <= median.value <= median.high  # type: ignore[operator]
    assert large.median().low == 40  # type: ignore[operator]
    assert small.median().low < 5  # type: ignore[operator]
    ends = [kaplan_meier([Wait.of(t) for t in range(1, n + 1)]).median().high for n in (6, 7)]
    assert ends == [None, 6]


def test_the_interval_covers_the_true_median_as_often_as_it_says():
    stream = np.random.default_rng(5)
    held = 0
    for _ in range(200):
        times = stream.exponential(size=40).tolist()
        sample = [Wait.of(t) if t < 1.5 else Wait.beyond(1.5) for t in times]
        median = kaplan_meier(sample).median()
        high = math.inf if median.high is None else median.high
        held += (median.low or 0) <= math.log(2) <= high
    assert 0.92 <= held / 200 <= 0.99


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: kaplan_meier([]), "`waits` must be at least one, got 0."),
        (lambda: kaplan_meier([Wait(1.0, 2.0)]), "`waits` must be seen or right-censored, got"),
        (lambda: Wait(3.0, 2.0), "`least` must be at least 0 and at most 2, got 3.0."),
        (lambda: Wait.of(math.nan), "`least` must be at least 0 and at most nan, got nan."),
        (
            lambda: kaplan_meier([Wait.beyond(4)]).restricted_mean(5),
            "`until` must be above 0 and at most 4, got 5.",
        ),
    ],
)
def test_bad_input_gets_one_line(make, complaint: str):
    with pytest.raises(SettingError) as error:
        make()
    assert str(error.value).startswith(complaint)
