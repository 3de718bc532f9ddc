"""Tiny sweeps: eight networks in four cohorts, trained in a second or two; some are disturbed."""

import itertools
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from faults import tiny
from faults.database import QuickDatabase, let_databases_fail
from faults.disk import FailingDisk
from faults.plug import Plug
from grokscope.store import run as run_module
from grokscope.sweep import Sweep, SweepPlan, Worker, lease, plan_sweep
from grokscope.sweep.start import extend, mend

TINY = {"p": 7, "d_model": 8, "d_hidden": 8, "steps": 40, "warmup_steps": 0}
OVER = {"weight_decay": "0.1,1", "train_fraction": "0.4,0.6"}


def tiny_plan(seeds: int = 2, **settings) -> SweepPlan:
    return plan_sweep("quick-mlp", OVER, settings=TINY | settings, seeds=seeds, name="tiny")


def started(root: Path, plan: SweepPlan | None = None, ledger=None) -> Sweep:
    plan = plan or tiny_plan()
    sweep = Sweep.create(root, plan, threads=1, ledger=ledger)
    extend(sweep, plan, per_cohort=2)
    mend(sweep)
    return sweep


def finished(root: Path, plan: SweepPlan | None = None, ledger=None) -> Sweep:
    sweep = started(root, plan, ledger)
    Worker(sweep=sweep).work()
    return sweep


@pytest.fixture(scope="session")
def done(tmp_path_factory) -> Sweep:
    """A finished tiny sweep that nobody changes."""
    return finished(tmp_path_factory.mktemp("done"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "faults(n): injects at least n faults; see `faults`")


class Faults:
    """Counts what a test injects."""

    def __init__(self) -> None:
        self.number = 0

    def count(self, number: int = 1) -> None:
        """So many more."""
        self.number += number


@pytest.fixture
def faults(request: pytest.FixtureRequest) -> Iterator[Faults]:
    """Counts faults; a test that injects fewer than its mark says has missed them."""
    found = Faults()
    yield found
    (wanted,) = request.node.get_closest_marker("faults").args
    assert found.number >= wanted


@pytest.fixture(autouse=True)
def quick(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Describing the machine starts `git`, and flushing takes most of a small sweep's time."""
    if request.node.get_closest_marker("faults") is None:
        return
    monkeypatch.setattr(run_module, "describe_environment", lambda: {"versions": {}})
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=QuickDatabase))


@pytest.fixture
def plug(quick: None, monkeypatch: pytest.MonkeyPatch) -> Plug:
    return Plug(monkeypatch)


@pytest.fixture
def disk(quick: None, monkeypatch: pytest.MonkeyPatch) -> FailingDisk:
    failing = FailingDisk(monkeypatch)
    let_databases_fail(monkeypatch, failing)
    return failing


@pytest.fixture
def next_process(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """What follows is done by another process: the one before lives no more."""
    start_of, numbers = lease._start_of, itertools.count()
    now = [next(numbers)]

    def started(pid: int) -> str:
        return f"{start_of(pid)}.{now[0]}" if pid == os.getpid() else start_of(pid)

    def go_on() -> None:
        now[0] = next(numbers)

    monkeypatch.setattr(lease, "_start_of", started)
    return go_on


@pytest.fixture(params=tiny.LEDGERS)
def ledger(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Path], Path]:
    """Copies of sweeps with cohorts, of which none is trained."""
    return _copier(tiny.prepare, tmp_path_factory)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Path], Path]:
    """Copies of sweeps that nothing has disturbed."""
    return _copier(tiny.command, tmp_path_factory)


def _copier(make: Callable, factory: pytest.TempPathFactory) -> Callable:
    made: dict[str, Path] = {}

    def copy(kind: str, root: Path) -> Path:
        """The root of the copy's sweep."""
        if kind not in made:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(run_module, "describe_environment", lambda: {"versions": {}})
                made[kind] = factory.mktemp(kind)
                make(made[kind], kind)
        shutil.copytree(made[kind], root)
        return root

    return copy


@pytest.fixture(scope="session")
def reference(trained, tmp_path_factory) -> dict[str, dict[str, object]]:
    """What comes of an undisturbed sweep, by cohort."""
    root = trained("sqlite", tmp_path_factory.mktemp("reference") / "sweeps")
    return tiny.outcomes(tiny.Sweep.open(root / "tiny"))
