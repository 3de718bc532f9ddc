"""The IDX format in which MNIST is published: four bytes of magic, sizes, then bytes."""

import gzip
import math
import zlib
from io import BufferedIOBase
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from grokscope.core.errors import SettingError, VerificationError

_UNSIGNED_BYTES = b"\x00\x00\x08"


def find_idx(folder: str, name: str) -> Path:
    """The file of that name, or the same with `.gz` behind.

    Raises:
        SettingError: neither is there.
    """
    for path in (Path(folder) / name, Path(folder) / f"{name}.gz"):
        if path.is_file():
            return path
    raise SettingError("folder", f"a folder with {name} or {name}.gz", folder)


def read_idx(path: Path, n_axes: int) -> UInt8[np.ndarray, "..."]:
    """The array in a file, unpacked if its name ends in `.gz`.

    Raises:
        VerificationError: the file cannot be read, is cut off or goes on after its end, or holds
            anything but unsigned bytes with so many axes.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return _read(file, path, n_axes)
    except EOFError:
        raise VerificationError(f"{path} is cut off.") from None
    except (OSError, zlib.error) as error:
        raise VerificationError(f"{path} cannot be read: {error}.") from None


def _read(file: BufferedIOBase, path: Path, n_axes: int) -> UInt8[np.ndarray, "..."]:
    header = file.read(4 + 4 * n_axes)
    if header[:4] != _UNSIGNED_BYTES + bytes([n_axes]):
        raise VerificationError(f"{path} is not an IDX file of bytes with {n_axes} axes.")
    sizes = [int.from_bytes(header[i : i + 4], "big") for i in range(4, 4 + 4 * n_axes, 4)]
    expected = math.prod(sizes)
    content = file.read(expected + 1)
    if len(header) < 4 + 4 * n_axes or len(content) < expected:
        raise VerificationError(f"{path} is cut off.")
    if len(content) > expected:
        raise VerificationError(f"{path} goes on after the {expected:,} bytes that it announces.")
    return np.frombuffer(content, dtype=np.uint8).reshape(sizes)
