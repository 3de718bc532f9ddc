"""A sweep on Ray: one task per cohort, on this machine or on a cluster.

Core tasks only. A task that dies with its node is submitted again and goes on where the cohort's
last resume point was; what has been published is not done again. Ray's dashboard stays off, and
releases before 2.54, whose dashboard could be reached without a password, are refused.
"""

import math
import os
import signal
import socket
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from grokscope.core.errors import (
    GrokscopeError,
    InterruptedRunError,
    MissingExtraError,
    SettingError,
    UsageError,
)
from grokscope.experiment.interruption import stop_on_signal
from grokscope.sweep.folder import Sweep
from grokscope.sweep.worker import Worker

OLDEST = (2, 54)
_TRIES = 5
"""Of a cohort whose task died."""
_POLL_SECONDS = 0.5
_CONNECT_SECONDS = 10.0
_NO_ANSWER = "No Ray cluster answers at"


def train_cohort(path: str, cohort: str) -> str:
    """The task: train one cohort if it is to be had.

    Returns:
        `trained`, or `taken` where another worker has it.
    """
    worker = Worker(sweep=Sweep.open(Path(path)))
    return "trained" if worker.work_on(cohort) else "taken"


def run_on_ray(
    sweep: Sweep,
    address: str | None = None,
    cpus: int | None = None,
    tell: Callable[[str], None] = lambda cohort: None,
) -> None:
    """Train every open cohort of a sweep on Ray.

    Args:
        sweep: whose folder all nodes of the cluster see under the same path.
        address: of a cluster; a local one is started, and stopped at the end, unless given.
        cpus: of a local cluster; all of the machine's unless given.
        tell: told of each cohort that has ended.

    Raises:
        MissingExtraError: Ray is not installed.
        UsageError: it is too old, or no cluster answers.
        InterruptedRunError: asked to stop; tasks have stopped at a safe place.
        DiskError: a task met a full disk.
        GrokscopeError: a cohort's tasks died too often.
    """
    ray = require_ray(address)
    _connect(ray, address, cpus)
    try:
        with stop_on_signal() as request:
            tasks = _Tasks(ray, sweep, tell)
            while tasks.go_on():
                if request.requested:
                    tasks.cancel()
                    raise InterruptedRunError("Stopped.")
    finally:
        with suppress(Exception):  # a cluster that has died must not hide why
            ray.shutdown()


class _Tasks:
    """Tasks under way, and cohorts for which there is none."""

    def __init__(self, ray: Any, sweep: Sweep, tell: Callable[[str], None]) -> None:  # noqa: ANN401
        self._ray, self._sweep, self._tell = ray, sweep, tell
        threads = sweep.header.threads
        device = {"num_gpus": 1} if sweep.header.base.training.device == "cuda" else {}
        self._task = ray.remote(num_cpus=threads, max_retries=0, **device)(train_cohort)
        cpus = ray.cluster_resources().get("CPU", 1.0)
        self._most = 2 * max(1, math.floor(cpus / threads))
        self._under_way: dict[Any, str] = {}
        self._died: Counter[str] = Counter()

    def go_on(self) -> bool:
        """Submit and collect for a moment; whether anything is left to do."""
        open_ = [e.cohort for e in self._sweep.ledger.entries() if e.state in ("waiting", "leased")]
        if not open_ and not self._under_way:
            return False
        busy = set(self._under_way.values())
        waiting = deque(cohort for cohort in open_ if cohort not in busy)
        while waiting and len(self._under_way) < self._most:
            cohort = waiting.popleft()
            self._under_way[self._task.remote(str(self._sweep.path), cohort)] = cohort
        ended, _ = self._ray.wait(list(self._under_way), timeout=_POLL_SECONDS)
        for task in ended:
            self._collect(task, self._under_way.pop(task))
        return True

    def cancel(self) -> None:
        """Ask every task to stop, and wait until they have."""
        for task in self._under_way:
            self._ray.cancel(task)
        self._ray.wait(list(self._under_way), num_returns=len(self._under_way), timeout=30.0)

    def _collect(self, task: Any, cohort: str) -> None:  # noqa: ANN401
        try:
            if self._ray.get(task) == "trained":
                self._tell(cohort)
        except self._ray.exceptions.RayTaskError as error:
            cause = error.cause
            raise cause if isinstance(cause, GrokscopeError) else error from error
        except self._ray.exceptions.RayError as error:
            self._died[cohort] += 1
            if self._died[cohort] >= _TRIES:
                line = str(error).strip().splitlines()[0]
                raise GrokscopeError(f"Tasks of {cohort} died {_TRIES} times: {line}") from error


def require_ray(address: str | None = None) -> Any:  # noqa: ANN401
    """The module, if it can be used and somebody listens at the address.

    Raises:
        MissingExtraError: it is not installed.
        UsageError: it is too old, or nobody does.
    """
    if address is not None and "ray" not in sys.modules:
        _use_token()
    try:
        import ray
    except ImportError:
        raise MissingExtraError("ray", "ray") from None
    version = tuple(int(part) for part in ray.__version__.split(".")[:2])
    if version < OLDEST:
        raise UsageError(
            f"ray {ray.__version__} has known holes: pip install -U 'grokscope[ray]' brings "
            f"{'.'.join(map(str, OLDEST))} or a later one."
        )
    _require_listener(address)
    return ray


def _use_token() -> None:
    """Show a cluster the token where there is one: one that asks for none takes it, too.

    Ray reads its mode when it is imported; a local cluster gets a token by itself.
    """
    default = Path.home() / ".ray" / "auth_token"
    named = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
    if any(name in os.environ for name in named) or default.exists():
        os.environ.setdefault("RAY_AUTH_MODE", "token")


def _connect(ray: Any, address: str | None, cpus: int | None) -> None:  # noqa: ANN401
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        with _own_signals():
            if address is None:
                ray.init(address="local", num_cpus=cpus, include_dashboard=False, **quiet)
            else:
                ray.init(address=address, **quiet)
    except Exception as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        where = address or "this machine"
        hint = " (with token authentication: is RAY_AUTH_TOKEN that of the cluster?)"
        raise UsageError(f"{_NO_ANSWER} {where}: {line}{hint if address else ''}") from error


def _require_listener(address: str | None) -> None:
    """Refuse an address at which nobody listens: Ray itself goes on asking for minutes."""
    if address is None or address == "auto":
        return
    host, has_port, port = address.removeprefix("ray://").rpartition(":")
    if not (host and has_port and port.isdecimal()):
        raise SettingError("address", "HOST:PORT, ray://HOST:PORT or auto", address)
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{_NO_ANSWER} {address}: {reason}.") from None


@contextmanager
def _own_signals() -> Generator[None]:
    """Ray would have SIGTERM end the process at once; what it is to do is for us to say."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
