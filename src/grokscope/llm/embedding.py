"""An embedding of texts that needs no model: which short strings of characters they share.

Character n-grams, hashed into a fixed number of columns (arXiv 0902.2206) and weighed by how rare
they are (TF-IDF). It sees words, spelling and notation, and no meaning.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Int64, UInt64

from grokscope.core.errors import SettingError

_SIZES = 3, 4, 5
_PRIME = np.uint64(0x100000001B3)
_MIX = np.uint64(0x9E3779B97F4A7C15)


def character_embeddings(
    texts: Sequence[str], width: int = 2_048
) -> Float32[np.ndarray, "text width"]:
    """Unit vectors of texts, 0 of texts without characters; cosines lie in [0, 1].

    Weights are (1 + ln count) (1 + ln((1 + texts)/(1 + texts with it))) of each column. Rarity is
    counted among the given texts, so embed what is to be compared in one call. The same texts have
    the same vectors on every machine.

    Args:
        texts: case does not matter, and a run of white space counts as one space.
        width: columns; two n-grams of some thousand share one now and then.

    Raises:
        SettingError: the width is below 1.
    """
    if width < 1:
        raise SettingError("width", "at least 1", width)
    found = np.zeros((len(texts), width), dtype=np.float32)
    for row, text in zip(found, texts, strict=True):
        row[:] = np.bincount(_columns(text, width), minlength=width)
    is_there = found > 0
    rarity = 1 + np.log((1 + len(texts)) / (1 + is_there.sum(0)))
    np.log(found, out=found, where=is_there)
    found += is_there
    found *= rarity.astype(np.float32)
    norms = np.linalg.norm(found, axis=1, keepdims=True)
    return found / np.where(norms > 0, norms, 1)


def _columns(text: str, width: int) -> Int64[np.ndarray, " gram"]:
    """The column of each n-gram, spaces around the text included."""
    words = " ".join(text.lower().split())
    if not words:
        return np.zeros(0, dtype=np.int64)
    codes = np.frombuffer(f" {words} ".encode("utf-32-le", "surrogatepass"), "<u4")
    hashes = [_hashes(codes.astype(np.uint64), size) for size in _SIZES if size <= len(codes)]
    return (np.concatenate(hashes) % np.uint64(width)).astype(np.int64)


def _hashes(codes: UInt64[np.ndarray, " character"], size: int) -> UInt64[np.ndarray, " gram"]:
    """Of every run of `size` characters (FNV-like, then mixed); products wrap around."""
    grams = len(codes) - size + 1
    found = np.full(grams, size, dtype=np.uint64)
    for ahead in range(size):
        found = (found ^ codes[ahead : ahead + grams]) * _PRIME
    found = (found ^ (found >> np.uint64(29))) * _MIX
    return found ^ (found >> np.uint64(32))
