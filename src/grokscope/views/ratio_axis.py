"""Log axes that span the same ratio, so that equal relative changes look equally high."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from grokscope.views.monitor_curves import Series

LARGEST = 12.0
"""The largest ratio between the ends of an axis; lines that fall further leave it."""
_LEAST = 1.25
_ROOM = 0.08
_TICKS = 4


def ratio_axes(panels: Sequence[Sequence[Series]]) -> list[dict[str, Any]]:
    """Layouts of the panels' vertical axes, each with the largest value near its upper end."""
    extents = [_extent(panel) for panel in panels]
    ratio = max(_LEAST, *(high / low for low, high in extents))
    span = math.log10(min(ratio, LARGEST))
    found: list[dict[str, Any]] = []
    for _, high in extents:
        top = math.log10(high) + _ROOM * span
        bottom = top - span * (1 + 2 * _ROOM)
        ticks = list(_ticks(10**bottom, 10**top))
        words = [f"{tick:,.4g}" for tick in ticks]
        found.append({"type": "log", "range": [bottom, top], "tickvals": ticks, "ticktext": words})
    return found


def _extent(panel: Sequence[Series]) -> tuple[float, float]:
    values = np.concatenate([np.ravel(series) for series in panel] or [np.ones(1)])
    values = values[np.isfinite(values) & (values > 0)]
    return (float(values.min()), float(values.max())) if len(values) else (1.0, 1.0)


def _ticks(low: float, high: float) -> Iterator[float]:
    """Round numbers: multiples of one where they are close, otherwise 1, 2 and 5 times tens."""
    if high / low < 4:
        step = _round_step((high - low) / _TICKS)
        yield from (step * i for i in range(math.ceil(low / step), math.floor(high / step) + 1))
        return
    for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
        yield from (lead * 10.0**power for lead in (1, 2, 5) if low <= lead * 10.0**power <= high)


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(lead * power for lead in (1, 2, 5, 10) if lead * power >= step)
