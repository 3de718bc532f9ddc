"""What a run wrote, with checksums: a flipped bit or a lost file becomes visible.

`MANIFEST.json` lists the durable files of a run by their SHA-256 and size, and carries a checksum
of itself. A new file is listed after it is in place: a crash in between leaves a complete file
that nobody refers to, an unlisted leftover. A file that replaces a listed one is announced first
under `pending`, so that after a crash either content is recognised as sound.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from grokscope.core.errors import VerificationError
from grokscope.store.documents import encode_json, read_json
from grokscope.store.durable import disk_errors, move_into_place, replace_file, staged

MANIFEST_NAME = "MANIFEST.json"
# a manifest may come from a stranger: its names must not lead out of the run
_INSIDE = re.compile(r"(metrics/)?[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Fingerprint:
    """The SHA-256 of a file's content (hexadecimal) and its size in bytes."""

    sha256: str
    size: int

    def as_json(self) -> dict[str, object]:
        """As it stands in a manifest."""
        return {"sha256": self.sha256, "size": self.size}


@dataclass(frozen=True)
class Manifest:
    """The files of a run by their path relative to it."""

    files: Mapping[str, Fingerprint] = field(default_factory=dict[str, Fingerprint])
    pending: Mapping[str, Fingerprint] = field(default_factory=dict[str, Fingerprint])

    def accepted(self, name: str) -> list[Fingerprint]:
        """The contents that the file may have: the listed one, and an announced one."""
        return [entries[name] for entries in (self.files, self.pending) if name in entries]


def fingerprint(path: Path) -> Fingerprint:
    """Read a file and describe it; OSError if that fails."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return Fingerprint(digest, stream.tell())


def read_manifest(root: Path) -> Manifest:
    """The manifest of a run.

    Raises:
        VerificationError: it is missing or damaged.
    """
    document = read_sealed(root / MANIFEST_NAME)
    return Manifest(
        fingerprints(document.get("files"), root), fingerprints(document.get("pending"), root)
    )


def write_manifest(root: Path, manifest: Manifest) -> None:
    """Replace the manifest of a run; DiskError if that fails."""
    document = {
        "files": {name: print_.as_json() for name, print_ in sorted(manifest.files.items())},
        "pending": {name: print_.as_json() for name, print_ in sorted(manifest.pending.items())},
    }
    replace_file(root / MANIFEST_NAME, seal(document))


def publish(root: Path, name: str, write: Callable[[Path], None]) -> Path:
    """Write a durable file of a run and list it in the manifest.

    Args:
        root: the run.
        name: the file's path relative to the run, with forward slashes.
        write: writes the whole content to the path that it is given.

    Raises:
        DiskError: the disk is full or refuses to be written; the old content is still valid.
    """
    path = root / name
    manifest = settled(root, read_manifest(root))
    with staged(path, write) as temporary:
        new = {name: fingerprint(temporary)}
        if name in manifest.files:
            manifest = replace(manifest, pending=new)
            write_manifest(root, manifest)
        move_into_place(temporary, path)
    write_manifest(root, Manifest({**manifest.files, **new}))
    return path


def withdraw(root: Path, names: set[str]) -> None:
    """Remove files from the manifest, then from the disk."""
    manifest = settled(root, read_manifest(root))
    kept = {name: print_ for name, print_ in manifest.files.items() if name not in names}
    if len(kept) < len(manifest.files) or manifest.pending:
        write_manifest(root, Manifest(kept))
    for name in sorted(names):
        with disk_errors(root / name):
            (root / name).unlink(missing_ok=True)


def settled(root: Path, manifest: Manifest) -> Manifest:
    """The manifest after asking the disk which announced contents arrived."""
    arrived = {
        name: expected
        for name, expected in manifest.pending.items()
        if (root / name).is_file() and fingerprint(root / name) == expected
    }
    return Manifest({**manifest.files, **arrived})


def flaw(path: Path, accepted: list[Fingerprint]) -> str | None:
    """What is wrong with a file, in a few words; None if it is as it was written."""
    try:
        size = path.stat().st_size
        if all(size != expected.size for expected in accepted):
            return f"{size} bytes long, but {accepted[0].size} were written"
        if fingerprint(path) not in accepted:
            return "its SHA-256 is not the one in the manifest: it changed after it was written"
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"unreadable ({error.strerror})"
    return None


def checked(root: Path, manifest: Manifest, name: str) -> Path:
    """The path of a listed file, after comparing its checksum.

    Raises:
        VerificationError: the file is not what was written.
    """
    wrong = flaw(root / name, manifest.accepted(name))
    if wrong:
        raise VerificationError(f"{root / name}: {wrong}")
    return root / name


def seal(document: Mapping[str, object]) -> bytes:
    """The document as JSON with a checksum of itself."""
    return encode_json({**document, "checksum": _checksum(document)}, exact=True)


def read_sealed(path: Path) -> dict[str, object]:
    """A sealed document, without its checksum.

    Raises:
        VerificationError: it is missing or changed.
    """
    document = read_json(path)
    if document.pop("checksum", None) != _checksum(document):
        raise VerificationError(f"{path}: its checksum is wrong: it changed after it was written")
    return document


def fingerprints(value: object, root: Path) -> dict[str, Fingerprint]:
    """The fingerprints in a sealed document; VerificationError if they are malformed."""
    entries = cast("dict[str, Any]", value if isinstance(value, dict) else {})
    strangers = [name for name in entries if not _INSIDE.fullmatch(name)]
    if strangers:
        raise VerificationError(f"{root / MANIFEST_NAME}: {strangers[0]!r} is not a file of a run")
    try:
        return {k: Fingerprint(str(v["sha256"]), int(v["size"])) for k, v in entries.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise VerificationError(f"{root / MANIFEST_NAME}: malformed entry ({error})") from error


def _checksum(document: Mapping[str, object]) -> str:
    # through JSON once, so that tuples, NumPy numbers and integer keys are as they will be read
    plain = json.loads(encode_json(document, exact=True))
    canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
