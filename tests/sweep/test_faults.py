"""A whole worker on a disk that fails, killed anywhere; clocks that jump; networks that go NaN.

After any fault the same command ends with exactly the runs of an undisturbed sweep, and with the
same weights.
"""

import itertools
import logging
import time
from pathlib import Path

import pytest

from faults import tiny
from faults.disk import attempt, each_call
from grokscope.core.errors import DiskError
from grokscope.sweep import Results, Sweep, Worker

ONE_IN = {"full": (90, 280), "killed": (55, 170)}
NIGHTLY = {"full": (7, 67), "killed": (3, 43), "once": (11, 89)}
sampled = pytest.mark.parametrize(
    ("kind", "first", "stride"),
    [
        *((kind, *calls) for kind, calls in ONE_IN.items()),
        *(pytest.param(kind, *calls, marks=pytest.mark.slow) for kind, calls in NIGHTLY.items()),
    ],
)
"""Of the four or five hundred calls of a worker; all of them take too long."""


@pytest.mark.faults(1)
@sampled
def test_a_worker_whose_disk_fails_or_who_is_killed_anywhere(
    ledger, kind, first, stride, planned, disk, faults, next_process, reference, tmp_path
):
    for number in each_call(disk, first, stride):
        root = planned(ledger, tmp_path / str(number))
        sweep = Sweep.open(root / "tiny")
        attempt(disk, number, kind, lambda sweep=sweep: Worker(sweep=sweep).work())
        faults.count(disk.fired)
        next_process()
        tiny.require_same(tiny.command(root, ledger), reference)


@pytest.mark.faults(3)
@pytest.mark.parametrize("stride", [60, pytest.param(25, marks=pytest.mark.slow)])
def test_killed_again_and_again_a_sweep_still_ends(
    ledger, stride, disk, faults, next_process, reference, tmp_path
):
    # planning, mending and training, each time a little further; more than a cohort may lose
    for number in itertools.count(20, stride):
        with disk.failing_at(number, "killed"):
            tiny.command(tmp_path, ledger)
        faults.count(disk.fired)
        next_process()
        if not disk.fired:
            break
    sweep = Sweep.open(tmp_path / "tiny")
    tiny.require_whole(sweep)
    if stride > 40:  # else more holders have died on a cohort than it may lose, and it was split
        tiny.require_same(sweep, reference)


@pytest.mark.faults(1)
def test_on_a_full_disk_the_lease_is_given_back_if_the_ledger_can(
    planned, disk, faults, reference, tmp_path, monkeypatch
):
    sweep = Sweep.open(planned("files", tmp_path / "sweeps") / "tiny")

    def full(*_: object) -> None:
        raise DiskError("cannot write it: disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("grokscope.experiment.run.finish", full)
        with pytest.raises(DiskError, match="disk is full"):
            Worker(sweep=sweep).work()
    faults.count()
    assert {entry.state for entry in sweep.ledger.entries()} == {"waiting"}
    Worker(sweep=sweep).work()  # of the same process: nobody has to be waited for
    tiny.require_same(sweep, reference)


@pytest.mark.faults(20)
def test_a_clock_that_jumps_changes_nothing(ledger, faults, reference, tmp_path, monkeypatch):
    real, calls = time.time, itertools.count()

    def jumping() -> float:
        faults.count()
        return real() + (86_400.0, -86_400.0, 0.0)[next(calls) % 3]

    monkeypatch.setattr(time, "time", jumping)
    sweep = tiny.prepare(tmp_path, ledger)
    other = sweep.open_ledger()
    lease = sweep.ledger.claim()
    for _ in range(20):
        time.time()
        sweep.ledger.beat(lease)
        assert other.claim(only=lease.cohort) is None
    sweep.ledger.release(lease)
    tiny.require_same(tiny.command(tmp_path, ledger), reference)


@pytest.mark.faults(1)
def test_a_network_that_goes_nan_leaves_the_others_alone(ledger, faults, tmp_path):
    axes = {"lr": "1e-3,1e30,3e-3"}  # of cohorts of two: one neighbour, and one elsewhere
    plan = tiny.tiny_plan(axes=axes)
    sweep = tiny.command(tmp_path / "nan", ledger, plan)
    faults.count()
    tiny.require_whole(sweep, plan)
    labels = {r.settings["optimizer.lr"]: r.label for r in Results(sweep).all}
    assert labels.pop(1e30) == "diverged"
    sound = tiny.command(tmp_path / "sound", ledger, tiny.tiny_plan(axes={"lr": "1e-3,2e-3,3e-3"}))
    others = {r.settings["optimizer.lr"]: r.label for r in Results(sound).all}
    assert labels == {lr: others[lr] for lr in labels}
    assert last_weights(sweep, 1e-3) == last_weights(sound, 1e-3)  # in a stack of two as before
    assert last_weights(sweep, 3e-3) == last_weights(sound, 3e-3)


def last_weights(sweep: Sweep, lr: float) -> dict[str, list[float]]:
    from grokscope.experiment import load

    (result,) = [r for r in Results(sweep).all if r.settings["optimizer.lr"] == lr]
    cohort, _, network = result.run.partition("/")
    weights = load(Path(sweep.runs / cohort)).weights(int(network))
    return {name: value.flatten().tolist() for name, value in weights.items()}


def test_enough_faults_are_injected(request):
    items = request.session.items
    if not all(any(Path(item.path).stem == name for item in items) for name in FILES):
        pytest.skip("only some of the tests are run")
    marks = [item.get_closest_marker("faults") for item in items]
    number = sum(mark.args[0] for mark in marks if mark)
    is_night = any(item.get_closest_marker("slow") for item in items if item.path == request.path)
    logging.getLogger(__name__).info("at least %d faults", number)
    assert number >= (200 if is_night else 40)


FILES = (
    *("test_faults", "test_ledger_faults", "test_publication_faults", "test_memory_faults"),
    *("test_damage", "test_process_faults", "test_rivals"),
)
