"""Ledgers on disks that fail at every call, whose workers are killed at every call.

After any of it the old state is there or the new one, tokens have only risen, and the next worker
brings every cohort to its end.
"""

import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from faults.disk import attempt, each_call
from grokscope.core.errors import MemoryExceededError, VerificationError
from grokscope.sweep.file_ledger import FileLedger
from grokscope.sweep.lease import Lease, LeaseLostError, Ledger, Observer
from grokscope.sweep.sqlite_ledger import SqliteLedger

KINDS = {"sqlite": SqliteLedger, "files": FileLedger}
COHORTS = ("cohort-a", "cohort-b")
every_kind = pytest.mark.parametrize(
    "kind", [pytest.param("once", marks=pytest.mark.slow), "full", "killed"]
)


def opened(ledger: str, folder: Path, silence: float = 30.0) -> Ledger:
    folder.mkdir(exist_ok=True, parents=True)
    return KINDS[ledger](folder, Observer(silence))


def held(base: Ledger) -> Lease:
    base.add(COHORTS)
    return base.claim()


def failed(base: Ledger) -> Lease:
    lease = held(base)
    base.fail(lease, MemoryExceededError("too large"))
    return lease


def untouched(base: Ledger) -> None:
    base.add(COHORTS)


# name: how it was before, what is done, states of the first cohort before and after
OPERATIONS: dict[str, tuple[Callable, Callable, str, str]] = {
    "add": (lambda base: None, lambda base, _: base.add(COHORTS), "", "waiting"),
    "claim": (untouched, lambda base, _: base.claim(), "waiting", "leased"),
    "beat": (held, lambda base, lease: base.beat(lease), "leased", "leased"),
    "release": (held, lambda base, lease: base.release(lease), "leased", "waiting"),
    "complete": (held, lambda base, lease: base.complete(lease), "leased", "done"),
    "split": (held, lambda base, lease: base.split(lease, ["part-1", "part-2"]), "leased", "split"),
    "fail": (
        held,
        lambda base, lease: base.fail(lease, MemoryExceededError("too large")),
        "leased",
        "failed",
    ),
    "reopen": (failed, lambda base, _: base.reopen(COHORTS), "failed", "waiting"),
}


@pytest.mark.faults(2)
@every_kind
@pytest.mark.parametrize("operation", OPERATIONS)
def test_any_failing_call_leaves_the_old_state_or_the_new(
    ledger, operation, kind, disk, faults, next_process, tmp_path
):
    before, act, old, new = OPERATIONS[operation]
    for number in each_call(disk):
        folder = tmp_path / str(number)
        base = opened(ledger, folder)
        lease = before(base)
        attempt(disk, number, kind, lambda base=base, lease=lease: act(base, lease))
        faults.count(disk.fired)
        state = states(base).get("cohort-a", "")
        assert state in ((old, new) if disk.fired else (new,))
        require_reason(base)
        next_process()
        require_end(opened(ledger, folder), lease, operation)


def states(base: Ledger) -> dict[str, str]:
    return {entry.cohort: entry.state for entry in base.entries()}


def require_reason(base: Ledger) -> None:
    """What failed says why."""
    for entry in base.entries():
        if entry.state == "failed":
            assert (entry.error, entry.exit_code) == ("too large", 5)


def require_end(base: Ledger, lease: Lease | None, operation: str) -> None:
    """The next worker gets every cohort, with a higher token, and brings it to its end."""
    base.add(COHORTS)
    base.reopen([e.cohort for e in base.entries() if e.state == "failed"])
    seen: list[str] = []
    while (found := base.claim()) is not None:
        if found.cohort == "cohort-a":
            assert lease is None or found.token > lease.token
            if lease is not None:
                require_lost(base, lease)
        assert found.losses == 0 or operation in ("claim", "beat", "release", "complete", "split",
                                                  "fail")  # fmt: skip
        seen.append(found.cohort)
        base.complete(found)
    assert len(seen) == len(set(seen))
    ends = states(base)
    assert set(ends.values()) <= {"done", "split"}
    assert ends.keys() == {*COHORTS} | ({"part-1", "part-2"} & ends.keys())
    assert ends["cohort-a"] == "done" or {"part-1", "part-2"} <= ends.keys()


def require_lost(base: Ledger, lease: Lease) -> None:
    """Whoever had the cohort before is told so, whatever it wants."""
    for act in (
        lambda: base.beat(lease),
        lambda: base.release(lease),
        lambda: base.split(lease, ["never"]),
        lambda: base.fail(lease, MemoryExceededError("never")),
    ):
        with pytest.raises(LeaseLostError):
            act()
    assert states(base)[lease.cohort] == "leased"


