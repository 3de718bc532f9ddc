"""Time is per step; on CUDA between two events, from idle to idle."""

import time

import pytest
import torch
from benchmarks.clock import clock
from benchmarks.worker import MOST_STEPS, TURN_MS, steps_per_turn


def test_wall_clock_is_per_step():
    assert 2.0 <= clock(lambda: time.sleep(0.002), 3, "cpu") < 50


def test_a_turn_has_at_least_one_step_and_at_most_so_many():
    assert steps_per_turn(lambda: time.sleep(1.5 * TURN_MS / 1e3), "cpu") == 1
    assert steps_per_turn(lambda: None, "cpu") == MOST_STEPS


def test_on_cuda_events_lie_around_the_steps_and_the_device_is_idle_before_and_after(
    monkeypatch: pytest.MonkeyPatch,
):
    said: list[str] = []

    class Event:
        def __init__(self, *, enable_timing: bool) -> None:
            assert enable_timing

        def record(self) -> None:
            said.append("record")

        def elapsed_time(self, last: "Event") -> float:
            assert last is not self
            return 12.0

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: said.append("idle"))
    assert clock(lambda: said.append("step"), 3, "cuda") == 4.0
    assert said == ["idle", "record", "step", "step", "step", "record", "idle"]
