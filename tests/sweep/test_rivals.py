"""Two who work on one sweep at a time, and one who is so slow that it has lost its cohort."""

import itertools
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from faults import tiny
from faults.processes import ended, start
from grokscope.experiment import run as experiment
from grokscope.store import RunDirectory
from grokscope.sweep import Sweep, Worker
from grokscope.sweep import worker as worker_module
from grokscope.sweep.lease import LeaseLostError
from grokscope.sweep.publication import begin, publish, withdraw_damaged
from grokscope.sweep.start import extend, mend

WORDS = (
    *("sweep", "quick-mlp", "--x", "weight_decay=0.1,1,3", "--cohort", "2", "--threads", "1"),
    *("--p", "7", "--d-model", "8", "--d-hidden", "8", "--steps", "15", "--name", "tiny"),
)


@pytest.mark.faults(1)
@pytest.mark.parametrize("times", [1, pytest.param(12, marks=pytest.mark.slow)])
def test_two_drivers_at_once(ledger, times, faults, reference, tmp_path):
    for number in range(times):
        root = tmp_path / str(number)
        words = (*WORDS, "--out", root, "--ledger", ledger)
        drivers = [start(words, tmp_path / "said") for _ in range(2)]
        faults.count()
        assert [ended(driver) for driver in drivers] == [0, 0], (tmp_path / "said").read_text()
        tiny.require_same(Sweep.open(root / "tiny"), reference)


@pytest.mark.faults(1)
@pytest.mark.parametrize("times", [1, pytest.param(8, marks=pytest.mark.slow)])
def test_two_that_extend_with_different_seeds(ledger, times, faults, tmp_path):
    for number in range(times):
        root = tmp_path / str(number)
        words = (*WORDS, "--out", root, "--ledger", ledger, "--seeds")
        drivers = [start((*words, seeds), tmp_path / "said") for seeds in (2, 3)]
        faults.count()
        assert [ended(driver) for driver in drivers] == [0, 0], (tmp_path / "said").read_text()
        tiny.require_whole(Sweep.open(root / "tiny"), tiny.tiny_plan(seeds=3))


@pytest.mark.faults(1)
def test_a_plan_that_was_made_before_another_was_added_is_made_again(ledger, faults, tmp_path):
    small, large = tiny.tiny_plan(), tiny.tiny_plan(seeds=2)
    sweep = Sweep.create(tmp_path, small, 1, ledger)
    add = sweep.extend

    def overtaken(cohorts, origin) -> bool:
        if not faults.number:
            faults.count()
            extend(Sweep.open(sweep.path), small, tiny.PER_COHORT)
        return add(cohorts, origin)

    sweep.extend = overtaken
    extend(sweep, large, tiny.PER_COHORT)
    members = [m.id for cohort in Sweep.open(sweep.path).cohorts() for m in cohort.members]
    assert sorted(members) == sorted(run.id for run in large.runs())


