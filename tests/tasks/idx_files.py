"""Small files in MNIST's format, written byte by byte."""

import gzip
from collections.abc import Sequence
from pathlib import Path

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def idx_bytes(sizes: Sequence[int], content: bytes, kind: int = 8) -> bytes:
    """Magic, sizes and content; 8 says unsigned bytes."""
    header = bytes([0, 0, kind, len(sizes)])
    return header + b"".join(size.to_bytes(4, "big") for size in sizes) + content


def pixel(row: int, place: int) -> int:
    """Different from row to row."""
    return (row * 37 + place * place) % 256


def write_mnist(folder: Path, n_rows: int, side: int = 28, *, packed: bool = False) -> None:
    """Images by the rule of `pixel`, and labels 3·row mod 10."""
    images = bytes(pixel(row, i) for row in range(n_rows) for i in range(side * side))
    files = {
        IMAGES: idx_bytes([n_rows, side, side], images),
        LABELS: idx_bytes([n_rows], bytes(3 * row % 10 for row in range(n_rows))),
    }
    for name, content in files.items():
        path = folder / (f"{name}.gz" if packed else name)
        path.write_bytes(gzip.compress(content) if packed else content)
