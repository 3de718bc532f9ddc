"""Logarithmic axes for losses, with ticks that read as plain numbers."""

import math
from collections.abc import Iterable
from typing import Any

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_TICKS = 5


def loss_axis(low: int | float, high: int | float) -> dict[str, Any]:
    """Layout of a log axis from a least to a greatest positive value.

    Ticks are at powers of ten; where fewer than two fit, at 1, 2 and 5 times them.
    """
    first, last = math.log10(low), math.log10(max(high, 3 * low))  # room for one tick or more
    room = 0.06 * (last - first)
    first, last = first - room, last + room
    ticks = _ticks(first, last)
    return {
        "type": "log",
        "range": [first, last],
        "tickvals": ticks,
        "ticktext": [power_words(tick) for tick in ticks],
    }


def power_words(value: int | float) -> str:
    """A tick: `0.1`, `1`, `20`, and powers of ten beyond that as `10⁻⁵`."""
    power = math.log10(value)
    if -2.5 < power < 3.5 or abs(power - round(power)) > 1e-9:
        return f"{value:,.3g}" if power < 3 else f"{value:,.0f}"
    return "10" + str(round(power)).translate(_SUPERSCRIPT)


def _ticks(first: float, last: float) -> list[float]:
    stride = max(1, math.ceil((last - first) / _TICKS))
    powers = _within((10.0**i for i in range(math.floor(first), math.ceil(last) + 1)), first, last)
    if len(powers) >= 2:
        chosen = [power for power in powers if round(math.log10(power)) % stride == 0]
        return chosen if len(chosen) >= 2 else powers
    decades = range(math.floor(first), math.ceil(last) + 1)
    return _within((m * 10.0**i for i in decades for m in (1, 2, 5)), first, last)


def _within(values: Iterable[float], first: float, last: float) -> list[float]:
    return [value for value in values if first <= math.log10(value) <= last]
