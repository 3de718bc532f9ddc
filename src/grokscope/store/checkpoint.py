"""Checkpoints and resume points: folders of safetensors files with checksums and facts.

A checkpoint appears under its name only when every byte of it is on the disk. Its manifest holds
the facts (step, networks, and whatever else the caller needs to go on) beside each file's SHA-256,
because safetensors loads a flipped data bit without complaint.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from grokscope.core.errors import UsageError, VerificationError
from grokscope.store.durable import (
    TEMPORARY_PREFIX,
    disk_errors,
    is_temporary,
    make_directory,
    native_error,
    remove_tree,
    staged_directory,
    sync,
    sync_tree,
    write_bytes,
)
from grokscope.store.manifest import (
    MANIFEST_NAME,
    Fingerprint,
    fingerprint,
    fingerprints,
    flaw,
    read_sealed,
    seal,
)
from grokscope.store.schema import SCHEMA_KEY, SCHEMA_VERSION

if TYPE_CHECKING:
    import torch

CHECKPOINTS = "checkpoints"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# an older checkpoint that a newer one of the same name is about to replace
_REPLACED_PREFIX = ".replaced-"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Tensors by group ("model", "optim", "rng") and the facts stored with them."""

    name: str
    step: int
    networks: list[int]
    groups: dict[str, dict[str, "torch.Tensor"]]
    facts: dict[str, object]


@dataclass(frozen=True, kw_only=True)
class CheckpointEntry:
    """What a checkpoint's manifest says about it; its tensors have not been read."""

    name: str
    step: int
    networks: list[int]


def save_tensors(path: Path, tensors: Mapping[str, "torch.Tensor"]) -> None:
    """Write tensors as one safetensors file; views and tied tensors become copies.

    Raises:
        OSError: the file cannot be written.
    """
    from safetensors import SafetensorError
    from safetensors import torch as safetensors_torch

    copies = {name: tensor.detach().to("cpu", copy=True) for name, tensor in tensors.items()}
    copies = {name: tensor.contiguous() for name, tensor in copies.items()}
    metadata = {SCHEMA_KEY: str(SCHEMA_VERSION)}
    try:
        safetensors_torch.save_file(copies, path, metadata=metadata)
        path.chmod(0o644)  # safetensors makes files that only their owner can read
    except SafetensorError as error:
        raise native_error(error) from error


def load_tensors(path: Path) -> dict[str, "torch.Tensor"]:
    """Read a safetensors file; VerificationError if it is not one."""
    from safetensors import SafetensorError
    from safetensors import torch as safetensors_torch

    try:
        return safetensors_torch.load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise VerificationError(f"{path}: {error}") from error


def write_checkpoint(
    folder: Path, groups: Mapping[str, Mapping[str, "torch.Tensor"]], facts: Mapping[str, object]
) -> None:
    """Write a checkpoint folder, all or nothing; one of the same name is replaced.

    Raises:
        DiskError: the disk is full or refuses to be written.
    """
    _check_request(folder.name, groups, facts)
    make_directory(folder.parent)
    with staged_directory(folder) as temporary:
        files: dict[str, object] = {}
        for group, tensors in groups.items():
            path = temporary / f"{group}.safetensors"
            save_tensors(path, tensors)
            files[path.name] = fingerprint(path).as_json()
        write_bytes(temporary / MANIFEST_NAME, seal({"facts": facts, "files": files}))
        sync_tree(temporary)
        _move_folder(temporary, folder)


def _move_folder(temporary: Path, folder: Path) -> None:
    """Rename a finished folder into place; a crash in between is mended by `mend_replaced`."""
    replaced = folder.with_name(_REPLACED_PREFIX + folder.name)
    if not folder.exists():
        temporary.rename(folder)
        sync(folder.parent)
        return
    if replaced.exists():
        remove_tree(replaced)
    folder.rename(replaced)
    try:
        temporary.rename(folder)
        sync(folder.parent)
    except (Exception, KeyboardInterrupt):
        if not folder.exists():
            replaced.rename(folder)
        raise
    remove_tree(replaced)


