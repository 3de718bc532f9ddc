"""The version number that every stored file carries.

A reader accepts its own version and older ones. A file from the future is refused, since fields
whose meaning has changed would otherwise be misread in silence.
"""

from collections.abc import Mapping
from pathlib import Path

from grokscope.core.errors import UsageError, VerificationError

SCHEMA_VERSION = 1
SCHEMA_KEY = "schema_version"


def stamped(document: Mapping[str, object]) -> dict[str, object]:
    """The document with the current schema version as its first entry."""
    return {SCHEMA_KEY: SCHEMA_VERSION} | {k: v for k, v in document.items() if k != SCHEMA_KEY}


def unstamped(document: Mapping[str, object], path: Path) -> dict[str, object]:
    """The document without its schema version.

    Raises:
        UsageError: the version is newer than this grokscope.
        VerificationError: there is no version.
    """
    check_version(document.get(SCHEMA_KEY), path)
    return {k: v for k, v in document.items() if k != SCHEMA_KEY}


def check_version(version: object, path: Path) -> None:
    """Refuse what this grokscope cannot read; see `unstamped` for the errors."""
    if not isinstance(version, int) or version < 1:
        raise VerificationError(f"{path}: no {SCHEMA_KEY}")
    if version > SCHEMA_VERSION:
        raise UsageError(
            f"{path} has schema version {version}, but this grokscope reads versions up to "
            f"{SCHEMA_VERSION}: upgrade grokscope to open it"
        )
