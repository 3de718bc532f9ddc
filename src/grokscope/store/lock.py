"""One writer per run: an advisory lock that the operating system drops when its holder dies."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from grokscope.core.errors import UsageError
from grokscope.store.durable import disk_errors, write_all

LOCK_NAME = ".lock"


@contextmanager
def hold_lock(root: Path) -> Generator[None]:
    """Hold the writer's lock of a run.

    Raises:
        UsageError: another writer holds it; the message has its process id.
        DiskError: the lock file cannot be made.
    """
    path = root / LOCK_NAME
    with disk_errors(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _acquire(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: Path) -> None:
    import fcntl  # POSIX only; imported here so that reading runs works everywhere

    with disk_errors(path):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
            raise UsageError(
                f"{path.parent} is being written by process {holder}: wait for it or stop it"
            ) from None
        os.ftruncate(descriptor, 0)
        write_all(descriptor, str(os.getpid()).encode())
