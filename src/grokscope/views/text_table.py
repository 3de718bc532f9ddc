"""A table of words and numbers on a page."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TextTable:
    """A table.

    Attributes:
        title: above it.
        head: of each column.
        rows: as text.
        left: columns that are words and not numbers.
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: Sequence[int] = (0,)
