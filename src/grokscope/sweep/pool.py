"""Workers in processes of their own, on this machine."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

from grokscope.core.errors import DiskError, GrokscopeError, InterruptedRunError
from grokscope.experiment.interruption import stop_on_signal
from grokscope.sweep.folder import Sweep

GRACE_SECONDS = 30.0
"""For workers that are asked to stop, before they are ended."""
_POLL_SECONDS = 0.1
_PARENT = "GROKSCOPE_POOL"
"""Variable with the id of the process that started a worker."""
_RESTARTS = 5
"""Of each worker that the system ended, such as for want of memory."""


def run_pool(sweep: Sweep, workers: int, options: Sequence[str] = ()) -> None:
    """Work on a sweep with some processes until every cohort has ended.

    Args:
        sweep: whose cohorts.
        workers: processes.
        options: of `grokscope worker`.

    Raises:
        InterruptedRunError: asked to stop; the workers have stopped at a safe place.
        DiskError: a worker met a full disk.
        GrokscopeError: workers ended in another way.
    """
    command = [sys.executable, "-m", "grokscope", "worker", str(sweep.path), "--attached", *options]
    with stop_on_signal() as request:
        pool = [_start(command) for _ in range(workers)]
        restarts = _RESTARTS * workers
        try:
            while True:
                if request.requested:
                    raise InterruptedRunError("Stopped.")
                codes = [process.poll() for process in pool]
                for i, code in enumerate(codes):
                    if code is not None and code < 0 < restarts:
                        pool[i], codes[i], restarts = _start(command), None, restarts - 1
                if None not in codes:
                    break
                time.sleep(_POLL_SECONDS)
        finally:
            _end(pool)
    _require_success([process.returncode for process in pool])


def end_with_parent() -> None:
    """Ask this process to stop when the one that started it ends; on Linux only."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    set_death_signal = 1
    ctypes.CDLL(None).prctl(set_death_signal, signal.SIGTERM)
    if str(os.getppid()) != os.environ.get(_PARENT, str(os.getppid())):  # it has ended already
        os.kill(os.getpid(), signal.SIGTERM)


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    # a session of its own: Ctrl-C is for the one who passes it on
    known = {**os.environ, _PARENT: str(os.getpid())}
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, env=known, start_new_session=True)


def _end(pool: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in pool:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    for process in pool:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
        if process.poll() is None:
            process.kill()
            process.wait()


def _require_success(codes: Sequence[int]) -> None:
    if DiskError.exit_code in codes:
        raise DiskError("a worker could not write: make room, and start the same command again")
    if InterruptedRunError.exit_code in codes:
        raise InterruptedRunError("A worker was asked to stop.")
    bad = next((code for code in codes if code != 0), None)
    if bad is not None:
        raise GrokscopeError(f"A worker ended with code {bad}: start the same command again.")
