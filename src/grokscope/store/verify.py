"""Comparing a run with its manifests: what is damaged, and what a crash left behind."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
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
from grokscope.store.manifest import MANIFEST_NAME, flaw, read_manifest
from grokscope.store.rewind import RESUME, temporary_files, unlisted_files
from grokscope.store.schema import check_version
from grokscope.store.segments import parquet_versions

_LEFTOVER = "unlisted leftover of an interrupted write: harmless, removed when the run is resumed"


@dataclass(frozen=True)
class Problem:
    """One file of a run that is not as it should be.

    `leftover` marks what an interrupted write left behind: no stored result depends on it.
    """

    path: Path
    message: str
    leftover: bool = False


def verify_run(root: Path, *, versions: bool = True) -> list[Problem]:
    """Read every file of a run; an empty list means that all are as they were written.

    Args:
        root: the run.
        versions: look for the schema version in each table, too, which takes as long as the rest.
    """
    problems: list[Problem] = []

    def attempt(check: Callable[[Path], list[Problem]], path: Path) -> None:
        try:
            problems.extend(check(path))
        except (GrokscopeError, OSError) as error:
            problems.append(Problem(path, str(error).removeprefix(f"{path}: ")))

    attempt(partial(_listed, versions=versions), root / MANIFEST_NAME)
    for name in ("config.toml", "env.json", "status.json"):
        attempt(_document, root / name)
    attempt(_events, root / EVENTS_NAME)
    for parent in (root / CHECKPOINTS, root / RESUME):
        for folder in checkpoint_folders(parent):
            attempt(_checkpoint, folder / MANIFEST_NAME)
        problems += [Problem(path, _LEFTOVER, True) for path in replaced_folders(parent)]
    problems += [Problem(path, _LEFTOVER, True) for path in temporary_files(root)]
    return _distinct(problems)


def _listed(path: Path, *, versions: bool) -> list[Problem]:
    root = path.parent
    manifest = read_manifest(root)
    flaws = {root / name: flaw(root / name, manifest.accepted(name)) for name in manifest.files}
    sound = [path for path, wrong in flaws.items() if not wrong and path.suffix == ".parquet"]
    for table, version in parquet_versions(sound if versions else []).items():
        check_version(version, table)
    problems = [Problem(path, wrong) for path, wrong in flaws.items() if wrong]
    unlisted = unlisted_files(root, manifest)
    return problems + [Problem(root / name, _LEFTOVER, True) for name in sorted(unlisted)]


def _document(path: Path) -> list[Problem]:
    read_toml(path) if path.suffix == ".toml" else read_json(path)
    return []


def _events(path: Path) -> list[Problem]:
    root = path.parent
    read_events(root)
    if path.exists() and path.stat().st_size > complete_length(root):
        return [Problem(path, "its last line was not finished: harmless, ignored", True)]
    return []


def _checkpoint(manifest: Path) -> list[Problem]:
    folder = manifest.parent
    read_entry(folder)
    _, files = read_checkpoint_manifest(folder)
    return [Problem(path, wrong) for path, wrong in checkpoint_flaws(folder, files)]


def _distinct(problems: list[Problem]) -> list[Problem]:
    """One problem per file: a changed config.toml is both unlike the manifest and unreadable."""
    return list({problem.path: problem for problem in reversed(problems)}.values())[::-1]
