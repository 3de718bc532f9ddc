"""The event log of a run: JSON lines, appended and flushed.

A crash during an append leaves an unfinished last line. Readers ignore it and the next append
removes it, so an event is either in the log completely or not at all.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from grokscope.core.errors import VerificationError
from grokscope.store.documents import encode_json, parse_json
from grokscope.store.durable import disk_errors, sync, write_all
from grokscope.store.schema import unstamped

EVENTS_NAME = "events.jsonl"


def append_events(root: Path, events: Sequence[Mapping[str, object]]) -> None:
    """Append events and flush them; all of them or, if that fails, none.

    Raises:
        DiskError: the disk is full or refuses to be written.
    """
    if not events:
        return
    data = b"".join(encode_json(event, indent=None) for event in events)
    path = root / EVENTS_NAME
    with disk_errors(path):
        fresh = not path.exists()
        length = complete_length(root)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            _append_at(descriptor, length, data)
        finally:
            os.close(descriptor)
        if fresh:
            sync(root)


def _append_at(descriptor: int, length: int, data: bytes) -> None:
    try:
        os.ftruncate(descriptor, length)
        os.lseek(descriptor, length, os.SEEK_SET)
        write_all(descriptor, data)
        os.fsync(descriptor)
    except (Exception, KeyboardInterrupt):
        with suppress(OSError):
            os.ftruncate(descriptor, length)
        raise


def complete_length(root: Path) -> int:
    """Bytes of the log up to the end of its last finished line; 0 if there is no log."""
    path = root / EVENTS_NAME
    if not path.exists():
        return 0
    with path.open("rb") as stream:
        end = stream.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - 65536)
            stream.seek(start)
            newline = stream.read(end - start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            end = start
    return 0


def truncate_events(root: Path, length: int) -> None:
    """Cut the log back to an earlier length.

    Raises:
        VerificationError: the log is already shorter than that.
        DiskError: the log cannot be written.
    """
    path = root / EVENTS_NAME
    size = path.stat().st_size if path.exists() else 0
    if size < length:
        raise VerificationError(f"{path}: {size} bytes long, but {length} were written")
    if size > length:
        with disk_errors(path):
            os.truncate(path, length)
            sync(path)


def read_events(root: Path) -> list[dict[str, object]]:
    """Every finished event, in order.

    Raises:
        VerificationError: a line is not a JSON object.
    """
    path = root / EVENTS_NAME
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    return [unstamped(parse_json(line, path), path) for line in lines]
