"""Comparing a run with its manifests: what is damaged, and what a crash left behind."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grokscope.core.errors import GrokscopeError
from grokscope.store.checkpoint import (
    CHECKPOINTS,
    checkpoint_flaws,
    checkpoint_folders,
    read_checkpoint_manifest,
    read_entry,
    replaced_folders,
)
from grokscope.store.documents import read_json, read_toml
from grokscope.store.events import EVENTS_NAME, complete_length, read_events
from grokscope.store.manifest import Manifest, flaw, read_manifest
from grokscope.store.rewind import RESUME, temporary_files, unlisted_files
from grokscope.store.schema import SCHEMA_KEY, check_version
from grokscope.store.segments import connect, literal

_LEFTOVER = "unlisted leftover of an interrupted write: harmless, removed when the run is resumed"


@dataclass(frozen=True)
class Problem:
    """One file of a run that is not as it should be.

    `leftover` marks what an interrupted write left behind: no stored result depends on it.
    """

    path: Path
    message: str
    leftover: bool = False


def verify_run(root: Path) -> list[Problem]:
    """Read every file of a run; an empty list means that all are as they were written."""
    problems: list[Problem] = []

    def attempt(check: Callable[[], list[Problem]]) -> None:
        try:
            problems.extend(check())
        except (GrokscopeError, OSError) as error:
            path, _, message = str(error).partition(": ")
            problems.append(Problem(Path(path), message or str(error)))

    attempt(lambda: _listed(root, read_manifest(root)))
    attempt(lambda: _document(read_toml, root / "config.toml"))
    for name in ("env.json", "status.json"):
        attempt(lambda name=name: _document(read_json, root / name))
    attempt(lambda: _events(root))
    for parent in (root / CHECKPOINTS, root / RESUME):
        for folder in checkpoint_folders(parent):
            attempt(lambda folder=folder: _checkpoint(folder))
        problems += [Problem(path, _LEFTOVER, True) for path in replaced_folders(parent)]
    problems += [Problem(path, _LEFTOVER, True) for path in temporary_files(root)]
    return _distinct(problems)


def _listed(root: Path, manifest: Manifest) -> list[Problem]:
    problems: list[Problem] = []
    for name in manifest.files:
        path = root / name
        wrong = flaw(path, manifest.accepted(name))
        if wrong:
            problems.append(Problem(path, wrong))
        elif path.suffix == ".parquet":
            problems += _parquet_version(path)
    unlisted = unlisted_files(root, manifest)
    return problems + [Problem(root / name, _LEFTOVER, True) for name in sorted(unlisted)]


def _parquet_version(path: Path) -> list[Problem]:
    import duckdb

    with connect(threads=1) as connection:
        try:
            rows = connection.execute(
                f"SELECT key, value FROM parquet_kv_metadata({literal(path, pattern=True)})"
            ).fetchall()
        except duckdb.Error as error:
            return [Problem(path, str(error).splitlines()[0])]
    versions = [int(value) for key, value in rows if bytes(key) == SCHEMA_KEY.encode()]
    check_version(versions[0] if versions else None, path)
    return []


def _document(read: Callable[[Path], object], path: Path) -> list[Problem]:
    read(path)
    return []


def _events(root: Path) -> list[Problem]:
    path = root / EVENTS_NAME
    read_events(root)
    if path.exists() and path.stat().st_size > complete_length(root):
        return [Problem(path, "its last line was not finished: harmless, ignored", True)]
    return []


def _checkpoint(folder: Path) -> list[Problem]:
    read_entry(folder)
    _, files = read_checkpoint_manifest(folder)
    return [Problem(path, wrong) for path, wrong in checkpoint_flaws(folder, files)]


def _distinct(problems: list[Problem]) -> list[Problem]:
    """One problem per file: a changed config.toml is both unlike the manifest and unreadable."""
    return list({problem.path: problem for problem in reversed(problems)}.values())[::-1]
