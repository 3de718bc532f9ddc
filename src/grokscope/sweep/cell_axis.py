"""An axis of a phase diagram: the values of a setting, or the bins that drawn values fall into.

A grid keeps its values. Points that were drawn (random, Latin hypercube) have a value each, so they
are put into bins of equal width on the axis's own scale, which is read off the values: logarithmic
where they are spread over a factor of four or more and their median is nearer to the geometric
middle than to the arithmetic one. Values are taken for drawn where there are more than `BINS` of
them, and either the settings that vary fill less than half of their grid, or only one varies and
its values are not evenly spaced.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Literal, cast

from grokscope.core.errors import SettingError
from grokscope.sweep.axis import Value

BINS = 8
"""Of drawn values along an axis."""
CellScale = Literal["log", "linear", "ordered", "named"]
"""How the levels are spaced: numbers on a scale, numbers in order only (as with 0 among powers of
ten), or names without an order."""
_SPREAD = 4.0
_UNEVEN = 3.0
"""Widest gap over the narrowest, from which on values are not evenly spaced."""


@dataclass(frozen=True, kw_only=True)
class CellAxis:
    """A setting and its levels.

    Attributes:
        name: full name of the setting.
        levels: rising; of bins the middles.
        scale: how the levels are spaced.
        edges: of the bins, one more than there are levels; empty where levels are values.
    """

    name: str
    levels: tuple[Value, ...]
    scale: CellScale
    edges: tuple[float, ...] = ()
    _places: dict[Value, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        places = {value: i for i, value in enumerate(self.levels)}
        object.__setattr__(self, "_places", places)

    @property
    def has_bins(self) -> bool:
        """Whether levels are bins of drawn values."""
        return bool(self.edges)

    @property
    def has_order(self) -> bool:
        """Whether neighbouring levels are alike more than distant ones."""
        return self.scale != "named"

    def index(self, value: Value) -> int:
        """The level of a value.

        Raises:
            SettingError: it is none of the levels, or outside of the bins.
        """
        if not self.has_bins:
            if value not in self._places:
                raise SettingError(self.name, f"one of {list(self.levels)}", value)
            return self._places[value]
        number = float(cast("float", value))
        if not self.edges[0] <= number <= self.edges[-1]:
            raise SettingError(self.name, f"in {self.edges[0]:g} to {self.edges[-1]:g}", value)
        return min(bisect_right(self.edges, number), len(self.levels)) - 1

    def words(self, level: int) -> str:
        """A level for people: its value, or the ends of its bin."""
        if self.has_bins:
            return f"{self.edges[level]:.3g} to {self.edges[level + 1]:.3g}"
        value = self.levels[level]
        return f"{value:.4g}" if isinstance(value, float) else value_words(value)


def cell_axis(name: str, values: Iterable[Value], fill: float | None = None) -> CellAxis:
    """The axis of some values.

    Args:
        name: full name of the setting.
        values: of every run, in any order.
        fill: which share of the grid of all settings that vary has runs; None where one varies.

    Raises:
        SettingError: there are no values.
    """
    different = set(values)
    if not different:
        raise SettingError(name, "of at least one value", 0)
    numbers = sorted(float(cast("float", v)) for v in different if _is_number(v))
    if len(numbers) < len(different):
        levels = tuple(sorted(different, key=lambda v: (v is not None, str(v))))
        return CellAxis(name=name, levels=levels, scale="named")
    scale = _scale(numbers)
    if len(numbers) > BINS and _were_drawn(numbers, fill):
        return _bins(name, numbers, scale)
    rising = sorted(cast("set[float]", different))  # a whole number stays one
    return CellAxis(name=name, levels=tuple(rising), scale=scale)


def value_words(value: Value) -> str:
    """A setting's value for people."""
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _scale(numbers: Sequence[float]) -> CellScale:
    if numbers[0] <= 0:
        # with 0 beside powers of ten neither scale shows them apart
        positive = [number for number in numbers if number > 0]
        return "ordered" if numbers[0] == 0 and positive and _is_log(positive) else "linear"
    return "log" if _is_log(numbers) else "linear"


def _is_log(numbers: Sequence[float]) -> bool:
    low, high, middle = numbers[0], numbers[-1], median(numbers)
    if high / low < _SPREAD:
        return False
    centre = (math.log(middle) - math.log(low)) / (math.log(high) - math.log(low))
    return abs(centre - 0.5) < abs((middle - low) / (high - low) - 0.5)


def _were_drawn(numbers: Sequence[float], fill: float | None) -> bool:
    if fill is not None:
        return fill < 0.5
    logs = [math.log(number) for number in numbers] if numbers[0] > 0 else []
    return not (_is_even(numbers) or _is_even(logs))


def _is_even(places: Sequence[float]) -> bool:
    gaps = [right - left for left, right in pairwise(places)]
    return bool(gaps) and max(gaps) <= _UNEVEN * min(gaps)


def _bins(name: str, numbers: Sequence[float], scale: CellScale) -> CellAxis:
    low, high = numbers[0], numbers[-1]
    is_log = scale == "log"
    ends = (math.log(low), math.log(high)) if is_log else (low, high)
    places = [ends[0] + i / (2 * BINS) * (ends[1] - ends[0]) for i in range(2 * BINS + 1)]
    values = [math.exp(place) for place in places] if is_log else places
    values[0], values[-1] = low, high  # rounding must not leave out the outermost
    return CellAxis(
        name=name,
        levels=tuple(float(f"{value:.4g}") for value in values[1::2]),
        scale="log" if is_log else "linear",
        edges=tuple(values[::2]),
    )
