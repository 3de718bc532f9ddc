"""A prepared run, and disks that fail at a chosen moment."""

import errno
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import numpy as np
import pytest
import torch

from grokscope.store import RunDirectory, durable, segments
from grokscope.store import run as run_module

# calls that a full disk refuses; the others free space or only read
ALLOCATING = ("open", "write", "fsync", "mkdir", "rename", "replace", "symlink", "duckdb")
COUNTED = (*ALLOCATING, "unlink", "rmdir", "ftruncate", "truncate", "chmod")


class Killed(BaseException):
    """The process is gone: no cleanup code runs, nothing more reaches the disk."""


class FailingDisk:
    """Counts the file-system calls of the store and fails from a chosen one on.

    `kind` "once" fails that call alone, "full" also every later call that needs space, and
    "killed" every later call of any sort.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.active = False
        self.fired = False
        for name in set(COUNTED) - {"duckdb"}:
            patch.setattr(os, name, self._wrapped(name, getattr(os, name)))
        connect = segments.connect
        patch.setattr(segments, "connect", lambda **kw: FailingConnection(connect(**kw), self))

    @contextmanager
    def failing_at(self, number: int, kind: str) -> Iterator[None]:
        """Fail at the call of that number, counted from here."""
        self.remaining, self.kind, self.fired, self.active = number, kind, False, True
        try:
            yield
        except Killed:
            pass
        finally:
            self.active = False

    def reach(self, name: str) -> bool:
        """Whether the call that is about to happen must fail."""
        if not self.active:
            return False
        if self.fired:
            return self.kind == "killed" or (self.kind == "full" and name in ALLOCATING)
        self.remaining -= 1
        self.fired = self.remaining == 0
        return self.fired

    def error(self) -> BaseException:
        """What the failing call raises."""
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return Killed() if self.kind == "killed" else full

    def _wrapped(self, name: str, call: Callable) -> Callable:
        def counted(*arguments, **options):
            reads = name == "open" and not (arguments[1] & (os.O_WRONLY | os.O_RDWR))
            if not reads and self.reach(name):
                if name == "write":  # part of the data arrives, as on a disk that fills up
                    call(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                raise self.error()
            return call(*arguments, **options)

        return counted


class FailingConnection:
    """A DuckDB connection whose COPY fails as DuckDB reports it, after half a file."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, disk: FailingDisk) -> None:
        self.connection, self.disk = connection, disk

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def __getattr__(self, name):
        return getattr(self.connection, name)

    def execute(self, sql: str):
        """Run a statement; a COPY may fail."""
        answer = self.connection.execute(sql)
        target = re.search(r" TO '(.*?)' \(FORMAT", sql)
        if target and self.disk.reach("duckdb"):
            path = Path(target[1])
            path.write_bytes(path.read_bytes()[:100])
            if self.disk.kind == "killed":
                raise Killed
            raise duckdb.IOException('IO Error: {"exception_type":"IO","errno":"28"}')
        return answer


@pytest.fixture
def disk(monkeypatch) -> FailingDisk:
    return FailingDisk(monkeypatch)


@pytest.fixture(autouse=True)
def quick_environment(monkeypatch):
    """Describing the machine starts `git`; only one test is about that."""
    monkeypatch.setattr(run_module, "describe_environment", lambda: {"versions": {}})


def columns(step: int, networks: int = 3) -> dict[str, np.ndarray]:
    noise = np.random.default_rng(step)
    return {
        "network": np.arange(networks),
        "step": np.full(networks, step),
        "train/acc": noise.random(networks).astype(np.float32),
        "fourier/spectrum_W_E": noise.random((networks, 4)).astype(np.float32),
    }


def groups(value: float = 1.0) -> dict[str, dict[str, torch.Tensor]]:
    return {
        "model": {"W_E": torch.full((2, 3), value)},
        "optim": {"W_E/exp_avg": torch.zeros(2, 3), "step": torch.tensor(7)},
        "rng": {"cpu": torch.arange(16, dtype=torch.uint8)},
    }


def facts(step: int) -> dict[str, object]:
    return {"step": step, "networks": [0, 1, 2]}


def build_run(root: Path) -> RunDirectory:
    run = RunDirectory.create(root, "quick", {"task": {"p": 7}, "seeds": [0, 1]})
    run.write_splits({"train": torch.arange(4)})
    run.add_segment(columns(0))
    run.append_events([{"event": "started"}])
    run.save_checkpoint("step-00000000", groups(0.0), facts(0))
    run.save_resume_point(groups(0.0), facts(0))
    run.add_segment(columns(10))
    run.save_checkpoint("step-00000010", groups(1.0), facts(10))
    run.write_summary([{"index": 0, "label": "memorization"}])
    run.write_progress({"network": np.arange(3), "step": np.full(3, 10), "x": np.ones(3)})
    run.save_resume_point(groups(1.0), facts(10))
    return run


@pytest.fixture(scope="session")
def prepared(tmp_path_factory) -> Path:
    """The folder of one finished run, to be copied and not to be changed."""
    root = tmp_path_factory.mktemp("prepared") / "runs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_module, "describe_environment", lambda: {"versions": {}})
        return build_run(root).path


@pytest.fixture
def run(prepared: Path, tmp_path: Path) -> RunDirectory:
    return copy_of(prepared, tmp_path / "runs")


def copy_of(prepared: Path, root: Path) -> RunDirectory:
    shutil.copytree(prepared, root / prepared.name)
    return RunDirectory.open(root / prepared.name)


@pytest.fixture
def make():
    """The builders of this file, for tests that need more than the prepared run."""

    class Make:
        columns = staticmethod(columns)
        groups = staticmethod(groups)
        facts = staticmethod(facts)
        build_run = staticmethod(build_run)
        copy_of = staticmethod(copy_of)
        temporary_prefix = durable.TEMPORARY_PREFIX

    return Make