@pytest.mark.faults(3)
@every_kind
def test_a_ledger_that_could_not_be_made_is_made_the_next_time(
    ledger, kind, disk, faults, next_process, tmp_path
):
    for number in each_call(disk):
        folder = tmp_path / str(number)
        folder.mkdir()
        attempt(disk, number, kind, lambda folder=folder: opened(ledger, folder).add(COHORTS))
        faults.count(disk.fired)
        next_process()
        require_end(opened(ledger, folder), None, "add")


@pytest.mark.faults(6)
def test_a_cohort_that_is_done_again_has_lost_nobody(ledger, faults, next_process, tmp_path):
    base = opened(ledger, tmp_path)
    base.add(COHORTS[:1])
    for losses in range(6):  # its holders die
        lease = base.claim()
        assert (lease.losses, lease.token) == (losses, losses + 1)
        next_process()
        faults.count()
    lease = base.claim()
    base.fail(lease, MemoryExceededError("too large"))
    base.reopen(COHORTS)
    again = base.claim()
    assert (again.losses, again.token) == (0, lease.token + 1)


@pytest.mark.faults(2)
def test_what_is_over_cannot_be_given_back_or_fail(ledger, faults, tmp_path):
    base = opened(ledger, tmp_path)
    lease = held(base)
    base.complete(lease)
    for act in (base.release, lambda own: base.fail(own, MemoryExceededError("late"))):
        with pytest.raises(LeaseLostError):
            act(lease)
        faults.count()
        assert states(base)["cohort-a"] == "done"


@pytest.mark.faults(1)
def test_what_another_process_reopens_is_seen(ledger, faults, tmp_path):
    base, other = opened(ledger, tmp_path), opened(ledger, tmp_path)
    base.complete(held(base))
    assert base.claim().cohort == "cohort-b"
    assert base.claim() is None
    other.reopen(["cohort-a"])
    faults.count()
    assert states(base)["cohort-a"] == "waiting"
    assert base.claim().cohort == "cohort-a"


@pytest.mark.faults(3)
def test_a_database_that_another_switches_to_its_journal_is_waited_for(
    faults, tmp_path, monkeypatch
):
    class Busy(sqlite3.Connection):
        def execute(self, sql: str, *arguments):
            """Refused at first, as by SQLite where two make a database at once."""
            if "journal_mode" in sql and faults.number < 3:
                faults.count()
                error = sqlite3.OperationalError("database is locked")
                error.sqlite_errorcode = sqlite3.SQLITE_BUSY
                raise error
            return super().execute(sql, *arguments)

    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.dbapi2.connect, factory=Busy))
    base = opened("sqlite", tmp_path)
    base.add(COHORTS)
    assert states(base) == dict.fromkeys(COHORTS, "waiting")


@pytest.mark.faults(3)
def test_a_damaged_database_is_one_line_that_says_what_to_do(faults, tmp_path):
    for size in (100, 5000, None):
        folder = tmp_path / str(size)
        opened("sqlite", folder).add([f"cohort-{i}" for i in range(400)])
        path = folder / "ledger.sqlite"
        data = path.read_bytes()
        path.write_bytes(b"x" * len(data) if size is None else data[:size])
        faults.count()
        with pytest.raises(VerificationError, match=r"(?s)ledger.sqlite.*start the same command"):
            opened("sqlite", folder).entries()
        path.unlink()
        assert opened("sqlite", folder).entries() == []


@pytest.mark.faults(6)
@pytest.mark.parametrize("name", ["owner.json", "outcome.json"])
def test_a_damaged_ledger_file_is_one_line_that_says_what_to_do(faults, name, tmp_path):
    for content in (b"", b"{", b'{"schema_version": 1}', None):
        if content is None and name == "outcome.json":
            continue  # as when it was reopened
        folder = tmp_path / f"{content!r:.3}-{len(content or b'')}"
        base = opened("files", folder)
        base.complete(held(base))
        base.claim()
        for path in folder.glob(f"ledger/*/*/{name}"):
            path.unlink() if content is None else path.write_bytes(content)
        faults.count(2)
        with pytest.raises(VerificationError, match=r"(?s)ledger/.*start the same command"):
            _ask_for_everything(opened("files", folder))


def _ask_for_everything(base: Ledger) -> None:
    base.claim()
    base.entries()


@pytest.mark.faults(2)
def test_a_damaged_beat_is_a_beat(faults, tmp_path):
    base = opened("files", tmp_path)
    lease = held(base)
    for content in (b"", b"\xff"):
        (tmp_path / "ledger" / "cohort-a" / "lease-00000001" / "beat").write_bytes(content)
        faults.count()
        base.beat(lease)
    base.complete(lease)
