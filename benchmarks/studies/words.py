"""Numbers and intervals as the tables of the studies show them."""

from collections.abc import Mapping
from typing import Any

from grokscope.statistics import Interval


def number(value: float | None) -> str:
    """Three digits."""
    return "unknown" if value is None else f"{value:.3g}"


def pair(interval: Mapping[str, Any]) -> str:
    """Such as `−0.93 [−0.97, −0.89]`."""
    low, high = interval.get("low"), interval.get("high")
    ends = f"{'…' if low is None else number(low)}, {'…' if high is None else number(high)}"
    sign = interval.get("sign", "=")
    value = number(interval["value"])
    return f"{'' if sign == '=' else sign + ' '}{value} [{ends}]".replace("-", "−")


def as_dict(interval: Interval) -> dict[str, Any]:
    """An interval for a JSON file."""
    names = ("value", "low", "high", "sign")
    return {name: getattr(interval, name) for name in names}
