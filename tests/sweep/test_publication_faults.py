"""Planning, beginning, publishing and withdrawing, with a fault at every call of each.

After any of it the same command ends with what an undisturbed sweep ends with. What was already
trained is not trained again.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from faults import tiny
from faults.disk import FailingDisk, attempt, each_call
from faults.plug import Plug
from grokscope.store import RunDirectory
from grokscope.sweep import Sweep, Worker
from grokscope.sweep.lease import Lease
from grokscope.sweep.publication import begin, publish, throw_away
from grokscope.sweep.start import extend, mend

by_night = pytest.mark.slow
NIGHTLY = [("full", 1, 2), ("killed", 1, 2), ("once", 2, 4)]
some_calls = pytest.mark.parametrize(
    ("kind", "first", "stride"),
    [
        ("full", 4, 9),
        ("killed", 3, 8),
        *(pytest.param(*calls, marks=by_night) for calls in NIGHTLY),
    ],
)
"""Of the calls at which a disk fails: some, or by night all of them."""


def unpublished(sweep: Sweep) -> Lease:
    """The lease of a cohort that is trained and not published yet."""
    cohort = sweep.cohorts()[0].id
    sweep.ledger.reopen([cohort])
    lease = sweep.ledger.claim()
    folder = sweep.work / f"{cohort}.{lease.token}"
    folder.mkdir(parents=True)
    (sweep.runs / cohort).rename(folder / cohort)
    resume = folder / cohort / "resume" / "point-1"
    shutil.copytree(next((folder / cohort / "checkpoints").iterdir()), resume)
    return lease


def left_behind(sweep: Sweep, next_process: Callable[[], None]) -> Lease:
    """The lease of a cohort whose holder before was killed at the end of its training."""
    lease = unpublished(sweep)
    path = sweep.work / f"{lease.cohort}.{lease.token}" / lease.cohort
    shutil.copytree(path.parent, sweep.work / f"{lease.cohort}.0")  # and one before it
    next_process()
    return sweep.ledger.claim()


def path_in_work(sweep: Sweep, lease: Lease) -> Path:
    return sweep.work / f"{lease.cohort}.{lease.token}" / lease.cohort


def require_untouched(sweep: Sweep, inodes: dict[str, int]) -> None:
    """Weights are still those that were written the first time: nothing was trained again."""
    assert weights_of(sweep) == inodes


def weights_of(sweep: Sweep) -> dict[str, int]:
    found = sweep.path.glob("*/**/checkpoints/*/model.safetensors")
    return {f"{p.parents[2].name}/{p.parent.name}": p.stat().st_ino for p in found}


@pytest.mark.faults(1)
@some_calls
def test_a_publication_is_whole_or_has_not_happened(
    ledger, kind, first, stride, trained, disk, faults, next_process, reference, tmp_path
):
    for number in each_call(disk, first, stride):
        sweep = Sweep.open(trained(ledger, tmp_path / str(number)) / "tiny")
        lease = unpublished(sweep)
        known, run = weights_of(sweep), RunDirectory(path_in_work(sweep, lease))

        def act(sweep=sweep, lease=lease, run=run) -> None:
            publish(sweep, run)
            sweep.ledger.complete(lease)

        attempt(disk, number, kind, act)
        faults.count(disk.fired)
        next_process()
        again = tiny.command(tmp_path / str(number), ledger)
        tiny.require_same(again, reference)
        require_untouched(again, known)


@pytest.mark.faults(0)
@some_calls
def test_taking_a_cohort_over_can_fail_anywhere(
    ledger, kind, first, stride, trained, disk, faults, next_process, reference, tmp_path
):
    for number in each_call(disk, first, stride):
        sweep = Sweep.open(trained(ledger, tmp_path / str(number)) / "tiny")
        lease = left_behind(sweep, next_process)
        cohort = sweep.cohort(lease.cohort)
        shutil.rmtree(sweep.work / f"{lease.cohort}.0")
        known = weights_of(sweep)
        attempt(disk, number, kind, lambda s=sweep, c=cohort, own=lease: begin(s, c, own))
        faults.count(disk.fired)
        next_process()
        again = tiny.command(tmp_path / str(number), ledger)
        tiny.require_same(again, reference)
        require_untouched(again, known)


@pytest.mark.faults(2)
@pytest.mark.parametrize(("kind", "stride"), [
    ("killed", 31), pytest.param("killed", 11, marks=pytest.mark.slow),
])  # fmt: skip
def test_throwing_away_can_fail_anywhere(
    ledger, kind, stride, trained, disk, faults, next_process, reference, tmp_path
):
    for number in each_call(disk, 2, stride):
        sweep = Sweep.open(trained(ledger, tmp_path / str(number)) / "tiny")
        lease = left_behind(sweep, next_process)
        attempt(disk, number, kind, lambda s=sweep, own=lease: throw_away(s, own))
        faults.count(disk.fired)
        next_process()
        tiny.require_same(tiny.command(tmp_path / str(number), ledger), reference)


@pytest.mark.faults(1)
@some_calls
def test_mending_can_fail_anywhere(
    ledger, kind, first, stride, trained, disk, faults, next_process, reference, tmp_path
):
    for number in each_call(disk, first, stride):
        sweep = Sweep.open(trained(ledger, tmp_path / str(number)) / "tiny")
        cohort = sweep.cohorts()[0].id
        (sweep.runs / cohort / "summary.json").write_bytes(b"{}")
        attempt(disk, number, kind, lambda sweep=sweep: mend(sweep))
        faults.count(disk.fired)
        next_process()
        again = tiny.command(tmp_path / str(number), ledger)
        tiny.require_same(again, reference)
        damaged = [path.name for path in (again.path / "damaged").iterdir()]
        assert damaged == [f"{cohort}.1"]


@pytest.mark.faults(4)
@some_calls
def test_planning_can_fail_anywhere(
    ledger, kind, first, stride, disk, faults, next_process, tmp_path
):
    plan, more = tiny.tiny_plan(), tiny.tiny_plan(seeds=2)
    expected = planned_twice(tmp_path / "whole", ledger)
    for number in each_call(disk, first, stride):
        root = tmp_path / str(number)
        attempt(disk, number, kind, lambda root=root: planned_twice(root, ledger))
        faults.count(disk.fired)
        next_process()
        tiny.prepare(root, ledger, plan)
        sweep = tiny.prepare(root, ledger, more)
        assert [cohort.id for cohort in sweep.cohorts()] == expected
        states = {entry.cohort: entry.state for entry in sweep.ledger.entries()}
        assert states == dict.fromkeys(expected, "waiting")


def planned_twice(root: Path, ledger: str) -> list[str]:
    """A sweep that is made, and then extended."""
    tiny.prepare(root, ledger)
    return [cohort.id for cohort in tiny.prepare(root, ledger, tiny.tiny_plan(seeds=2)).cohorts()]


@pytest.mark.faults(8)
def test_a_worker_finishes_what_was_planned_and_not_yet_entered(
    ledger, disk, faults, next_process, tmp_path, monkeypatch
):
    # `grokscope worker` goes on as well as the command that was killed while it planned
    monkeypatch.setattr(Worker, "train", lambda worker, lease: worker._ledger.complete(lease))
    sweep = Sweep.create(tmp_path, tiny.tiny_plan(), 1, ledger)
    for number in each_call(disk):
        with disk.failing_at(number, "killed"):
            extend(sweep, tiny.tiny_plan(seeds=number), tiny.PER_COHORT)
        faults.count(disk.fired)
        next_process()
        Worker(sweep=Sweep.open(sweep.path)).work()
        states = {entry.cohort: entry.state for entry in sweep.ledger.entries()}
        assert states == {cohort.id: "done" for cohort in sweep.cohorts()}


@pytest.mark.faults(1)
@pytest.mark.parametrize("operation", ["publish", "begin", "mend", "plan"])
@pytest.mark.parametrize(("first", "stride"), [(2, 9), pytest.param(1, 1, marks=by_night)])
def test_a_pulled_plug_loses_nothing_that_was_said_to_be_done(
    operation, first, stride, trained, plug, disk, faults, next_process, reference, tmp_path
):
    for number in each_call(disk, first, stride):
        root = tmp_path / str(number)
        act = prepared(operation, root, trained, next_process)
        plug.settle(root)
        attempt(disk, number, "killed", act)
        plug.pull(root)
        faults.count(disk.fired)
        next_process()
        if operation == "plan" and (disk.fired and number % 8):
            sweep = tiny.prepare(root, "files")
            assert {cohort.id for cohort in sweep.cohorts()} == set(reference)
            continue
        tiny.require_same(tiny.command(root, "files"), reference)


def prepared(operation: str, root: Path, trained, next_process) -> Callable[[], object]:
    """What is done, on a copy of a sweep that is ready for it."""
    if operation == "plan":
        root.mkdir()
        return lambda: tiny.prepare(root, "files")
    sweep = Sweep.open(trained("files", root) / "tiny")
    if operation == "publish":
        lease = unpublished(sweep)
        return lambda: publish(sweep, RunDirectory(path_in_work(sweep, lease)))
    if operation == "begin":
        lease = left_behind(sweep, next_process)
        return lambda: begin(sweep, sweep.cohort(lease.cohort), lease)
    (sweep.runs / sweep.cohorts()[0].id / "summary.json").write_bytes(b"{}")
    return lambda: mend(sweep)


@pytest.mark.faults(1)
def test_what_is_published_stays_when_the_plug_is_pulled(trained, plug: Plug, faults, tmp_path):
    sweep = Sweep.open(trained("files", tmp_path / "sweeps") / "tiny")
    lease = unpublished(sweep)
    plug.settle(tmp_path)
    assert publish(sweep, RunDirectory(path_in_work(sweep, lease)))
    plug.pull(tmp_path)
    faults.count()
    run = sweep.published(sweep.cohort(lease.cohort))
    assert run is not None
    assert run.verify() == []


@pytest.mark.faults(2)
@pytest.mark.parametrize(("first", "stride"), [
    (5, 190), pytest.param(13, 47, marks=by_night)
])  # fmt: skip
def test_a_plug_pulled_while_a_cohort_is_trained(
    first, stride, planned, plug, disk: FailingDisk, faults, next_process, reference, tmp_path
):
    for number in each_call(disk, first, stride):
        root = planned("files", tmp_path / str(number))
        sweep = Sweep.open(root / "tiny")
        plug.settle(root)
        with disk.failing_at(number, "killed"):
            Worker(sweep=sweep).work()
        plug.pull(root)
        faults.count(disk.fired)
        next_process()
        tiny.require_same(tiny.command(root, "files"), reference)
