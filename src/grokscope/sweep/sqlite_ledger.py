"""The ledger as an SQLite database, for a sweep's folder on a local disk.

SQLite's locks are those of the operating system, which a network file system does not keep; there
the ledger is one of files.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from grokscope.core.errors import DiskError, GrokscopeError, UsageError, VerificationError
from grokscope.store import SCHEMA_VERSION
from grokscope.sweep.lease import (
    HOW_TO_RENEW,
    Entry,
    Lease,
    LeaseLostError,
    Observer,
    Owner,
)

LEDGER_NAME = "ledger.sqlite"
_BUSY_SECONDS = 60.0
_RETRY_SECONDS = 0.01
_TABLE = """
CREATE TABLE IF NOT EXISTS cohorts (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL DEFAULT 'waiting',
    token INTEGER NOT NULL DEFAULT 0,
    beat INTEGER NOT NULL DEFAULT 0,
    losses INTEGER NOT NULL DEFAULT 0,
    owner TEXT NOT NULL DEFAULT '{}',
    error TEXT NOT NULL DEFAULT '',
    exit_code INTEGER NOT NULL DEFAULT 1
)
"""
_BY_STATE = "CREATE INDEX IF NOT EXISTS by_state ON cohorts (state, position)"
Row = tuple[str, int, int, int, str]


class SqliteLedger:
    """See `Ledger`.

    Args:
        folder: of the sweep.
        observer: decides who has fallen silent.

    Raises:
        VerificationError: the file is no such database.
        UsageError: a newer grokscope made it.
    """

    def __init__(self, folder: Path, observer: Observer) -> None:
        self._path, self._observer = folder / LEDGER_NAME, observer
        with self._transaction() as base:
            version = int(base.execute("PRAGMA user_version").fetchone()[0])
            if version > SCHEMA_VERSION:
                raise UsageError(f"{self._path} has schema version {version}: upgrade grokscope.")
            base.execute(_TABLE)
            base.execute(_BY_STATE)
            base.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def add(self, cohorts: Sequence[str]) -> None:
        """See `Ledger.add`."""
        with self._transaction() as base:
            _add(base, cohorts)

    def claim(self, only: str | None = None) -> Lease | None:
        """See `Ledger.claim`."""
        with self._transaction() as base:
            chosen = _waiting(base, only) or self._abandoned(base, only)
            if chosen is None:
                return None
            cohort, token, losses = chosen
            base.execute(
                "UPDATE cohorts SET state = 'leased', token = ?, losses = ?, owner = ? "
                "WHERE id = ?",
                (token + 1, losses, json.dumps(Owner.this().as_dict()), cohort),
            )
        return Lease(cohort=cohort, token=token + 1, losses=losses)

    def _abandoned(self, base: sqlite3.Connection, only: str | None) -> tuple[str, int, int] | None:
        rows: list[Row] = base.execute(
            "SELECT id, token, beat, losses, owner FROM cohorts WHERE state = 'leased' "
            "AND id = coalesce(?, id) ORDER BY position",
            (only,),
        ).fetchall()
        for cohort, token, beat, losses, owner in rows:
            if self._observer.is_gone(cohort, Owner.of(json.loads(owner)), (token, beat)):
                return cohort, token, losses + 1
        return None

    def beat(self, lease: Lease) -> None:
        """See `Ledger.beat`."""
        self._mine(lease, "UPDATE cohorts SET beat = beat + 1 WHERE id = ? AND token = ?")

    def release(self, lease: Lease) -> None:
        """See `Ledger.release`."""
        self._mine(lease, "UPDATE cohorts SET state = 'waiting' WHERE id = ? AND token = ?")

    def complete(self, lease: Lease) -> None:
        """See `Ledger.complete`."""
        with self._transaction() as base:
            base.execute("UPDATE cohorts SET state = 'done' WHERE id = ?", (lease.cohort,))

    def split(self, lease: Lease, parts: Sequence[str]) -> None:
        """See `Ledger.split`."""
        statement = "UPDATE cohorts SET state = 'split' WHERE id = ? AND token = ?"
        self._mine(lease, statement, lambda base: _add(base, parts))

    def fail(self, lease: Lease, error: GrokscopeError) -> None:
        """See `Ledger.fail`."""
        reason = str(error), error.exit_code, lease.cohort
        self._mine(
            lease,
            "UPDATE cohorts SET state = 'failed' WHERE id = ? AND token = ?",
            lambda base: base.execute(
                "UPDATE cohorts SET error = ?, exit_code = ? WHERE id = ?", reason
            ),
        )

    def reopen(self, cohorts: Sequence[str]) -> None:
        """See `Ledger.reopen`."""
        with self._transaction() as base:
            base.executemany(
                "UPDATE cohorts SET state = 'waiting', losses = 0 "
                "WHERE id = ? AND state IN ('done', 'failed')",
                [(cohort,) for cohort in cohorts],
            )

    def entries(self) -> list[Entry]:
        """See `Ledger.entries`."""
        with self._transaction() as base:
            rows = base.execute(
                "SELECT id, state, token, error, exit_code FROM cohorts ORDER BY position"
            ).fetchall()
        return [
            Entry(cohort=cohort, state=state, token=token, error=error, exit_code=code)
            for cohort, state, token, error, code in rows
        ]

    def _mine(
        self,
        lease: Lease,
        statement: str,
        also: Callable[[sqlite3.Connection], object] = lambda base: None,
    ) -> None:
        """Change the cohort's row if the lease is still the newest one, and not over."""
        with self._transaction() as base:
            own = f"{statement} AND state = 'leased'"
            changed = base.execute(own, (lease.cohort, lease.token)).rowcount
            if changed != 1:
                raise LeaseLostError(f"{lease.cohort} was taken over by another worker.")
            also(base)

    def _begun(self) -> sqlite3.Connection:
        """A connection with an open transaction.

        Of two that switch a new database to its journal at once one is refused without being made
        to wait, so it tries again.
        """
        deadline = time.monotonic() + _BUSY_SECONDS
        while True:
            base = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)
            try:
                base.execute("PRAGMA journal_mode = WAL")
                # what a pulled plug takes is the latest claims and receipts: their holders are
                # gone with it, and what is done is known from what is published
                base.execute("PRAGMA synchronous = NORMAL")
                base.execute("BEGIN IMMEDIATE")
                return base
            except BaseException as error:
                base.close()
                is_busy = isinstance(error, sqlite3.OperationalError) and _is_busy(error)
                if not is_busy or time.monotonic() > deadline:
                    raise
            time.sleep(_RETRY_SECONDS)

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        """One transaction in a connection of its own: workers are forked, threaded and killed."""
        try:
            base = self._begun()
            try:
                yield base
                base.execute("COMMIT")
            finally:
                base.close()
        except sqlite3.OperationalError as error:
            raise DiskError(f"cannot write {self._path}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise VerificationError(f"{self._path}: {error}. {HOW_TO_RENEW}") from error


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _add(base: sqlite3.Connection, cohorts: Sequence[str]) -> None:
    rows = [(cohort,) for cohort in cohorts]
    base.executemany("INSERT OR IGNORE INTO cohorts (id) VALUES (?)", rows)


def _waiting(base: sqlite3.Connection, only: str | None) -> tuple[str, int, int] | None:
    return base.execute(
        "SELECT id, token, losses FROM cohorts WHERE state = 'waiting' "
        "AND id = coalesce(?, id) ORDER BY position LIMIT 1",
        (only,),
    ).fetchone()
