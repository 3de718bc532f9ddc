"""Whether a domain's pathways came to be more alike, or only shorter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from grokscope.llm.alerts import EXPLAINED, FALL
from grokscope.views.monitor_curves import MonitorCurves, Series

Kind = Literal["alike", "back", "sharper", "still", "unknown"]


@dataclass(frozen=True, kw_only=True)
class PathwayFall:
    """Relative falls from a highest value to the last one; negative where it rose.

    Attributes:
        group: of which.
        normalized: of the normalised distance, from its own highest value.
        net: of the normalised distance, from its first value.
        raw: of the raw distance, from its highest value.
        shorter: of the pathways' length, since then.
        normalized_meanwhile: of the normalised distance, since then.
    """

    group: str
    normalized: float
    net: float
    raw: float
    shorter: float
    normalized_meanwhile: float

    @property
    def kind(self) -> Kind:
        """What happened; the bounds are those of the alert on sharpening (`llm.alerts`)."""
        if np.isnan(self.normalized):
            return "unknown"
        if self.raw >= FALL and self._is_by_length:
            return "sharper"
        if self.normalized < FALL:
            return "still"
        return "alike" if self.net >= FALL else "back"

    @property
    def _is_by_length(self) -> bool:
        is_level = self.normalized_meanwhile <= (1 - EXPLAINED) * self.raw
        return is_level and self.shorter >= EXPLAINED * self.raw


def falls_of(curves: MonitorCurves, groups: Sequence[str]) -> list[PathwayFall]:
    """Of each group; one with fewer than two measurements is unknown."""
    return [_fall(curves, group) for group in groups]


def relative_fall(values: Series, start: int | None = None) -> float:
    """From a place, that of the highest value unless given, to the last known value."""
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < 2:
        return float("nan")
    first = int(known[np.argmax(values[known])]) if start is None else start
    if not values[first] > 0:
        return float("nan")
    return float((values[first] - values[known[-1]]) / values[first])


def _first(values: Series) -> int:
    """The place of the first known value; 0 where there is none."""
    return int(np.argmax(np.isfinite(values)))


def _fall(curves: MonitorCurves, group: str) -> PathwayFall:
    raw = curves.series(group, "distance")
    highest = int(np.argmax(np.where(np.isfinite(raw), raw, -1.0)))
    normalized, length = (curves.series(group, n) for n in ("distance_normalized", "path_length"))
    return PathwayFall(
        group=group,
        normalized=relative_fall(normalized),
        net=relative_fall(normalized, _first(normalized)),
        raw=relative_fall(raw),
        shorter=relative_fall(length, highest),
        normalized_meanwhile=relative_fall(normalized, highest),
    )
