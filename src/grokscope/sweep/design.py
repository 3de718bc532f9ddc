"""Which points of the space of settings a sweep visits: grid, random, Latin hypercube, list.

A grid takes every combination. Random points are drawn evenly, on each axis's own scale. A Latin
hypercube (McKay, Beckman and Conover, Technometrics 21, 1979) has one point in each of n equal
strips of every axis. Drawn points depend on the design's seed and the number of samples alone.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from grokscope.core.errors import SettingError
from grokscope.core.seeds import stream_seed
from grokscope.core.settings import check_types
from grokscope.sweep.axis import Axis, Value

Point = dict[str, Value]


@dataclass(frozen=True, kw_only=True)
class Design:
    """How the space of settings is filled.

    Attributes:
        kind: every combination, or points that are drawn.
        samples: points to draw; none with a grid.
        seed: of what is drawn.
    """

    kind: Literal["grid", "random", "latin"] = "grid"
    samples: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        check_types(self)
        if self.kind == "grid" and self.samples is not None:
            raise SettingError("samples", "left out with a grid: it has all points", self.samples)
        if self.kind != "grid" and (self.samples is None or self.samples < 1):
            raise SettingError("samples", f"at least 1 with the design `{self.kind}`", self.samples)

    def points(self, axes: Sequence[Axis]) -> list[Point]:
        """The points, in an order that is fixed.

        Raises:
            SettingError: an axis that is there twice, or without enough points or a range.
        """
        _require_different(axes)
        names = [axis.name for axis in axes]
        if self.samples is None:
            for axis in axes:
                axis.require_values()
            combined = itertools.product(*(axis.values for axis in axes))
            return [dict(zip(names, values, strict=True)) for values in combined]
        shares = self._shares(len(axes), self.samples)
        return [
            {axis.name: axis.at(share) for axis, share in zip(axes, row, strict=True)}
            for row in shares
        ]

    def _shares(self, n_axes: int, samples: int) -> list[list[float]]:
        """Of each point, on each axis, in (0, 1).

        Random points come one after another, so that more samples keep those that there were; the
        strips of a hypercube depend on their number.
        """
        purpose = "sweep random" if self.kind == "random" else f"sweep latin {samples}"
        stream = np.random.default_rng(stream_seed(self.seed, purpose))
        drawn = stream.random((samples, n_axes))
        if self.kind == "latin":
            strips = np.stack([stream.permutation(samples) for _ in range(n_axes)], axis=1)
            drawn = (strips + drawn) / samples
        return drawn.tolist()


def listed_points(points: Sequence[Mapping[str, Value]]) -> list[Point]:
    """Points that somebody wrote down, each with the same settings.

    Raises:
        SettingError: there are none, or one has other settings than the first.
    """
    if not points:
        raise SettingError("points", "at least one", 0)
    for point in points:
        if point.keys() != points[0].keys():
            raise SettingError("points", f"each of {', '.join(points[0])}", ", ".join(point))
    return [dict(point) for point in points]


def _require_different(axes: Sequence[Axis]) -> None:
    names = [axis.name for axis in axes]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SettingError("axes", "of different settings", twice)
    if not names:
        raise SettingError("axes", "at least one", 0)
