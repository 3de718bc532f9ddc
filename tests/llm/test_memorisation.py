"""Since when samples are memorised and items solved: curves drawn by hand, and loops."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokscope.core.errors import SettingError
from grokscope.llm.memorisation import (
    LossCurves,
    choose_eps,
    generalized_since,
    memorized_online,
    memorized_since,
)
from reference.memorisation import (
    slow_choose_eps,
    slow_generalized,
    slow_memorized,
    slow_online,
)

STEPS = np.array([10, 20, 30, 40, 50])
NEVER = math.inf


def curves(*losses) -> LossCurves:
    return LossCurves(steps=STEPS, losses=np.array(losses).T)


SETTLES = [3.0, 1.0, 1.02, 0.98, 1.0]
DIPS = [3.0, 1.0, 2.0, 1.0, 1.0]
DRIFTS = [3.0, 0.9, 0.7, 0.5, 0.3]
HIGH = [3.0, 2.0, 2.0, 2.0, 2.0]
HAND = curves(SETTLES, DIPS, DRIFTS, HIGH)

tables = st.tuples(st.integers(1, 7), st.integers(1, 5)).flatmap(
    lambda shape: st.lists(
        st.lists(
            st.sampled_from([0.1, 0.12, 0.14, 0.5, 0.52, 1.0]), min_size=shape[0], max_size=shape[0]
        ),
        min_size=shape[1],
        max_size=shape[1],
    )
)
dates = st.sampled_from([0.0, 1.0, 3.0, math.inf])


def test_looking_back_a_sample_is_memorised_since_it_stays_near_its_last_loss():
    """A dip that is lost again does not count, and one that drifts is memorised at the end only."""
    assert memorized_since(HAND, None, eps=1.5).tolist() == [20, 40, 50, NEVER]
    assert memorized_since(HAND, None, eps=1.0).tolist() == [20, 40, 50, NEVER]
    assert memorized_since(HAND, None, eps=0.99).tolist() == [40, NEVER, 50, NEVER]
    assert memorized_since(HAND, None, eps=1.5, delta=0.41).tolist() == [20, 40, 30, NEVER]


def test_online_only_the_window_counts():
    """The drift is never within .05 for two measurements; the dip is found when it settles."""
    found = memorized_online(HAND, None, eps=1.5, window=2)
    assert found.since.tolist() == [20, 40, NEVER, NEVER]
    assert found.known.tolist() == [30, 50, NEVER, NEVER]
    longer = memorized_online(HAND, None, eps=1.5, window=3)
    assert longer.since.tolist() == [20, NEVER, NEVER, NEVER]
    assert longer.known.tolist() == [40, NEVER, NEVER, NEVER]
    one = memorized_online(HAND, None, eps=1.5, window=1)
    assert one.since.tolist() == one.known.tolist() == [20, 20, 20, NEVER]


def test_online_what_comes_later_changes_nothing():
    """A forgetful sample is known as memorised at the same step with and without its relapse."""
    relapse = curves([3.0, 1.0, 1.0, 3.0, 3.0])
    known = memorized_online(relapse, None, eps=1.5, window=2).known
    short = LossCurves(steps=STEPS[:3], losses=relapse.losses[:3])
    assert known.tolist() == memorized_online(short, None, eps=1.5, window=2).known.tolist() == [30]
    assert memorized_since(relapse, None, eps=1.5).tolist() == [NEVER]


def test_a_sample_that_was_not_seen_cannot_be_memorised():
    own = curves(SETTLES, SETTLES, SETTLES, SETTLES)
    exposed = np.array([0.0, 20.0, 31.0, math.inf])
    assert memorized_since(own, None, eps=1.5).tolist() == [20] * 4
    assert memorized_since(own, exposed, eps=1.5).tolist() == [20, 20, 40, NEVER]
    found = memorized_online(own, exposed, eps=1.5, window=2)
    assert found.since.tolist() == [20, 20, 40, NEVER]
    assert found.known.tolist() == [30, 30, 50, NEVER]


@given(tables, st.data(), st.sampled_from([0.13, 0.5, 2.0]), st.integers(1, 4))
def test_both_rules_are_those_of_the_slow_reference(table, data, eps: float, window: int):
    steps = np.arange(1, len(table[0]) + 1)
    exposed = np.array([data.draw(dates) for _ in table])
    own = LossCurves(steps=steps, losses=np.array(table).T)
    for seen in (exposed, None):
        firsts = exposed if seen is not None else np.zeros(len(table))
        rows = list(zip(table, firsts.tolist(), strict=True))
        found = memorized_since(own, seen, eps=eps)
        assert found.tolist() == [slow_memorized(r, steps, e, eps, 0.05) for r, e in rows]
        online = memorized_online(own, seen, eps=eps, window=window)
        expected = [slow_online(r, steps, e, eps, 0.05, window) for r, e in rows]
        assert list(zip(online.since, online.known, strict=True)) == expected


@given(tables, st.data())
def test_the_scan_of_eps_is_exact(table, data):
    steps = np.arange(1, len(table[0]) + 1)
    exposed = np.array([data.draw(dates) for _ in table])
    found = choose_eps(LossCurves(steps=steps, losses=np.array(table).T), exposed)
    expected = slow_choose_eps(table, steps, exposed.tolist(), 0.05)
    assert (found.eps, found.share) == expected
    assert found.in_range == (0.2 <= found.share <= 0.25)


def test_eps_is_chosen_so_that_a_fifth_to_a_quarter_is_memorised_before_the_end():
    """Losses 0.05, 0.15 … 1.95 from the first step on: four of twenty are at most 0.4."""
    flat = np.tile(np.arange(20) / 10 + 0.05, (5, 1))
    own = LossCurves(steps=STEPS, losses=flat)
    found = choose_eps(own, None)
    assert (found.eps, found.share, found.in_range) == (0.4, 0.2, True)
    dates = memorized_since(own, None, eps=found.eps)
    assert (dates < STEPS[-1]).mean() == found.share


def test_what_is_memorised_at_the_last_measurement_only_does_not_count():
    drifting = LossCurves(steps=STEPS, losses=np.tile(np.linspace(3, 0.1, 5)[:, None], (1, 10)))
    found = choose_eps(drifting, None)
    assert (found.share, found.in_range) == (0, False)


def test_with_exposure_another_eps_is_chosen():
    flat = np.tile(np.arange(20) / 10 + 0.05, (5, 1))
    exposed = np.where(np.arange(20) < 10, math.inf, 0)
    assert choose_eps(LossCurves(steps=STEPS, losses=flat), exposed).eps == 1.4


def test_where_no_share_is_in_range_the_nearest_is_taken():
    same = LossCurves(steps=STEPS, losses=np.full((5, 10), 0.55))
    found = choose_eps(same, None)
    assert (found.eps, found.share, found.in_range) == (0.1, 0.0, False)


def test_a_sample_with_a_missing_loss_is_left_out():
    holed = HAND.losses.copy()
    holed[3, 1] = np.nan
    own = LossCurves(steps=STEPS, losses=holed)
    found = memorized_since(own, None, eps=1.5)
    assert np.isnan(found).tolist() == [False, True, False, False]
    online = memorized_online(own, None, eps=1.5, window=1)
    assert np.isnan(online.since).tolist() == np.isnan(found).tolist()
    assert choose_eps(own, None).share == choose_eps(curves(SETTLES, DRIFTS, HIGH), None).share
    nothing = choose_eps(LossCurves(steps=STEPS, losses=np.full((5, 2), np.nan)), None)
    assert np.isnan(nothing.eps)


def test_no_samples_and_one_measurement_are_no_trouble():
    empty = LossCurves(steps=STEPS, losses=np.zeros((5, 0)))
    assert memorized_since(empty, None, eps=1.0).shape == (0,)
    assert np.isnan(choose_eps(empty, None).share)
    single = LossCurves(steps=STEPS[:1], losses=np.array([[0.5, 2.0]]))
    assert memorized_since(single, None, eps=1.0).tolist() == [10, NEVER]
    assert memorized_online(single, None, eps=1.0, window=2).known.tolist() == [NEVER, NEVER]
    assert choose_eps(single, None).share == 0


def test_an_item_is_solved_since_it_is_right_but_for_one_slip():
    def since(text: str) -> float:
        correct = np.array([[letter == "+"] for letter in text])
        return float(generalized_since(correct, np.arange(len(text)))[0])

    assert since("--+++") == 2
    assert since("-----") == NEVER
    assert since("----+") == 4
    assert since("+-++++") == 0  # 5 of 6 are more than .8
    assert since("+-+++") == 2  # 4 of 5 are not
    assert since("-+++++") == 1  # it is not solved where it is wrong
    assert since("++-+-+++++") == 3
    assert since("+-+-+++++++") == 2  # 9 of 11 are more than .8, but two are wrong


@given(st.lists(st.booleans(), min_size=1, max_size=12))
def test_items_are_those_of_the_slow_reference(answers: list[bool]):
    steps = np.arange(1, len(answers) + 1) * 5
    found = generalized_since(np.array(answers)[:, None], steps)
    assert found.tolist() == [slow_generalized(answers, steps)]


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (
            lambda: LossCurves(steps=STEPS, losses=np.zeros((4, 2))),
            "`steps` must be one for each of at least one measurement, 4, got 5.",
        ),
        (
            lambda: LossCurves(steps=STEPS[::-1], losses=np.zeros((5, 2))),
            "`steps` must be rising, got [50, 40, 30, 20, 10].",
        ),
        (lambda: memorized_online(HAND, None, eps=1.0, window=0), "`window` must be at least 1"),
        (
            lambda: memorized_since(HAND, np.zeros(3), eps=1.0),
            "`exposed` must be one for each sample, 4, got 3.",
        ),
    ],
)
def test_bad_input_gets_one_line(make, complaint: str):
    with pytest.raises(SettingError) as error:
        make()
    assert str(error.value).startswith(complaint)
