"""Disks that fail at a chosen moment, processes that are killed there, plugs that are pulled."""

import errno
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from grokscope.core.errors import DiskError
from grokscope.store import segments

# calls that a full disk refuses; the others free space or only read
ALLOCATING = ("open", "write", "fsync", "mkdir", "rename", "replace", "symlink", "duckdb", "sqlite")
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
        for name in set(COUNTED) - {"duckdb", "sqlite"}:
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


def each_call(disk: FailingDisk, first: int = 1, stride: int = 1) -> Iterator[int]:
    """Numbers of calls to fail at, until one has not been reached."""
    number = first
    while True:
        yield number
        if not disk.fired:
            return
        number += stride


def attempt(disk: FailingDisk, number: int, kind: str, act: Callable[[], object]) -> None:
    """Do something on a disk that fails; nothing but the full disk may come out of it."""
    said = "disk is full"
    try:
        with disk.failing_at(number, kind):
            act()
    except DiskError as error:
        said = str(error)
    assert "disk is full" in said
