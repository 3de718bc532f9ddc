"""SQLite on a disk that fails: its own calls are in C, so each statement counts as one."""

import sqlite3
from functools import partial

import pytest

from faults.disk import FailingDisk, Killed


class QuickDatabase(sqlite3.Connection):
    """A connection that does not flush."""

    def __init__(self, *arguments, **options) -> None:
        super().__init__(*arguments, **options)
        super().execute("PRAGMA synchronous = OFF")


class FailingDatabase(QuickDatabase):
    """A connection whose statements fail as SQLite reports a full disk.

    What was not committed is gone with the connection, as when the process is killed.
    """

    disk: FailingDisk

    def execute(self, sql: str, *arguments):
        """Run a statement, or fail before it."""
        self._reach()
        return super().execute(sql, *arguments)

    def executemany(self, sql: str, *arguments):
        """Run a statement for several rows, or fail before it."""
        self._reach()
        return super().executemany(sql, *arguments)

    def _reach(self) -> None:
        if self.disk.reach("sqlite"):
            if self.disk.kind == "killed":
                raise Killed
            raise sqlite3.OperationalError("database or disk is full")


def let_databases_fail(patch: pytest.MonkeyPatch, disk: FailingDisk) -> None:
    """Make SQLite a part of a failing disk."""
    kind = type("OnThatDisk", (FailingDatabase,), {"disk": disk})
    patch.setattr(sqlite3, "connect", partial(sqlite3.dbapi2.connect, factory=kind))
