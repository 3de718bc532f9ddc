"""What happened, and between which evaluations."""

import math

import numpy as np
import pytest

from grokscope.measures.curve import Curve
from grokscope.measures.events import EVENTS, events_of, onset_threshold
from grokscope.measures.thresholds import GROKDEF_1
from measures.curves import BY_LABEL, EARLY, LATE, record, steps_until, then_falls


def names(curve: Curve) -> list[str]:
    return [event.name for event in events_of(curve, GROKDEF_1)]


@pytest.mark.parametrize("label", BY_LABEL)
def test_events_are_sorted_and_known(label: str):
    events = events_of(BY_LABEL[label], GROKDEF_1)
    assert [e.step for e in events] == sorted(e.step for e in events)
    assert {e.name for e in events} <= set(EVENTS)


def test_an_event_is_known_as_the_interval_between_two_evaluations():
    curve = BY_LABEL["grokking"]
    steps = curve.step.tolist()
    for event in events_of(curve, GROKDEF_1):
        assert event.after == steps[steps.index(event.step) - 1]
    (memorized,) = [e for e in events_of(curve, GROKDEF_1) if e.name == "memorized"]
    assert memorized.value == curve.train_acc[steps.index(memorized.step)] >= 0.99


def test_an_event_at_the_first_evaluation_has_no_earlier_one():
    curve = record(lambda _: 1.0, lambda _: 0.0)
    (memorized,) = events_of(curve, GROKDEF_1)
    assert (memorized.name, memorized.step, memorized.after) == ("memorized", 0, None)


def test_the_thresholds_of_test_accuracy_follow_one_another():
    assert names(record(EARLY, LATE)) == [
        "memorized",
        "onset",
        "grokked_50",
        "grokked_90",
        "grokked",
        "grokked_99",
    ]


def test_chance_and_ceiling_are_taken_out_of_the_accuracy():
    plain = events_of(record(EARLY, LATE), GROKDEF_1)
    scaled = record(
        lambda s: 0.1 + 0.9 * EARLY(s), lambda s: 0.1 + 0.5 * LATE(s), chance=0.1, ceiling=0.6
    )
    found = {e.name: e.step for e in events_of(scaled, GROKDEF_1) if e.name != "onset"}
    assert found == {e.name: e.step for e in plain if e.name != "onset"}


def test_onset_is_above_the_noise_of_chance():
    curve = record(EARLY, LATE, chance=0.1, n_test=900)
    assert onset_threshold(curve, GROKDEF_1) == pytest.approx(0.05 + 3 * 0.01 / 0.9)
    noise = record(EARLY, lambda s: 0.1 + 0.06 * (s > 50), chance=0.1, n_test=900)
    assert "onset" not in names(noise)


def test_losses_give_a_second_pair_of_events():
    curve = record(EARLY, LATE)
    scale = math.log(97)
    losses = {
        "train_loss": scale * (1 - curve.train_acc),
        "test_loss": scale * (1 - curve.test_acc),
    }
    settings = {name: getattr(curve, name) for name in ("step", "train_acc", "test_acc")}
    both = Curve(**settings, **losses, n_test=9, chance=0.0, loss_scale=scale)
    steps = {event.name: event.step for event in events_of(both, GROKDEF_1)}
    assert steps["memorized_loss"] == steps["memorized"]
    assert steps["grokked_loss"] == steps["grokked"]


def test_a_fall_that_is_made_good_is_followed_by_a_recovery():
    dip = record(EARLY, lambda s: 0.2 if 9000 < s < 13_000 else LATE(s))
    assert names(dip)[-2:] == ["test_fell", "test_recovered"]


def test_a_dip_of_one_evaluation_is_no_fall():
    steps = steps_until(20_000)
    dip = record(EARLY, lambda s: 0.0 if s == steps[-5] else LATE(s))
    assert "test_fell" not in names(dip)


def test_falls_of_the_training_accuracy_are_seen_without_grokking():
    assert names(record(then_falls(EARLY, 900), lambda _: 0.0)) == ["memorized", "train_fell"]


def with_loss(loss, **others) -> Curve:
    step = steps_until(2000)
    values = np.array([loss(float(s)) for s in step])
    flat = np.zeros(len(step))
    return Curve(
        step=step, train_acc=flat, test_acc=flat, n_test=9, chance=0.0, train_loss=values, **others
    )


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_train_loss_that_is_not_finite_is_a_divergence(bad: float):
    (event,) = events_of(with_loss(lambda s: 1.0 if s < 500 else bad), GROKDEF_1)
    assert event.name == "diverged"
    assert event.after is not None
    assert event.after < 500 <= event.step
    assert event.value is None


def test_a_loss_that_stays_far_above_its_start_is_a_divergence():
    assert names(with_loss(lambda s: 1.0 if s < 500 else 50.0)) == ["diverged"]
    assert names(with_loss(lambda s: 1.0 if s < 500 else 50.0, loss_scale=6.0)) == []


def test_a_slingshot_and_a_large_first_loss_are_no_divergence():
    slingshot = with_loss(lambda s: 50.0 if 500 < s < 700 else 1.0, loss_scale=1.0)
    large = with_loss(lambda s: 200.0, loss_scale=1.0)
    assert "diverged" not in names(slingshot) + names(large)


def test_nothing_is_read_after_a_divergence():
    curve = record(EARLY, LATE, diverged_step=3000)
    assert names(curve) == ["memorized", "diverged"]
    assert events_of(curve, GROKDEF_1)[-1].after == curve.step[curve.step < 3000][-1]


def test_one_large_loss_at_the_end_is_no_divergence_yet():
    assert names(with_loss(lambda s: 1.0 if s < 2000 else 50.0)) == []
