"""A pulled plug: what was not flushed is lost.

Of a file whose content was not flushed since it was written, half is left. A name that was given or
taken by a rename goes back unless the folder was flushed since. SQLite flushes by itself, in C, and
is taken at its word.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

_AT_ITS_WORD = ("ledger.sqlite", ".lock")


@dataclass(frozen=True)
class Rename:
    """A rename, and what it replaced."""

    source: Path
    target: Path
    replaced: bytes | None


class Plug:
    """Watches what is flushed; to be made before anything else takes the calls' place."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._flushed: dict[tuple[int, int], tuple[int, int]] = {}
        self._renames: list[Rename] = []
        patch.setattr(os, "fsync", self._fsync)
        for name in ("rename", "replace"):
            patch.setattr(os, name, self._renaming(getattr(os, name)))

    def settle(self, root: Path) -> None:
        """Everything that is there has reached the disk."""
        self._renames.clear()
        for path in _files(root):
            self._note(path.stat())

    def pull(self, root: Path) -> None:
        """Lose what has not."""
        for rename in reversed(self._renames):
            if rename.target.exists() and not rename.source.exists():
                rename.target.replace(rename.source)
                if rename.replaced is not None:
                    rename.target.write_bytes(rename.replaced)
        for path in _files(root):
            facts = path.stat()
            known = self._flushed.get((facts.st_dev, facts.st_ino))
            if known != (facts.st_size, facts.st_mtime_ns):
                os.truncate(path, facts.st_size // 2)
        self._renames.clear()

    def _note(self, facts: os.stat_result) -> None:
        self._flushed[facts.st_dev, facts.st_ino] = facts.st_size, facts.st_mtime_ns

    def _fsync(self, descriptor: int) -> None:
        self._note(os.fstat(descriptor))
        folder = Path(f"/proc/self/fd/{descriptor}").resolve()
        self._renames = [rename for rename in self._renames if rename.target.parent != folder]

    def _renaming(self, call: Callable) -> Callable:
        def watched(source, target, **options) -> None:
            source, target = Path(source), Path(target)
            replaced = target.read_bytes() if target.is_file() else None
            call(source, target, **options)
            self._renames.append(Rename(source, target, replaced))

        return watched


def _files(root: Path) -> list[Path]:
    files = (path for path in root.rglob("*") if path.is_file())
    return [path for path in files if not path.name.startswith(_AT_ITS_WORD)]
