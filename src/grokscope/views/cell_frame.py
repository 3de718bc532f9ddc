"""Where cells lie in a diagram: edges and middles of the levels of an axis, and its ticks.

Numbers are drawn on their own scale with each edge half-way between two levels; bins have edges of
their own. What has only an order, or only names, is drawn one beside the other.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

from grokscope.core.errors import SettingError
from grokscope.sweep.cell_axis import CellAxis
from grokscope.views.theme import plain

MOST_TICKS = 8
_ALONE = 0.5
"""Half the width of the only level there is, in e-folds or in units of a list."""


@dataclass(frozen=True, kw_only=True)
class CellFrame:
    """The geometry of an axis, in the coordinates of the figure.

    Attributes:
        edges: rising, one more than there are levels.
        middles: of the levels.
        is_log: whether the figure's axis is logarithmic.
        ticks: where labels stand.
        names: the labels.
        title: name of the setting.
    """

    edges: Sequence[float]
    middles: Sequence[float]
    is_log: bool
    ticks: Sequence[float]
    names: Sequence[str]
    title: str

    @classmethod
    def of(cls, axis: CellAxis | None) -> "CellFrame":
        """The frame of an axis; of none a single level without a name."""
        if axis is None:
            return cls(
                edges=(-0.5, 0.5), middles=(0.0,), is_log=False, ticks=(), names=(), title=""
            )
        is_log = axis.scale == "log"
        edges = list(axis.edges) or _edges(_places(axis), is_log=is_log)
        middles = [_middle(low, high, is_log=is_log) for low, high in pairwise(edges)]
        if not axis.has_bins:
            middles = _places(axis)
        ticks = edges if axis.has_bins else middles
        words = [f"{edge:.2g}" for edge in edges] if axis.has_bins else _words(axis)
        every = math.ceil(len(ticks) / MOST_TICKS)
        return cls(
            edges=edges,
            middles=middles,
            is_log=is_log,
            ticks=ticks[::every],
            names=words[::every],
            title=setting_words(axis.name) + (", log scale" if is_log else ""),
        )

    @property
    def count(self) -> int:
        """Number of levels."""
        return len(self.middles)

    def layout(self) -> dict[str, Any]:
        """Plotly's settings of the axis."""
        ends = [math.log10(edge) if self.is_log else edge for edge in self.edges[:: self.count]]
        return {
            "type": "log" if self.is_log else "linear",
            "range": ends,
            "tickmode": "array",
            "tickvals": list(self.ticks),
            "ticktext": [plain(name) for name in self.names],
            "title_text": plain(self.title),
            "showgrid": False,
            "tickangle": 0,
            "minor": {"ticks": ""},
        }

    def part(self, level: int, low: float, high: float) -> tuple[float, float]:
        """Both ends of a part of a level, given as shares of it as it is drawn."""
        return self.within(level, low), self.within(level, high)

    def within(self, level: int, share: float) -> float:
        """The coordinate at a share of a level, 0 at its lower edge."""
        low, high = self.edges[level], self.edges[level + 1]
        if self.is_log:
            return low * (high / low) ** share
        return low + share * (high - low)


def setting_words(name: str) -> str:
    """A setting's name for people: without its section."""
    return name.rpartition(".")[2].replace("_", " ")


def number_words(number: float) -> str:
    """A number at a tick."""
    return f"{number:.3g}" if 1e-3 <= abs(number) < 1e5 or number == 0 else f"{number:.2g}"


def _words(axis: CellAxis) -> list[str]:
    if axis.scale == "named":
        return [axis.words(level) for level in range(len(axis.levels))]
    return [number_words(float(cast("float", level))) for level in axis.levels]


def _places(axis: CellAxis) -> list[float]:
    if axis.scale in ("ordered", "named"):
        return [float(i) for i in range(len(axis.levels))]
    return [float(cast("float", level)) for level in axis.levels]


def _middle(low: float, high: float, *, is_log: bool) -> float:
    return math.sqrt(low * high) if is_log else (low + high) / 2


def _edges(places: Sequence[float], *, is_log: bool) -> list[float]:
    """Half-way between neighbours, and as far beyond the outermost."""
    if not places:
        raise SettingError("levels", "at least one", 0)
    at = [math.log(place) for place in places] if is_log else list(places)
    if len(at) == 1:
        ends = [at[0] - _ALONE, at[0] + _ALONE]
    else:
        inner = [(left + right) / 2 for left, right in pairwise(at)]
        ends = [2 * at[0] - inner[0], *inner, 2 * at[-1] - inner[-1]]
    return [math.exp(end) for end in ends] if is_log else ends
