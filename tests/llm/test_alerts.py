"""Alerts on planted histories."""

import numpy as np
import pytest

from grokscope.llm.alerts import alerts_of
from grokscope.llm.measurement import Measurement
from grokscope.llm.panel import Panel

LAYERS, EXPERTS = ["first", "second"], 8
FLAT = np.full((2, EXPERTS), 1 / EXPERTS)
HEALTHY = {"loss": 2.0, "distance": 100.0, "distance_normalized": 0.8, "path_length": 50.0}


def measured(step=0, *, load=FLAT, dead=(0, 0), problems=(), **scalars) -> Measurement:
    return Measurement(
        step=step,
        tokens=None,
        groups={"sums": Panel(scalars=HEALTHY | scalars, layers={})},
        whole={},
        load=np.array(load, dtype=float),
        dead=np.array(dead, dtype=np.int64),
        problems=tuple(problems),
        seconds=0.1,
    )


def found(*history):
    return [(a.kind, a.where) for a in alerts_of(list(history), LAYERS, EXPERTS)]


def test_a_healthy_history_has_none():
    history = [measured(step, distance=100.0 + step % 3, loss=3 - step / 10) for step in range(9)]
    for end in range(1, 10):
        assert found(*history[:end]) == []


def test_a_layer_whose_load_goes_to_few_experts_has_collapsed():
    load = FLAT.copy()
    load[1] = [0.96, 0.04, *[0.0] * 6]
    assert found(measured(), measured(2, load=load)) == [("collapse", "second")]
    load[1] = [0.3, 0.3, 0.3, 0.1, *[0.0] * 4]  # 3.7 of 8
    assert found(measured(), measured(2, load=load)) == []
    (alert,) = alerts_of(
        [measured(load=np.eye(8)[[0, 0]] * [[1.0], [0.0]] + FLAT * [[0.0], [1.0]])], LAYERS, EXPERTS
    )
    assert alert.message == "`first` spreads its load over 1.0 of 8 experts."


def test_dead_experts_are_told_by_layer():
    assert found(measured(dead=(0, 3))) == [("dead_experts", "second")]


SHARPER = {"distance": 90.0, "path_length": 44.9, "distance_normalized": 0.797}


def test_a_fall_by_sharpening_alone_is_told():
    (alert,) = alerts_of([measured(), measured(2, **SHARPER)], LAYERS, EXPERTS)
    assert (alert.kind, alert.where) == ("sharpening", "sums")
    assert alert.message == (
        "sums: the distance between pathways fell by 10% because routing sharpens (pathways are "
        "10% shorter); normalised it fell by 0%."
    )


@pytest.mark.parametrize(
    "latest",
    [
        {"distance": 90.0, "distance_normalized": 0.72},  # shared more, as long as before
        {"distance": 81.0, "distance_normalized": 0.72, "path_length": 45.0},  # both
        {"distance": 90.0, "distance_normalized": 0.73, "path_length": 46.0},  # shared and shorter
        {"distance": 98.0, "path_length": 49.0},  # too little to be worth a word
        {"distance": 90.0, "distance_normalized": 0.798},  # neither explains it
        {"distance": 110.0, "path_length": 55.0},  # it rises
        {"distance": float("nan"), "path_length": float("nan")},  # nothing is known
    ],
)
def test_what_is_no_fall_by_sharpening_is_not_told(latest):
    assert found(measured(), measured(2, **latest)) == []


def test_a_fall_is_from_the_highest_value():
    history = [measured(0, distance=80.0, path_length=40.0), measured(2), measured(4, **SHARPER)]
    assert found(*history) == [("sharpening", "sums")]


def test_what_is_not_finite_is_told_by_layer_once_and_is_no_collapse():
    load = FLAT.copy()
    load[0] = np.nan
    problems = (
        "`first`: not finite for 4 of 8 samples.",
        "`first`: not finite for 2 of 8 samples.",
        "The loss is not finite for 8 of 8 samples.",
    )
    latest = measured(2, load=load, problems=problems, loss=float("nan"))
    assert found(measured(), latest) == [("not_finite", "first"), ("not_finite", "model")]


def test_a_router_that_is_read_wrongly_is_told():
    problem = "`second` weighs its experts in another way than a softmax of what it returns: …"
    assert found(measured(problems=[problem])) == [("scoring", "second")]


def test_a_group_that_appears_later_is_compared_with_itself_alone():
    early = measured()
    early.groups.clear()
    assert found(early, measured(2, **SHARPER)) == []
