"""The ledger as files, for a sweep's folder that several hosts share over a network.

No locks: whoever renames a folder to a name that is not taken has won, which network file systems
keep. Of a cohort's leases the one with the highest token counts.

    ledger/<cohort>/
      lease-00000001/{owner.json, beat, released}    `released` says "again" where a worker begins
                                                     anew and earlier losses do not count
      outcome/outcome.json                 done, split or failed
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from grokscope.core.errors import GrokscopeError, VerificationError
from grokscope.store.documents import encode_json, read_json
from grokscope.store.durable import (
    disk_errors,
    is_temporary,
    make_directory,
    make_once,
    remove_tree_once,
    replace_file,
)
from grokscope.sweep.lease import (
    HOW_TO_RENEW,
    Entry,
    Lease,
    LeaseLostError,
    Observer,
    Owner,
)

LEDGER_FOLDER = "ledger"
_OUTCOME, _LEASE = "outcome", "lease-"
_AGAIN = b"again"


class FileLedger:
    """See `Ledger`.

    Args:
        folder: of the sweep.
        observer: decides who has fallen silent.
    """

    def __init__(self, folder: Path, observer: Observer) -> None:
        self._root, self._observer = folder / LEDGER_FOLDER, observer
        self._ended: set[str] = set()
        self._last = ""
        """The latest cohort that was claimed: those after it are likelier to be free."""
        make_directory(self._root)

    def add(self, cohorts: Sequence[str]) -> None:
        """See `Ledger.add`."""
        for cohort in cohorts:
            make_directory(self._root / cohort)

    def claim(self, only: str | None = None) -> Lease | None:
        """See `Ledger.claim`."""
        for cohort in self._open() if only is None else [only]:
            lease = self._claim(cohort)
            if lease is not None:
                self._last = cohort
                return lease
        return None

    def _claim(self, cohort: str) -> Lease | None:
        folder = self._root / cohort
        if (folder / _OUTCOME).exists():
            self._ended.add(cohort)
            return None
        token, losses = _newest(folder), 0
        if token:
            held = folder / f"{_LEASE}{token:08d}"
            facts = _read(held / "owner.json", "host", "boot", "pid", "started")
            released = _content(held / "released")
            losses = 0 if released == _AGAIN else _whole(facts, "losses")
            if released is None:
                mark = token, _content(held / "beat")
                if not self._observer.is_gone(cohort, Owner.of(facts), mark):
                    return None
                losses += 1
        owner = encode_json({**Owner.this().as_dict(), "losses": losses})
        path = folder / f"{_LEASE}{token + 1:08d}"
        if not make_once(path, {"owner.json": owner, "beat": b"0"}):
            return None  # another worker was faster
        return Lease(cohort=cohort, token=token + 1, losses=losses)

    def beat(self, lease: Lease) -> None:
        """See `Ledger.beat`."""
        held = self._mine(lease)
        beat = _content(held / "beat") or b""
        replace_file(held / "beat", b"%d" % (int(beat) + 1 if beat.isdigit() else 0))

    def release(self, lease: Lease) -> None:
        """See `Ledger.release`."""
        replace_file(self._mine(lease) / "released", b"")

    def complete(self, lease: Lease) -> None:
        """See `Ledger.complete`."""
        self._end(lease.cohort, {"state": "done", "token": lease.token})

    def split(self, lease: Lease, parts: Sequence[str]) -> None:
        """See `Ledger.split`."""
        self._mine(lease)
        self.add(parts)  # first: a cohort that is split must not be without its parts
        self._end(lease.cohort, {"state": "split", "token": lease.token})

    def fail(self, lease: Lease, error: GrokscopeError) -> None:
        """See `Ledger.fail`."""
        self._mine(lease)
        facts = {"state": "failed", "error": str(error), "exit_code": error.exit_code}
        self._end(lease.cohort, {**facts, "token": lease.token})

    def reopen(self, cohorts: Sequence[str]) -> None:
        """See `Ledger.reopen`."""
        for cohort in cohorts:
            outcome = self._root / cohort / _OUTCOME
            if self._outcome(cohort).get("state", "split") != "split":
                token = _newest(self._root / cohort)
                if token:
                    replace_file(outcome.with_name(f"{_LEASE}{token:08d}") / "released", _AGAIN)
                remove_tree_once(outcome)
                self._ended.discard(cohort)

    def entries(self) -> list[Entry]:
        """See `Ledger.entries`."""
        found = [self._entry(path) for path in _folders(self._root)]
        # somebody else may have opened again what had ended
        self._ended &= {entry.cohort for entry in found if entry.state not in ("waiting", "leased")}
        return found

    def _entry(self, folder: Path) -> Entry:
        token = _newest(folder)
        facts: Any = self._outcome(folder.name)
        if facts:
            error, code = str(facts.get("error", "")), int(facts.get("exit_code", 1))
            return Entry(
                cohort=folder.name, state=facts["state"], token=token, error=error, exit_code=code
            )
        held = folder / f"{_LEASE}{token:08d}"
        is_free = token == 0 or (held / "released").exists()
        return Entry(cohort=folder.name, state="waiting" if is_free else "leased", token=token)

    def _outcome(self, cohort: str) -> dict[str, object]:
        """Empty where there is none: another worker may just have removed it."""
        path = self._root / cohort / _OUTCOME / "outcome.json"
        try:
            return _read(path, "state")
        except VerificationError:
            if path.exists():
                raise
            return {}

    def _open(self) -> list[str]:
        names = [path.name for path in _folders(self._root) if path.name not in self._ended]
        first = bisect_right(names, self._last)
        return names[first:] + names[:first]

    def _mine(self, lease: Lease) -> Path:
        """The lease's folder, if it is still the newest one of its cohort, and not over."""
        folder = self._root / lease.cohort
        held = folder / f"{_LEASE}{lease.token:08d}"
        is_over = (folder / _OUTCOME).exists() or (held / "released").exists()
        if is_over or _newest(folder) != lease.token:
            raise LeaseLostError(f"{lease.cohort} was taken over by another worker.")
        return held

    def _end(self, cohort: str, facts: Mapping[str, object]) -> None:
        make_once(self._root / cohort / _OUTCOME, {"outcome.json": encode_json(facts)})
        self._ended.add(cohort)


def _folders(root: Path) -> list[Path]:
    with disk_errors(root):
        return sorted(path for path in root.iterdir() if not is_temporary(path))


def _newest(folder: Path) -> int:
    """The highest token of a cohort's leases; 0 where there is none."""
    tokens = [path.name.removeprefix(_LEASE) for path in _folders(folder)]
    return max((int(token) for token in tokens if token.isdecimal()), default=0)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _read(path: Path, *facts: str) -> dict[str, object]:
    """A document with some facts."""
    try:
        document = read_json(path)
    except VerificationError as error:
        raise VerificationError(f"{error}. {HOW_TO_RENEW}") from error
    missing = next((fact for fact in facts if fact not in document), None)
    if missing is not None:
        raise VerificationError(f"{path}: no `{missing}`. {HOW_TO_RENEW}")
    return document


def _whole(facts: Mapping[str, object], name: str) -> int:
    value = facts.get(name)
    return value if isinstance(value, int) else 0
