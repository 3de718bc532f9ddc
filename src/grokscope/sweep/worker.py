"""A worker: takes cohorts from the ledger and trains them until none is left.

Every way of running a sweep comes down to this, in one process or in hundreds: they need nothing
but the package and the sweep's folder. A cohort may be begun more than once, by workers that died,
and is published once.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch

from grokscope.core.errors import (
    DiskError,
    GrokscopeError,
    InterruptedRunError,
    MemoryExceededError,
    VerificationError,
)
from grokscope.experiment import Listener, Silence, resume_run
from grokscope.experiment.interruption import stop_on_signal
from grokscope.store import RunDirectory
from grokscope.store.durable import disk_errors
from grokscope.sweep.cohort import Cohort
from grokscope.sweep.folder import Sweep
from grokscope.sweep.heart import Heart
from grokscope.sweep.lease import (
    BEAT_SECONDS,
    SILENCE_SECONDS,
    Lease,
    LeaseLostError,
    Ledger,
)
from grokscope.sweep.publication import begin, publish, require_sound, settle, throw_away

MOST_LOSSES = 4
"""Holders of a cohort that may die before it is split: the system ends what takes its memory."""
_POLL_SECONDS = 0.5
_TRIES = 3
"""To train a cohort whose files turn out to be damaged, from the beginning each time."""


@runtime_checkable
class Watcher(Protocol):
    """Told how a worker gets on."""

    def watching(self, sweep: Sweep, cohort: Cohort) -> Listener:
        """The listener of a cohort's training, which begins now."""
        ...

    def ended(self, sweep: Sweep, cohort: Cohort, seconds: float) -> None:
        """A cohort has been published."""
        ...

    def split(self, sweep: Sweep, cohort: Cohort, reason: str) -> None:
        """A cohort goes on in two halves."""
        ...


class NoWatcher:
    """The watcher that shows nothing."""

    def watching(self, sweep: Sweep, cohort: Cohort) -> Listener:
        """Silence."""
        return Silence()

    def ended(self, sweep: Sweep, cohort: Cohort, seconds: float) -> None:
        """Do nothing."""

    def split(self, sweep: Sweep, cohort: Cohort, reason: str) -> None:
        """Do nothing."""


@dataclass(kw_only=True)
class Worker:
    """Trains cohorts of a sweep.

    Attributes:
        sweep: whose cohorts.
        watcher: told how it gets on.
        silence: seconds without a beat after which another's lease is taken.
        beat: seconds between its own beats.
        mirror: what copies a published run elsewhere, if anything.
        trained: ids of the cohorts that it has published.
    """

    sweep: Sweep
    watcher: Watcher = field(default_factory=NoWatcher)
    silence: float = SILENCE_SECONDS
    beat: float = BEAT_SECONDS
    mirror: Callable[[RunDirectory], None] | None = None
    trained: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self._ledger: Ledger = self.sweep.open_ledger(self.silence)

    def work(self) -> None:
        """Train until every cohort has ended, waiting for those that others have.

        Raises:
            InterruptedRunError: asked to stop; what was begun can be gone on with.
            DiskError: the disk is full or refuses to be written.
        """
        torch.set_num_threads(self.sweep.header.threads)
        with stop_on_signal() as request:
            # who planned them may have died before they were entered, or the ledger was lost
            self._ledger.add([cohort.id for cohort in self.sweep.cohorts()])
            settle(self.sweep)
            while True:
                if request.requested:
                    raise InterruptedRunError("Stopped between two cohorts.")
                lease = self._ledger.claim()
                if lease is not None:
                    self.train(lease)
                elif all(e.state not in ("waiting", "leased") for e in self._ledger.entries()):
                    return
                else:
                    time.sleep(_POLL_SECONDS)

    def work_on(self, cohort_id: str) -> bool:
        """Train one cohort, if it is to be had; whether it was."""
        torch.set_num_threads(self.sweep.header.threads)
        lease = self._ledger.claim(only=cohort_id)
        if lease is None:
            return False
        self.train(lease)
        return True

    def train(self, lease: Lease) -> None:
        """Train and publish the cohort of a lease, or split it, or note why it cannot be done."""
        with suppress(LeaseLostError):  # the cohort is another's, with whatever becomes of it
            try:
                self._bring_to_its_end(self.sweep.cohort(lease.cohort), lease)
            except LeaseLostError:
                raise
            except (DiskError, InterruptedRunError):
                with suppress(DiskError):  # others will see that this process is gone
                    self._ledger.release(lease)
                raise
            except GrokscopeError as error:
                throw_away(self.sweep, lease)
                self._ledger.fail(lease, error)

    def _bring_to_its_end(self, cohort: Cohort, lease: Lease) -> None:
        # whoever published it, or split it, may have died before saying so
        if self.sweep.has_published(cohort.id):
            throw_away(self.sweep, lease)
            self._ledger.complete(lease)
        elif self.sweep.is_split(cohort.id):
            throw_away(self.sweep, lease)
            self._ledger.split(lease, [part.id for part in cohort.halves()])
        elif lease.losses > MOST_LOSSES:
            reason = f"{lease.losses} workers have ended on {cohort.id}."
            self._halve(cohort, lease, MemoryExceededError(reason))
        else:
            try:
                self._train(cohort, lease)
            except MemoryExceededError as error:
                self._halve(cohort, lease, error)

    def _train(self, cohort: Cohort, lease: Lease) -> None:
        started = time.monotonic()
        publish(self.sweep, self._finished(cohort, lease))
        self._ledger.complete(lease)
        self.trained.append(cohort.id)
        if self.mirror is not None:
            self.mirror(RunDirectory(self.sweep.runs / cohort.id))
        self.watcher.ended(self.sweep, cohort, time.monotonic() - started)

    def _finished(self, cohort: Cohort, lease: Lease) -> RunDirectory:
        """The trained run; from the beginning where what was left behind is damaged."""
        for tries_left in reversed(range(_TRIES)):
            listener = self.watcher.watching(self.sweep, cohort)
            try:
                with (
                    disk_errors(self.sweep.work),
                    Heart(self._ledger, lease, listener, self.beat) as heart,
                ):
                    run = begin(self.sweep, cohort, lease)
                    resume_run(run, heart)
                    require_sound(run)
                self._ledger.beat(lease)
                return run
            except VerificationError:
                self._ledger.beat(lease)  # the files of a lost lease are gone, not damaged
                if not tries_left:
                    raise
                throw_away(self.sweep, lease)
        raise AssertionError("the last try returns or raises")

    def _halve(self, cohort: Cohort, lease: Lease, error: MemoryExceededError) -> None:
        self._ledger.beat(lease)
        throw_away(self.sweep, lease)
        if len(cohort.members) == 1:
            self._ledger.fail(lease, error)
            return
        parts = self.sweep.split(cohort)
        self._ledger.split(lease, [part.id for part in parts])
        self.watcher.split(self.sweep, cohort, str(error))
