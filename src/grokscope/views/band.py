"""A median over seeds with a band, on the steps of all of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from grokscope.views.step_axis import position

SEEDS_FOR_QUARTILES = 5
"""From so many seeds on the band is the middle half; below, the whole range."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """One metric of one network."""

    network: int
    step: Int[np.ndarray, " evaluation"]
    value: Float[np.ndarray, " evaluation"]


@dataclass(frozen=True, kw_only=True)
class Band:
    """A metric over several networks.

    Attributes:
        step: steps at which any network has a value.
        middle: median over the networks that have one.
        low: lower edge, the minimum or the first quartile.
        high: upper edge.
        count: number of networks.
    """

    step: Int[np.ndarray, " step"]
    middle: Float[np.ndarray, " step"]
    low: Float[np.ndarray, " step"]
    high: Float[np.ndarray, " step"]
    count: Int[np.ndarray, " step"]


def series_of(table: Mapping[str, Any], column: str, networks: Sequence[int]) -> list[Series]:
    """A column of a table by network; evaluations without a number are left out."""
    if column not in table:
        return []
    value = np.asarray(table[column], dtype=np.float64)
    network, step = np.asarray(table["network"]), np.asarray(table["step"], dtype=np.int64)
    found: list[Series] = []
    for wanted in networks:
        rows = np.flatnonzero((network == wanted) & np.isfinite(value))
        if len(rows):
            found.append(Series(network=wanted, step=step[rows], value=value[rows]))
    return found


def band_of(series: Sequence[Series], carried: Collection[int] = ()) -> Band | None:
    """Median and band; None where there is nothing.

    Between two evaluations of its own a network's value is interpolated over log step. After its
    last one it keeps it if it is among the `carried`, and leaves the band otherwise.
    """
    if not series:
        return None
    step = np.unique(np.concatenate([one.step for one in series]))
    values = np.stack([_on_steps(one, step, keep=one.network in carried) for one in series])
    edges = (0.25, 0.75) if len(series) >= SEEDS_FOR_QUARTILES else (0.0, 1.0)
    low, middle, high = np.nanquantile(values, [edges[0], 0.5, edges[1]], axis=0)
    count = np.isfinite(values).sum(axis=0)
    return Band(step=step, middle=middle, low=low, high=high, count=count)


def band_words(networks: int) -> str:
    """What the band of so many networks shows, for a caption."""
    if networks == 1:
        return "one seed, so there is no band"
    if networks < SEEDS_FOR_QUARTILES:
        return f"median of {networks} seeds, band from the lowest to the highest"
    return f"median of {networks} seeds, band over the middle half of them"


def _on_steps(
    one: Series, step: Int[np.ndarray, " step"], *, keep: bool
) -> Float[np.ndarray, " step"]:
    at, own = np.log(position(step)), np.log(position(one.step))
    right = None if keep else np.nan
    return np.interp(at, own, one.value, left=np.nan, right=right)
