"""Resume points, and the way back to one.

A resume point records a mark: how many segments, which checkpoints and how much of the event log
existed when it was saved. Rewinding deletes everything that came later, so that a resumed run
leaves the same files behind as one that was never interrupted.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from grokscope.core.errors import UsageError, VerificationError
from grokscope.store.checkpoint import (
    CHECKPOINTS,
    Checkpoint,
    checkpoint_folders,
    load_checkpoint,
    mend_replaced,
    write_checkpoint,
)
from grokscope.store.durable import discard, is_temporary, remove_tree
from grokscope.store.events import complete_length, truncate_events
from grokscope.store.manifest import Manifest, read_manifest, settled, withdraw
from grokscope.store.segments import METRICS, PROGRESS_NAME, segment_names

if TYPE_CHECKING:
    import torch

RESUME = "resume"
KEPT_POINTS = 2
SUMMARY_NAME = "summary.json"
EXPLANATION_NAME = "explanation.json"
# files that are rewritten while a run goes on
_REWRITTEN = (SUMMARY_NAME, PROGRESS_NAME, EXPLANATION_NAME)
_EMPTY_MARK: dict[str, object] = {"segments": 0, "events": 0, "checkpoints": [], "rewritten": {}}


def take_mark(root: Path) -> dict[str, object]:
    """What is in a run now, as `rewind` needs it."""
    manifest = settled(root, read_manifest(root))
    return {
        "segments": len(segment_names(manifest.files)),
        "events": complete_length(root),
        "checkpoints": [folder.name for folder in checkpoint_folders(root / CHECKPOINTS)],
        "rewritten": _rewritten(manifest),
    }


def save_resume_point(
    root: Path, groups: Mapping[str, Mapping[str, "torch.Tensor"]], facts: Mapping[str, object]
) -> None:
    """Write the next resume point with a mark among its facts; the newest two are kept."""
    numbers = point_numbers(root)
    number = max(numbers, default=0) + 1
    write_checkpoint(point_folder(root, number), groups, {**facts, "mark": take_mark(root)})
    for old in sorted(numbers)[: 1 - KEPT_POINTS]:
        remove_tree(point_folder(root, old))


def load_resume_point(root: Path) -> Checkpoint | None:
    """The newest resume point whose files are all sound; None if there is none."""
    for number in sorted(point_numbers(root), reverse=True):
        try:
            return load_checkpoint(point_folder(root, number))
        except VerificationError as error:
            logging.getLogger(__name__).warning("skipping a damaged resume point: %s", error)
    return None


def rewind(root: Path, point: Checkpoint | None) -> None:
    """Take a run back to a resume point, or with None to how it was created.

    Raises:
        VerificationError: something that existed at that point is gone.
        DiskError: the disk refuses to be written.
    """
    mark = _mark_of(root, point)
    sweep(root)
    manifest = read_manifest(root)
    _remove_later_points(root, point)
    segments = segment_names(manifest.files)
    if len(segments) < mark["segments"]:
        raise VerificationError(
            f"{root / METRICS}: {len(segments)} segments, but {mark['segments']} were written"
        )
    now = _rewritten(manifest)
    changed = {name for name in now if now[name] != mark["rewritten"].get(name)}
    withdraw(root, {*segments[mark["segments"] :], *changed})
    truncate_events(root, mark["events"])
    for folder in checkpoint_folders(root / CHECKPOINTS):
        if folder.name not in mark["checkpoints"]:
            remove_tree(folder)


def sweep(root: Path) -> None:
    """Remove what interrupted writes left: temporary files and files no manifest lists."""
    for leftover in temporary_files(root):
        discard(leftover)
    for folder in (root / CHECKPOINTS, root / RESUME):
        mend_replaced(folder)
    withdraw(root, unlisted_files(root, read_manifest(root)))


def temporary_files(root: Path) -> list[Path]:
    """Unfinished files and folders of a run."""
    folders = [root, *(root / name for name in (METRICS, CHECKPOINTS, RESUME))]
    return sorted(p for f in folders if f.is_dir() for p in f.iterdir() if is_temporary(p))


def unlisted_files(root: Path, manifest: Manifest) -> set[str]:
    """Complete files whose entry in the manifest was never made."""
    found = {f"{METRICS}/{path.name}" for path in (root / METRICS).glob("[!.]*.parquet")}
    found |= {name for name in (SUMMARY_NAME, "splits.safetensors") if (root / name).exists()}
    return found - set(manifest.files)


def point_numbers(root: Path) -> list[int]:
    """The numbers of the resume points of a run, in no particular order."""
    names = [folder.name for folder in checkpoint_folders(root / RESUME)]
    suffixes = [name.removeprefix("point-") for name in names if name.startswith("point-")]
    return [int(suffix) for suffix in suffixes if suffix.isdecimal()]


def point_folder(root: Path, number: int) -> Path:
    """Where a resume point is."""
    return root / RESUME / f"point-{number}"


def _mark_of(root: Path, point: Checkpoint | None) -> dict[str, Any]:
    mark = _EMPTY_MARK if point is None else point.facts.get("mark")
    if not isinstance(mark, dict):
        raise UsageError(f"{point.name if point else ''} is not a resume point of {root}")
    return cast("dict[str, Any]", mark)


def _rewritten(manifest: Manifest) -> dict[str, str]:
    return {name: manifest.files[name].sha256 for name in _REWRITTEN if name in manifest.files}


def _remove_later_points(root: Path, point: Checkpoint | None) -> None:
    """Done first: a crash while rewinding must not leave a point whose segments are gone."""
    last = 0 if point is None else int(point.name.removeprefix("point-"))
    for number in point_numbers(root):
        if number > last:
            remove_tree(point_folder(root, number))