@pytest.mark.faults(20)
def test_many_who_open_a_ledger_and_claim_at_once(ledger, faults, tmp_path):
    sweep = tiny.prepare(tmp_path, ledger, tiny.tiny_plan(seeds=7), per_cohort=1)
    for path in sweep.path.glob("ledger*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    names = [cohort.id for cohort in sweep.cohorts()]

    def claim_all(_: int) -> list[str]:
        own = sweep.open_ledger()
        own.add(names)
        found = []
        while (lease := own.claim()) is not None:
            found.append(lease.cohort)
            own.complete(lease)
        return found

    with ThreadPoolExecutor(20) as pool:
        claimed = [name for own in pool.map(claim_all, range(20)) for name in own]
    faults.count(20)
    assert sorted(claimed) == sorted(names)


class Zombie:
    """A worker that is stopped at some place, silent, until it is let go on."""

    def __init__(self, sweep: Sweep) -> None:
        self.worker = Worker(sweep=sweep, beat=3600.0)
        self.reached, self.go_on = threading.Event(), threading.Event()
        self.raised: list[BaseException] = []
        self._thread = threading.Thread(target=self._work)
        self.lease = self.worker._ledger.claim()

    def stop_here(self) -> None:
        """To be called where it is to be stopped; others pass."""
        if threading.current_thread() is self._thread and not self.reached.is_set():
            self.reached.set()
            assert self.go_on.wait(60)

    def start(self) -> None:
        """Let it work until it is stopped."""
        self._thread.start()
        assert self.reached.wait(60)

    def end(self) -> None:
        """Let it go on, to its end."""
        self.go_on.set()
        self._thread.join(60)
        assert not self._thread.is_alive()

    def _work(self) -> None:
        try:
            self.worker.train(self.lease)
        except BaseException as error:
            self.raised.append(error)


PLACES = {
    "before it begins": (worker_module, "begin"),
    "before training": (worker_module, "resume_run"),
    "in training": ("grokscope.experiment.trainer.Trainer", "_take_steps"),
    "before the last point": ("grokscope.experiment.trainer.Trainer", "_save_point"),
    "before its summary": (experiment, "finish"),
    "before it looks again": (worker_module, "require_sound"),
    "before publishing": (worker_module, "publish"),
    "within publishing": ("grokscope.sweep.publication", "move_once"),
}
AFTER, BETWEEN = "after the end", "in between"
CASES = list(itertools.product(PLACES, tiny.LEDGERS, (AFTER, BETWEEN)))
ORDINARY = CASES[::5]
"""Of the places each once or twice, with both ledgers and both ends."""
slow_workers = pytest.mark.parametrize(
    ("place", "ledger", "returns"),
    [
        *ORDINARY,
        *(pytest.param(*own, marks=pytest.mark.slow) for own in CASES if own not in ORDINARY),
    ],
)


@pytest.mark.faults(1)
@slow_workers
def test_a_slow_worker_neither_publishes_nor_spoils(
    ledger, place, returns, planned, faults, reference, tmp_path, monkeypatch
):
    sweep = Sweep.open(planned(ledger, tmp_path / "sweeps") / "tiny")
    zombie = Zombie(sweep)
    stop_at(monkeypatch, PLACES[place], zombie)
    zombie.start()
    faults.count()
    other = Worker(sweep=Sweep.open(sweep.path), silence=0.2)
    if returns == BETWEEN:  # while the other has begun
        lease = taken_over(other, zombie)
        begin(sweep, sweep.cohort(lease.cohort), lease)
        zombie.end()
        other.train(lease)
    other.work()
    if returns == AFTER:
        zombie.end()
    assert zombie.raised == []
    assert zombie.worker.trained == []
    mend(sweep)  # clears away what it may have left
    tiny.require_same(sweep, reference)


def taken_over(other: Worker, zombie: Zombie):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        lease = other._ledger.claim(only=zombie.lease.cohort)
        if lease is not None:
            return lease
        time.sleep(0.05)
    raise AssertionError("it was never taken over")


def stop_at(monkeypatch, place: tuple[object, str], zombie: Zombie) -> None:
    import importlib

    owner, name = place
    if isinstance(owner, str):
        module, _, last = owner.rpartition(".")
        found = importlib.import_module(module)
        owner = getattr(found, last)
    call = getattr(owner, name)

    def stopped(*arguments, **options):
        zombie.stop_here()
        return call(*arguments, **options)

    monkeypatch.setattr(owner, name, stopped)


@pytest.mark.faults(1)
def test_of_two_that_publish_one_is_the_first(trained, faults, reference, tmp_path):
    sweep = Sweep.open(trained("files", tmp_path / "sweeps") / "tiny")
    name = sweep.cohorts()[0].id
    copy = sweep.work / f"{name}.7" / name
    shutil.copytree(sweep.runs / name, copy)
    known = (sweep.runs / name).stat().st_ino
    faults.count()
    assert not publish(sweep, RunDirectory(copy))
    assert (sweep.runs / name).stat().st_ino == known
    tiny.require_same(sweep, reference)


@pytest.mark.faults(1)
def test_a_cohort_that_was_split_meanwhile_is_not_published(ledger, faults, trained, tmp_path):
    sweep = Sweep.open(trained(ledger, tmp_path / "sweeps") / "tiny")
    cohort = sweep.cohorts()[0]
    copy = sweep.work / f"{cohort.id}.7" / cohort.id
    copy.parent.mkdir(parents=True)
    (sweep.runs / cohort.id).rename(copy)
    sweep.split(cohort)
    faults.count()
    with pytest.raises(LeaseLostError):
        publish(sweep, RunDirectory(copy))
    tiny.require_whole(tiny.command(tmp_path / "sweeps", ledger))


@pytest.mark.faults(1)
def test_two_that_withdraw_the_same_damaged_run(trained, faults, tmp_path, monkeypatch):
    sweep = Sweep.open(trained("files", tmp_path / "sweeps") / "tiny")
    cohort = sweep.cohorts()[0]
    (sweep.runs / cohort.id / "summary.json").write_bytes(b"{}")
    verify = RunDirectory.verify

    def slow(run: RunDirectory, **options: bool) -> list:
        problems = verify(run, **options)
        if not faults.number:
            faults.count()
            assert withdraw_damaged(sweep, [cohort]) == [cohort]
        return problems

    monkeypatch.setattr(RunDirectory, "verify", slow)
    assert withdraw_damaged(sweep, [cohort]) == []
    assert [path.name for path in Path(sweep.path / "damaged").iterdir()] == [f"{cohort.id}.1"]
