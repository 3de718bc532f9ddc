"""Writing files that survive a crash, a full disk and a pulled plug.

A file is first written under a temporary name in its own folder, flushed to the disk, then renamed
over the target, and the folder is flushed as well. A reader therefore sees the old content or the
new content, never a part of it, and a failed write leaves the old content in place.
"""

import errno
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from grokscope.core.errors import DiskError

# safetensors writes through temporary files of its own, named ".tmp" plus six letters
TEMPORARY_PREFIX = ".tmp"
_STALE_SECONDS = 24 * 3600

_REASONS = {
    errno.ENOSPC: "disk is full",
    errno.EDQUOT: "disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
}
# "os error 28" by safetensors, "errno":"28" by DuckDB
_NATIVE_ERRNO = re.compile(r"os error (\d+)|\"errno\": ?\"(\d+)\"")


@contextmanager
def disk_errors(path: Path) -> Generator[None]:
    """Turn operating-system errors into a DiskError that names the file and the reason."""
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0) or error.strerror or str(error)
        raise DiskError(f"cannot write {path}: {reason}") from error


def native_error(error: Exception) -> OSError:
    """The OSError behind an exception of a compiled library, which only has it as text."""
    text = str(error)
    found = _NATIVE_ERRNO.search(text)
    if found:
        number = int(found.group(1) or found.group(2))
    else:
        number = next((n for n in _REASONS if os.strerror(n) in text), errno.EIO)
    reason = os.strerror(number) if number != errno.EIO else text.splitlines()[0]
    return OSError(number, reason)


def temporary_name(path: Path) -> Path:
    """A fresh name beside `path` that a later sweep recognises."""
    return path.with_name(f"{TEMPORARY_PREFIX}-{secrets.token_hex(4)}-{path.name}")


def is_temporary(path: Path) -> bool:
    """Whether the name is one that only unfinished writes use."""
    return path.name.startswith(TEMPORARY_PREFIX)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte; the operating system may take them in portions."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def write_bytes(path: Path, data: bytes) -> None:
    """Create or overwrite a file, without flushing it to the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        write_all(descriptor, data)
    finally:
        os.close(descriptor)


def sync(path: Path) -> None:
    """Flush a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def staged(path: Path, write: Callable[[Path], None]) -> Generator[Path]:
    """Write a file beside `path` and flush it; the body moves it into place.

    Args:
        path: the final place, for the temporary name and for error messages.
        write: writes the whole content to the path that it is given.

    Yields:
        The temporary file. Whatever is left of it after a failure is removed.

    Raises:
        DiskError: the disk is full or refuses to be written.
    """
    temporary = temporary_name(path)
    with disk_errors(path):
        try:
            write(temporary)
            sync(temporary)
            yield temporary
        except (Exception, KeyboardInterrupt):
            discard(temporary)
            raise


def move_into_place(temporary: Path, path: Path) -> None:
    """Rename over `path` and make the rename durable."""
    temporary.replace(path)
    sync(path.parent)


def replace_file(path: Path, data: bytes) -> None:
    """Replace a file's content as one step.

    Raises:
        DiskError: the disk is full or refuses to be written; the old content is still there.
    """
    with staged(path, lambda temporary: write_bytes(temporary, data)) as temporary:
        move_into_place(temporary, path)


def discard(path: Path) -> None:
    """Remove a file or folder as far as possible; for cleaning up after a failure."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def remove_tree(path: Path) -> None:
    """Remove a folder so that no half-removed folder is ever seen under its name."""
    doomed = temporary_name(path)
    with disk_errors(path):
        path.rename(doomed)
        try:
            sync(path.parent)
        finally:
            discard(doomed)


def remove_tree_once(path: Path) -> bool:
    """As `remove_tree`; False if there is none, or another process was faster."""
    try:
        remove_tree(path)
    except DiskError:
        if path.exists():
            raise
        return False
    return True


def discard_stale(folder: Path) -> None:
    """Remove temporary names that no living write can still be using."""
    for path in folder.iterdir():
        with suppress(OSError):
            if is_temporary(path) and time.time() - path.lstat().st_mtime > _STALE_SECONDS:
                discard(path)


def make_directory(path: Path) -> None:
    """Create a folder and its parents durably; fine if it exists."""
    with disk_errors(path):
        missing = [p for p in (path, *path.parents) if not p.exists()]
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            sync(folder.parent)


@contextmanager
def staged_directory(path: Path) -> Generator[Path]:
    """A temporary folder beside `path`; the body fills it and moves it into place.

    Raises:
        DiskError: the disk is full or refuses to be written; nothing is left behind.
    """
    temporary = temporary_name(path)
    with disk_errors(path):
        try:
            temporary.mkdir()
            yield temporary
        except (Exception, KeyboardInterrupt):
            discard(temporary)
            raise


def make_once(path: Path, documents: Mapping[str, bytes]) -> bool:
    """Make a folder with files in it, complete or not at all, unless there is one.

    Of several processes, on several hosts too, one does: renaming a folder to the name of one that
    is not empty fails.

    Args:
        path: the folder; its parent exists.
        documents: contents by file name, at least one.

    Returns:
        Whether this call made it.

    Raises:
        DiskError: the disk is full or refuses to be written.
    """
    with staged_directory(path) as temporary:
        for name, data in documents.items():
            write_bytes(temporary / name, data)
        sync_tree(temporary)
        return move_once(temporary, path)


def move_once(source: Path, path: Path) -> bool:
    """Rename a folder that is not empty, unless there is one of that name; whether it was done.

    The source is removed where there was one already.
    """
    try:
        source.rename(path)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        discard(source)
        return False
    sync(path.parent)
    return True


def sync_tree(folder: Path) -> None:
    """Flush a folder's files and the folder itself."""
    for path in sorted(folder.iterdir()):
        sync(path)
    sync(folder)
