"""What is said of records that still grow, against the judgement of each of them as it stands."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from grokscope.measures.crossing import GrowingRises, sustained_rise
from grokscope.measures.curve import Curve
from grokscope.measures.grokdef import judge, may_stop
from grokscope.measures.running_judge import RunningJudge, Terms
from grokscope.measures.thresholds import GROKDEF_1, LIU_2022, Thresholds
from measures.curves import BY_LABEL, EARLY, LATE, record, rise, steps_until, then_falls

NAN = float("nan")
ACCURACIES = st.sampled_from([0.0, 0.03, 0.06, 0.1, 0.5, 0.89, 0.91, 0.95, 0.97, 0.99, 1.0, NAN])
LOSSES = st.sampled_from([1e-9, 1e-3, 1.0, 3.0, 9.0, 11.0, 50.0, 1e4, NAN, float("inf")])
CALM_LOSSES = st.sampled_from([0.1, 1.0, 9.0, 50.0])
STRETCHES = st.lists(st.tuples(ACCURACIES, st.integers(1, 7)), min_size=1, max_size=4)


@st.composite
def curves(draw: st.DrawFn) -> Curve:
    """Records of stretches of constant accuracy, or of values that change all the time."""
    train, test = draw(STRETCHES), draw(STRETCHES)
    columns = [np.repeat([v for v, _ in part], [n for _, n in part]) for part in (train, test)]
    length = min(len(column) for column in columns)
    if draw(st.booleans()):
        columns = [
            np.array(draw(st.lists(ACCURACIES, min_size=length, max_size=length))) for _ in range(2)
        ]
    loss = draw(st.lists(draw(st.sampled_from([LOSSES, CALM_LOSSES])), min_size=1, max_size=8))
    return Curve(
        step=steps_until(10**6)[:length],
        train_acc=columns[0][:length],
        test_acc=columns[1][:length],
        train_loss=np.resize(np.array(loss), length),
        n_test=draw(st.sampled_from([0, 9, 1000])),
        chance=draw(st.sampled_from([0.0, 0.03])),
        ceiling=draw(st.sampled_from([1.0, 0.9])),
        loss_scale=draw(st.sampled_from([None, 0.5, 3.4])),
    )


def with_calm_losses(curve: Curve) -> Curve:
    return replace(curve, train_loss=np.ones(len(curve.step)))


def part_of(curve: Curve, length: int) -> Curve:
    names = ("step", "train_acc", "test_acc", "train_loss")
    return replace(curve, **{name: getattr(curve, name)[:length] for name in names})


def phase_of(curve: Curve) -> str:
    verdict = judge(curve)
    if verdict.label == "diverged":
        return "diverged"
    if verdict.memorized_step is None:
        return "memorizing"
    if verdict.grokked_step is not None:
        return "grokked"
    return "plateau" if verdict.onset_step is None else "generalizing"


def judging(records: list[Curve], thresholds: Thresholds = GROKDEF_1) -> RunningJudge:
    names = ("n_test", "chance", "ceiling", "loss_scale")
    terms = [Terms(**{name: getattr(curve, name) for name in names}) for curve in records]
    return RunningJudge(terms, thresholds)


def show(running: RunningJudge, records: list[Curve], networks: list[int], index: int) -> None:
    """Evaluation `index` of some networks."""
    columns = {
        name: np.array([float(getattr(records[i], name)[index]) for i in networks])
        for name in ("train_acc", "test_acc", "train_loss")
    }
    steps = np.array([int(records[i].step[index]) for i in networks])
    running.see(np.array(networks), steps, **columns)


def said(running: RunningJudge, network: int) -> tuple[object, ...]:
    one = np.array([network])
    steps = [None if step < 0 else step for step in running.steps(one)[0].tolist()]
    return (*steps, *running.phases(one), bool(running.may_stop(one)[0]))


def judged(curve: Curve) -> tuple[object, ...]:
    verdict = judge(curve)
    steps = (verdict.memorized_step, verdict.onset_step, verdict.grokked_step)
    return (*steps, phase_of(curve), may_stop(curve))


@settings(max_examples=50)  # each of them is judged after every evaluation
@given(st.lists(curves(), min_size=1, max_size=3))
def test_every_record_is_judged_as_it_stands_after_every_evaluation(records: list[Curve]):
    running = judging(records)
    for index in range(max(len(curve.step) for curve in records)):
        networks = [i for i, curve in enumerate(records) if index < len(curve.step)]
        show(running, records, networks, index)
        for i in networks:
            assert said(running, i) == judged(part_of(records[i], index + 1))
            assert running.last_step(i) == records[i].step[index]


REAL = {
    **BY_LABEL,
    "a slingshot": record(EARLY, LATE, train_loss=np.where(np.arange(96) % 30 > 27, 99.0, 1.0)),
    "a break": record(EARLY, LATE, train_loss=np.where(np.arange(96) > 70, np.nan, 1.0)),
    "a lasting blow-up": record(EARLY, LATE, train_loss=np.where(np.arange(96) > 75, 99.0, 1.0)),
    "a recovery": record(EARLY, lambda s: 0.2 if 9000 < s < 13_000 else LATE(s)),
    "never measured": record(EARLY, lambda _: NAN),
    "rows learned by heart and lost": record(then_falls(EARLY, 900), rise(400)),
}


@pytest.mark.parametrize("name", REAL)
def test_records_as_they_come_are_judged_as_they_stand(name: str):
    curve = replace(REAL[name], diverged_step=None)
    curve = curve if curve.train_loss is not None else with_calm_losses(curve)
    running = judging([curve])
    for index in range(len(curve.step)):
        show(running, [curve], [0], index)
        assert said(running, 0) == judged(part_of(curve, index + 1))


@given(curves(), st.data())
def test_a_divergence_in_training_ends_what_counts(curve: Curve, data: st.DataObject):
    assume(np.isfinite(curve.train_loss[0]))
    seen = data.draw(st.integers(1, len(curve.step)))
    curve, running = part_of(curve, seen), judging([curve])
    for index in range(seen):
        show(running, [curve], [0], index)
    step = int(curve.step[-1]) + data.draw(st.sampled_from([0, 1]))
    running.diverged(0, step)
    expected = judged(replace(curve, diverged_step=step))
    assert said(running, 0)[:4] == expected[:4]


@given(
    st.lists(st.lists(ACCURACIES, min_size=12, max_size=12), min_size=1, max_size=3),
    st.sampled_from([0, 1, 3]),
)
def test_growing_rises_are_the_rises_of_each_record(values: list[list[float]], held: int):
    table = np.array(values)
    rises = GrowingRises(np.full(len(table), 0.95), 0.9, held)
    every = np.arange(len(table))
    for length in range(1, 13):
        rises.add(every, np.full(len(table), 10 * length), table[:, length - 1])
        for complete, found in ((False, rises.found(every)), (True, rises.final(every))):
            for row, step in zip(table, found.tolist(), strict=True):
                index = sustained_rise(row[:length], 0.95, 0.9, held, complete=complete)
                assert step == (-1 if index is None else 10 * (index + 1))


def test_another_definition_is_applied_by_its_thresholds():
    curve = with_calm_losses(BY_LABEL["grokking"])
    running = judging([curve], LIU_2022)
    for index in range(len(curve.step)):
        show(running, [curve], [0], index)
        verdict = judge(part_of(curve, index + 1), LIU_2022)
        assert said(running, 0)[2] == verdict.grokked_step
        assert said(running, 0)[4] == may_stop(part_of(curve, index + 1), LIU_2022)
