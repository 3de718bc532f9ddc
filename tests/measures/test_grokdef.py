"""Verdicts on training records."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokscope.measures.curve import Curve
from grokscope.measures.grokdef import grokked_step_so_far, judge, may_stop
from grokscope.measures.thresholds import GROKDEF_1, LIU_2022, Thresholds
from measures.curves import BY_LABEL, EARLY, LATE, record, rise, steps_until, then_falls
from reference.events import slow_label, slow_plateau, slow_rise

LEVELS = st.sampled_from([0.0, 0.04, 0.3, 0.5, 0.54, 0.6, 0.86, 0.91, 0.95, 0.98, 0.99, 1.0])
STRETCHES = st.lists(st.tuples(LEVELS, st.integers(1, 15)), min_size=1, max_size=6)
# Drawn freely, few records memorise early, wait, and generalise: these mostly do.
TRAIN = STRETCHES | st.integers(1, 15).map(lambda n: [(0.0, n), (1.0, 90)])
TEST = STRETCHES | st.tuples(
    st.tuples(st.just(0.0), st.integers(10, 40)),
    st.tuples(LEVELS, st.integers(1, 20)),
    st.tuples(LEVELS, st.integers(1, 20)),
).map(list)


def drawn(train: list[tuple[float, int]], test: list[tuple[float, int]]) -> Curve:
    """A record made of stretches of constant accuracy."""
    columns = [np.repeat([v for v, _ in part], [n for _, n in part]) for part in (train, test)]
    length = min(len(column) for column in columns)
    step = steps_until(10**6)[:length]
    return Curve(
        step=step, train_acc=columns[0][:length], test_acc=columns[1][:length], n_test=9, chance=0.0
    )


@pytest.mark.parametrize("label", BY_LABEL)
def test_a_record_made_for_a_label_gets_it(label: str):
    verdict = judge(BY_LABEL[label])
    assert verdict.label == label
    assert verdict.reasons
    assert all(reason and "\n" not in reason for reason in verdict.reasons)


@given(TRAIN, TEST)
def test_labels_and_steps_agree_with_plain_loops(train, test):
    curve = drawn(train, test)
    columns = (curve.step.tolist(), curve.train_acc.tolist(), curve.test_acc.tolist())
    verdict = judge(curve)
    assert verdict.label == slow_label(*columns)
    labels = {slow_label(*columns, grokked_at=reach) for reach in (0.9, 0.95, 0.99)}
    assert verdict.robust == (len(labels) == 1)
    memorized = slow_rise(columns[1], 0.99, 0.97)
    grokked = slow_rise(columns[2], 0.95, 0.9)
    assert verdict.memorized_step == (None if memorized is None else columns[0][memorized])
    assert verdict.grokked_step == (None if grokked is None else columns[0][grokked])
    if memorized is not None and grokked is not None and grokked > memorized:
        expected = slow_plateau(columns[0], columns[2], memorized, grokked)
        assert verdict.plateau_share == pytest.approx(expected)


@given(TEST)
def test_a_grokked_step_once_given_while_training_never_changes(test):
    curve = drawn([(1.0, 1000)], test)
    given_steps: list[int] = []
    for length in range(1, len(curve.step) + 1):
        part = Curve(
            step=curve.step[:length],
            train_acc=curve.train_acc[:length],
            test_acc=curve.test_acc[:length],
            n_test=9,
            chance=0.0,
        )
        step = grokked_step_so_far(part)
        given_steps += [] if step is None else [step]
    assert len(set(given_steps)) <= 1
    if given_steps:
        assert judge(curve).grokked_step == given_steps[0]


def test_delays_are_differences_ratios_and_decay_times():
    verdict = judge(BY_LABEL["grokking"], learning_rate=1e-3, weight_decay=2.0)
    memorized, grokked = verdict.memorized_step, verdict.grokked_step
    assert memorized is not None
    assert grokked is not None
    assert verdict.delay == grokked - memorized
    assert verdict.delay_ratio == grokked / memorized
    assert verdict.decay_times == pytest.approx(2e-3 * verdict.delay)
    assert verdict.memorized_after < memorized
    assert verdict.grokked_after < grokked
    assert verdict.grokked_step_50 <= verdict.grokked_step_90 <= grokked <= verdict.grokked_step_99
    assert verdict.onset_step <= verdict.grokked_step_50
    assert verdict.robust


def test_what_was_not_reached_is_none():
    verdict = judge(BY_LABEL["confusion"])
    assert verdict.memorized_step is verdict.grokked_step is verdict.delay is None
    assert verdict.delay_ratio is verdict.decay_times is verdict.plateau_share is None
    assert verdict.memorized_after is verdict.grokked_loss_step is None


def reasons(curve: Curve) -> str:
    return "; ".join(judge(curve).reasons)


def test_memorization_is_called_censored_and_says_by_what():
    assert "test accuracy had not risen (q 0.000 at most, 0.0" in reasons(BY_LABEL["memorization"])
    assert "by step 2000, where the budget ended: censored" in reasons(BY_LABEL["memorization"])
    rising = record(EARLY, rise(2000), last=2000)
    assert "test q was" in reasons(rising)
    assert "below 0.95, by step 2000, where the budget ended: censored" in reasons(rising)
    running = record(EARLY, LATE, last=2000, budget_ended=False)
    assert "by step 2000 so far: censored" in reasons(running)


def test_comprehension_says_which_condition_of_grokking_failed():
    assert "is less than 3" in reasons(record(EARLY, rise(200)))
    assert "evaluations of delay 5 is less than 10" in reasons(sparse())
    slow = record(EARLY, rise(1500, width=2.0))
    assert judge(slow).label == "comprehension"
    assert "plateau share of the delay" in reasons(slow)
    assert "no delay" in reasons(record(LATE, EARLY))
    assert "delay ratio" not in reasons(slow)


def sparse() -> Curve:
    """Evaluations at powers of two: a long delay, but few looks at it."""
    return Curve(
        step=2 ** np.arange(12),
        train_acc=np.array([0.0] * 2 + [1.0] * 10),
        test_acc=np.array([0.0] * 7 + [1.0] * 5),
        n_test=9,
        chance=0.0,
    )


def test_generalising_without_memorising_is_comprehension():
    verdict = judge(record(lambda s: 0.8 * EARLY(s), LATE))
    assert verdict.label == "comprehension"
    assert "train q was 0.800 at most, below 0.99" in "; ".join(verdict.reasons)


@pytest.mark.parametrize(("train", "label"), [(EARLY, "memorization"), (rise(1e6), "confusion")])
def test_without_test_rows_the_train_accuracy_decides(train, label: str):
    curve = record(train, lambda _: float("nan"), n_test=0)
    assert judge(curve).label == label
    assert "there are no novel held-out rows" in reasons(curve)
    assert judge(curve).robust


def test_training_accuracy_that_is_lost_is_a_collapse_without_grokking_too():
    curve = record(then_falls(EARLY, 900), lambda _: 0.0)
    assert judge(curve).label == "collapse"
    assert "train q fell to 0.000" in reasons(curve)


def test_a_recovered_fall_leaves_the_label_alone():
    curve = record(EARLY, lambda s: 0.2 if 9000 < s < 13_000 else LATE(s))
    assert judge(curve).label == "grokking"


def test_divergence_after_grokking_keeps_the_grokked_step():
    verdict = judge(BY_LABEL["diverged"])
    assert verdict.grokked_step is not None
    assert "generalised at step" in "; ".join(verdict.reasons)


def test_a_partial_rise_is_not_robust_where_a_threshold_cuts_it():
    curve = record(EARLY, rise(5000, high=0.96))
    assert judge(curve).label == "grokking"
    assert not judge(curve).robust


def test_lius_rule_asks_for_a_thousand_steps_and_first_hits():
    late = record(EARLY, rise(1300))
    early = record(EARLY, rise(800))
    assert judge(late, rule="liu2022").label == "grokking"
    assert judge(early, rule="liu2022").label == "comprehension"
    assert judge(late, rule="liu2022").thresholds == LIU_2022
    blip = record(EARLY, lambda s: 0.92 if 9000 < s < 9800 else 0.0)
    assert judge(blip, rule="liu2022").label == "grokking"
    assert judge(blip).label == "memorization"


@pytest.mark.parametrize("label", ["anti_grokking", "semi_grokking"])
def test_lius_rule_knows_four_labels(label: str):
    expected = {"anti_grokking": "grokking", "semi_grokking": "memorization"}[label]
    assert judge(BY_LABEL[label], rule="liu2022").label == expected


def test_lius_rule_reads_plain_accuracies():
    curve = record(lambda s: 0.1 + 0.9 * EARLY(s), lambda s: 0.1 + 0.81 * LATE(s), chance=0.1)
    assert judge(curve, rule="liu2022").label == "grokking"
    assert judge(curve).label != "grokking"


def test_thresholds_are_parameters_and_stored_with_the_verdict():
    strict = Thresholds(delay_ratio=1000.0)
    verdict = judge(BY_LABEL["grokking"], strict)
    assert verdict.label == "comprehension"
    assert verdict.thresholds is strict
    assert judge(BY_LABEL["grokking"]).thresholds == GROKDEF_1
    assert GROKDEF_1.version == "grokdef/1"


def test_training_may_stop_half_the_grokked_step_after_it():
    grokked = judge(BY_LABEL["grokking"]).grokked_step
    assert grokked is not None
    assert not may_stop(record(EARLY, LATE, last=int(1.4 * grokked)))
    assert may_stop(record(EARLY, LATE, last=int(1.5 * grokked) + 1))
    assert not may_stop(BY_LABEL["memorization"])


def test_a_record_of_one_evaluation_is_judged():
    assert judge(record(EARLY, LATE, last=1).until(1)).label == "confusion"
    assert judge(record(lambda _: 1.0, LATE, last=1)).label == "memorization"
    assert judge(record(EARLY, LATE, last=1).until(0)).label == "confusion"


def test_training_accuracy_that_sinks_with_the_test_accuracy_is_a_collapse():
    curve = record(then_falls(EARLY, 9000, to=0.8), then_falls(LATE, 9000))
    assert judge(curve).label == "collapse"
    assert "train q fell too, to 0.800" in reasons(curve)


def delayed(evaluations: int, ratio: float) -> Curve:
    """Memorised at step 100, generalised so many evaluations and times later."""
    last = round(100 * ratio)
    between = np.linspace(100, last, evaluations + 1).round().astype(int)
    step = np.concatenate([[0], between, last + np.arange(1, 5)])
    train, test = (step >= at for at in (100, last))
    return Curve(
        step=step,
        train_acc=train.astype(float),
        test_acc=test.astype(float),
        n_test=9,
        chance=0.0,
    )


@pytest.mark.parametrize(
    ("evaluations", "ratio", "label"),
    [(10, 3.0, "grokking"), (9, 3.0, "comprehension"), (10, 2.99, "comprehension")],
)
def test_conditions_of_grokking_include_their_limits(evaluations: int, ratio: float, label: str):
    assert judge(delayed(evaluations, ratio)).label == label
