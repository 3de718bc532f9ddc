"""A legend below a figure, with room for the rows that it takes in a narrow window."""

from collections.abc import Sequence
from typing import Any

_TOP = 50
"""From the axis to the legend, in pixels: ticks and a title are between."""
_BELOW = 62
_ROW = 20
_NARROW = 310
"""Pixels of a legend in a narrow window."""
_KEY, _LETTER = 55, 7
"""Pixels of an entry without its name, and of a letter."""


def legend_below(inside: int) -> dict[str, Any]:
    """Layout of the legend of a figure whose panels are `inside` pixels high."""
    return {"orientation": "h", "x": 0, "y": -_TOP / inside, "yanchor": "top"}


def legend_height(names: Sequence[str]) -> int:
    """Pixels below the lowest panel for ticks, title and a legend with these entries."""
    rows, left = 0, 0
    for name in names:
        width = _KEY + _LETTER * len(name)
        if width > left:
            rows, left = rows + 1, _NARROW
        left -= width
    return _BELOW + _ROW * rows
