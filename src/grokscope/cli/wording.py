"""Numbers and durations as people read them."""

import math
from datetime import UTC, datetime


def duration(seconds: float) -> str:
    """Such as `0.4 s`, `34 s`, `1 min 42 s`, `2 h 5 min`."""
    if seconds < 1:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60:,} h {minutes % 60} min"


def clock(seconds: float) -> str:
    """Such as `0:42` or `1:02:05`, for places where the width must not change."""
    whole = int(seconds)
    minutes = f"{whole // 60 % 60:02d}" if whole >= 3600 else f"{whole // 60}"
    hours = f"{whole // 3600}:" if whole >= 3600 else ""
    return f"{hours}{minutes}:{whole % 60:02d}"


def step_time(seconds: float) -> str:
    """Time of a training step: `0.42 ms`, `34 ms`, `1.2 s`."""
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1000:.2g} ms" if seconds < 0.01 else f"{seconds * 1000:.0f} ms"


def whole(value: int | float | None) -> str:
    """A step with thousands separators, `–` where there is none."""
    return "–" if value is None else f"{int(value):,}"


def decimal(value: int | float | None, digits: int = 2) -> str:
    """A number with a fixed number of digits, `–` where it is undefined."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def count(number: int, noun: str) -> str:
    """Such as `1 network` or `3 networks`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def age(created: object) -> str:
    """Time since an ISO 8601 instant: `12 s`, `5 min`, `3 h`, `2 d`; `–` where it is unknown."""
    try:
        then = datetime.fromisoformat(str(created))
    except ValueError:
        return "–"
    seconds = max((datetime.now(UTC) - then).total_seconds(), 0)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"