def replaced_folders(parent: Path) -> list[Path]:
    """What interrupted replacements left in a folder of checkpoints."""
    return sorted(parent.glob(_REPLACED_PREFIX + "*"))


def mend_replaced(parent: Path) -> None:
    """Finish interrupted replacements: put the old checkpoint back if no new one arrived."""
    for replaced in replaced_folders(parent):
        folder = parent / replaced.name.removeprefix(_REPLACED_PREFIX)
        if folder.exists():
            remove_tree(replaced)
        else:
            with disk_errors(folder):
                replaced.rename(folder)


def load_checkpoint(folder: Path, groups: Collection[str] | None = None) -> Checkpoint:
    """Read a checkpoint, or some groups of its tensors, after comparing every checksum.

    Raises:
        VerificationError: a file is missing, truncated or changed; the message names it.
    """
    facts, files = read_checkpoint_manifest(folder)
    names = [name for name in files if groups is None or _group(name) in groups]
    problems = checkpoint_flaws(folder, files, names)
    if problems:
        path, wrong = problems[0]
        raise VerificationError(f"{path}: {wrong}")
    entry = read_entry(folder)
    return Checkpoint(
        name=entry.name,
        step=entry.step,
        networks=entry.networks,
        groups={_group(name): load_tensors(folder / name) for name in names},
        facts=facts,
    )


def _group(name: str) -> str:
    return name.removesuffix(".safetensors")


def read_checkpoint_manifest(folder: Path) -> tuple[dict[str, object], dict[str, Fingerprint]]:
    """The facts and the fingerprints of a checkpoint; VerificationError if damaged."""
    document = read_sealed(folder / MANIFEST_NAME)
    facts = document.get("facts")
    if not isinstance(facts, dict):
        raise VerificationError(f"{folder / MANIFEST_NAME}: no facts")
    return cast("dict[str, object]", facts), fingerprints(document.get("files"), folder)


def read_entry(folder: Path) -> CheckpointEntry:
    """The name, step and networks of a checkpoint, without reading its tensors."""
    facts, _ = read_checkpoint_manifest(folder)
    step, networks = facts.get("step"), facts.get("networks")
    if not isinstance(step, int) or not isinstance(networks, list):
        raise VerificationError(f"{folder / MANIFEST_NAME}: no step or no networks")
    return CheckpointEntry(name=folder.name, step=step, networks=cast("list[int]", networks))


def checkpoint_folders(parent: Path) -> list[Path]:
    """The finished checkpoints in a folder, by name."""
    if not parent.is_dir():
        return []
    return sorted(p for p in parent.iterdir() if p.is_dir() and _NAME.fullmatch(p.name))


def checkpoint_flaws(
    folder: Path, files: Mapping[str, Fingerprint], names: Iterable[str] | None = None
) -> list[tuple[Path, str]]:
    """The files of a checkpoint (all, or the named ones) that differ from its manifest, and how."""
    chosen = files if names is None else names
    found = [(folder / name, flaw(folder / name, [files[name]])) for name in chosen]
    problems = [(path, wrong) for path, wrong in found if wrong]
    known = {*files, MANIFEST_NAME}
    strangers = [p for p in folder.iterdir() if p.name not in known and not is_temporary(p)]
    return problems + [(path, "not in the manifest") for path in sorted(strangers)]


def checkpoint_folder(root: Path, name: str) -> Path:
    """The folder of a checkpoint of a run; UsageError for a name that cannot be one."""
    if not _NAME.fullmatch(name) or name.startswith(TEMPORARY_PREFIX):
        raise UsageError(
            f"{name!r} is not a checkpoint name: use letters, digits, '.', '_' and '-'"
        )
    return root / CHECKPOINTS / name


def _check_request(
    name: str, groups: Mapping[str, Mapping[str, "torch.Tensor"]], facts: Mapping[str, object]
) -> None:
    for group in groups:
        if not _NAME.fullmatch(group):
            raise UsageError(f"{group!r} is not a name for a group of tensors")
    if not isinstance(facts.get("step"), int) or not isinstance(facts.get("networks"), list):
        raise UsageError(
            f"checkpoint {name!r} needs the facts `step` (int) and `networks` (list of int)"
        )
