"""Who may train a cohort: leases with a heartbeat and a fencing token.

A ledger knows every cohort of a sweep and hands each to one worker at a time. A worker that falls
silent loses its lease; the next one gets a higher token. Silence is measured by the clock of
whoever waits: it has seen the same beat for so long. So no clock of one host is ever compared with
that of another, and a clock that is set back or forward changes nothing.

The ledger decides who works. What was done is decided by the published run directories alone.
"""

import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from grokscope.core.errors import GrokscopeError

SILENCE_SECONDS = 30.0
"""Without a beat, after which a lease is taken from its holder."""
BEAT_SECONDS = 5.0

HOW_TO_RENEW = (
    "A ledger only says who works on what: while nobody works on the sweep, remove it, and start "
    "the same command again."
)
"""What to do with one that is damaged. Nothing that was published is lost with it."""

State = Literal["waiting", "leased", "done", "split", "failed"]


class LeaseLostError(GrokscopeError):
    """Somebody else has the cohort now: what this worker has of it does not count."""


@dataclass(frozen=True, kw_only=True)
class Owner:
    """A process, so that others on its host can see whether it lives."""

    host: str
    boot: str
    """Identifies the host since it was started; empty where that is not known."""
    pid: int
    started: str
    """When the process was started, in the host's own count; tells it from a later one."""

    @classmethod
    def this(cls) -> "Owner":
        """This process."""
        pid = os.getpid()
        return cls(host=socket.gethostname(), boot=_boot(), pid=pid, started=_start_of(pid))

    def as_dict(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return asdict(self)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Owner":
        """Back from JSON."""
        names = ("host", "boot", "pid", "started")
        return cls(**{name: stored[name] for name in names})

    @property
    def is_dead(self) -> bool:
        """Whether it surely lives no more: it was on this host, and there is no such process."""
        here = Owner.this()
        if not self.boot or (self.host, self.boot) != (here.host, here.boot):
            return False
        return _start_of(self.pid) != self.started


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The right to train a cohort.

    Attributes:
        cohort: its id.
        token: higher than that of every lease of this cohort before.
        losses: leases of this cohort before it whose holders died or fell silent.
    """

    cohort: str
    token: int
    losses: int = 0


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What a ledger knows of a cohort."""

    cohort: str
    state: State
    token: int = 0
    error: str = ""
    """Why it failed."""
    exit_code: int = 1
    """Of that error."""


@runtime_checkable
class Ledger(Protocol):
    """Every cohort of a sweep, and who has it. Methods raise DiskError if nothing can be written.

    A worker may call all of them at any time, and another worker may do so meanwhile.
    """

    def add(self, cohorts: Sequence[str]) -> None:
        """Make cohorts known; those that are known already stay as they are."""
        ...

    def claim(self, only: str | None = None) -> Lease | None:
        """A cohort that waits or whose holder is gone, or None if there is none just now.

        Args:
            only: that cohort or none.
        """
        ...

    def beat(self, lease: Lease) -> None:
        """Say that the holder lives; LeaseLostError if the lease is another's, or is over."""
        ...

    def release(self, lease: Lease) -> None:
        """Give the cohort back unfinished, for others to go on with."""
        ...

    def complete(self, lease: Lease) -> None:
        """Note that the cohort is published; also where the lease has been lost meanwhile."""
        ...

    def split(self, lease: Lease, parts: Sequence[str]) -> None:
        """Replace the cohort by others, which are known from then on."""
        ...

    def fail(self, lease: Lease, error: GrokscopeError) -> None:
        """Note that the cohort cannot be trained, and why."""
        ...

    def reopen(self, cohorts: Sequence[str]) -> None:
        """Let cohorts that were done or failed wait again."""
        ...

    def entries(self) -> list[Entry]:
        """All cohorts, in the order in which they became known."""
        ...


class Observer:
    """Tells which holders have fallen silent, by the clock of this process alone."""

    def __init__(self, silence: float = SILENCE_SECONDS) -> None:
        self._silence = silence
        self._seen: dict[str, tuple[object, float]] = {}

    def is_gone(self, cohort: str, owner: Owner, mark: object) -> bool:
        """Whether the holder of a lease is dead, or its beat has stood still for too long.

        Args:
            cohort: its id.
            owner: of the lease.
            mark: token and beat, which change while the holder lives.
        """
        now = time.monotonic()
        seen, since = self._seen.get(cohort, (None, now))
        if seen != mark:
            self._seen[cohort] = mark, now
            since = now
        return owner.is_dead or now - since > self._silence


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _start_of(pid: int) -> str:
    """Start of a process in clock ticks since the host's; empty if there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]
