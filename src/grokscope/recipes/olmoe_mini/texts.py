"""Real text that every Python brings along: its sources, its documentation, its docstrings.

Nothing is copied into this project. What a corpus held depends on the version of Python (and of the
packages that the GPU form reads, too); a run stores a checksum of it.
"""

import ast
import hashlib
import importlib.util
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from grokscope.core.errors import UsageError

CHUNK = 160
"""Characters of a piece, about: some fifty tokens."""


class Chunks:
    """Pieces of text in random order, each given out once.

    Args:
        texts: to be cut at line ends.
        rng: of the order.
        what: of the texts, for people.
    """

    def __init__(self, texts: Sequence[str], rng: np.random.Generator, what: str) -> None:
        pieces = [piece for text in texts for piece in cut(text)]
        self._pieces = [pieces[i] for i in rng.permutation(len(pieces))]
        self._given = 0
        self._what = what
        self.checksum = hashlib.sha256("\0".join(texts).encode()).hexdigest()

    def __len__(self) -> int:
        return len(self._pieces)

    def next(self) -> str:
        """The next piece.

        Raises:
            UsageError: there is none left; a single pass reads nothing twice.
        """
        if self._given == len(self._pieces):
            raise UsageError(
                f"All {len(self._pieces):,} pieces of {self._what} have been read: a single pass "
                "of this length needs more text."
            )
        self._given += 1
        return self._pieces[self._given - 1]


def cut(text: str, size: int = CHUNK) -> list[str]:
    """Whole lines up to about `size` characters; a longer line is cut, rests of a word are kept."""
    pieces: list[str] = []
    current = ""
    for line in text.splitlines(keepends=True):
        for start in range(0, len(line), size):
            part = line[start : start + size]
            if current and len(current) + len(part) > size:
                pieces.append(current.strip("\n"))
                current = ""
            current += part
    pieces.append(current.strip("\n"))
    return [piece for piece in pieces if len(piece) >= size // 4]


def source_files(packages: Sequence[str] = ()) -> list[Path]:
    """Sources of the standard library, tests left out, and of installed packages."""
    roots = [Path(sysconfig.get_path("stdlib"))]
    for name in packages:
        spec = importlib.util.find_spec(name)
        if spec is None or not spec.origin:
            raise UsageError(f"The package {name!r}, whose sources are to be read, is not installed.")
        roots.append(Path(spec.origin).parent)
    return [path for root in roots for path in sorted(root.rglob("*.py")) if _is_wanted(path, root)]


def _is_wanted(path: Path, root: Path) -> bool:
    folders = set(path.relative_to(root).parts[:-1])
    unwanted = {"test", "tests", "site-packages", "dist-packages", "idlelib", "pydoc_data"}
    return not folders & unwanted and not any("test" in part for part in folders)


def read_sources(packages: Sequence[str] = ()) -> list[str]:
    """The sources that are UTF-8."""
    texts: list[str] = []
    for path in source_files(packages):
        try:
            texts.append(path.read_text(encoding="utf-8"))
        except (UnicodeDecodeError, OSError):
            continue
    return texts


def prose(sources: Sequence[str]) -> list[str]:
    """The language reference that `help()` shows, and the docstrings of the sources."""
    from pydoc_data.topics import topics

    texts = [str(text) for _, text in sorted(topics.items())]
    for source in sources:
        texts += docstrings(source)
    return texts


def docstrings(source: str) -> list[str]:
    """Of modules, classes and functions, those of at least a few lines."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = [ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, kinds)]
    return [text for text in found if text and len(text) >= CHUNK]
