"""JSON and TOML documents: stamped with the schema version, replaced atomically, read with care.

JSON has no NaN. Documents for people and other tools write `null` in its place; a checkpoint's
facts must come back exactly, so there Python's `NaN` and `Infinity` tokens stay.
"""

import datetime
import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from grokscope.core.errors import SettingError, VerificationError
from grokscope.store.schema import stamped, unstamped


def encode_json(
    document: Mapping[str, object], *, exact: bool = False, indent: int | None = 2
) -> bytes:
    """The stamped document as UTF-8.

    Args:
        document: numbers, text, sequences and mappings; NumPy and torch values become plain ones.
        exact: keep NaN and infinities, at the price of JSON that only some readers accept.
        indent: None writes one line.
    """
    content = stamped(document) if exact else _finite(stamped(document))
    text = json.dumps(content, default=_plain, indent=indent, allow_nan=exact, ensure_ascii=False)
    return (text + "\n").encode("utf-8", errors="surrogatepass")


def read_json(path: Path) -> dict[str, object]:
    """A JSON document without its schema version.

    Raises:
        VerificationError: the file is missing or is not such a document.
        UsageError: it was written by a newer grokscope.
    """
    return unstamped(parse_json(read_bytes(path), path), path)


def parse_json(data: bytes, path: Path) -> dict[str, object]:
    """One JSON object; `path` is for the message of the VerificationError."""
    try:
        document: object = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise VerificationError(f"{path}: not valid JSON ({error})") from error
    if not isinstance(document, dict):
        raise VerificationError(f"{path}: not a JSON object")
    return cast("dict[str, object]", document)


def read_bytes(path: Path) -> bytes:
    """A file's content; a VerificationError if it cannot be had."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise VerificationError(f"{path}: {_why_unreadable(error)}") from error


def encode_toml(document: Mapping[str, object]) -> bytes:
    """The stamped document as TOML.

    Raises:
        SettingError: a value that TOML cannot hold, such as None; it names the setting.
    """
    import tomli_w

    content = {key: _toml_value(value, key) for key, value in stamped(document).items()}
    return tomli_w.dumps(content).encode()


def read_toml(path: Path) -> dict[str, object]:
    """A TOML document without its schema version; errors as in `read_json`."""
    try:
        document = tomllib.loads(read_bytes(path).decode())
    except (ValueError, RecursionError) as error:
        raise VerificationError(f"{path}: not valid TOML ({error})") from error
    return unstamped(document, path)


def utc_now() -> str:
    """The time as ISO 8601 text in UTC, to the millisecond."""
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    return now.isoformat(timespec="milliseconds") + "Z"


def _why_unreadable(error: OSError) -> str:
    return "missing" if isinstance(error, FileNotFoundError) else f"unreadable ({error.strerror})"


def _plain(value: object) -> object:
    """NumPy and torch scalars and arrays, and paths, as JSON knows them."""
    if hasattr(value, "tolist"):
        return cast("Any", value).tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be stored as JSON")


def _finite(value: object) -> object:
    """The same value with null in place of NaN and infinities."""
    if hasattr(value, "tolist"):
        return _finite(_plain(value))
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in cast("Sequence[object]", value)]
    return value


def _toml_value(value: object, name: str) -> object:
    """The value as TOML knows it, or a SettingError that names the setting."""
    if hasattr(value, "tolist"):
        return _toml_value(_plain(value), name)
    if isinstance(value, Mapping):
        items = cast("Mapping[str, object]", value).items()
        return {key: _toml_value(item, f"{name}.{key}") for key, item in items}
    if isinstance(value, list | tuple):
        return [_toml_value(item, name) for item in cast("Sequence[object]", value)]
    if isinstance(value, bool | int | float | str):
        return value
    raise SettingError(name, "something TOML can hold (leave a None out)", value)
