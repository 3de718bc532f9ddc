"""Whether runs generalised, by seed and setting, counted for regressions and their resamples.

The unit of resampling is the seed, as in `resample`: a resample is how often each seed is in it,
and its counts are sums of the seeds' counts, so that a thousand refits are one batch.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from grokscope.core.errors import SettingError
from grokscope.core.seeds import stream_seed
from grokscope.statistics.interval import Interval
from grokscope.statistics.resample import RESAMPLES
from grokscope.statistics.share import CONFIDENCE

Trials = Mapping[int, Sequence[tuple[float | int, bool]]]
"""What each seed showed: (setting, whether it generalised within the budget)."""
Scale = Literal["log", "linear"]
Counts = Float[np.ndarray, "resample cell"]
Draws = Float[np.ndarray, "resample seed"]
Ends = Float[np.ndarray, " resample"]


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Counts of runs at each setting that was tried.

    Attributes:
        seeds: rising.
        position: ln(setting), or the setting, rising.
        successes: of each seed at each.
        totals: runs likewise.
    """

    seeds: list[int]
    position: Float[np.ndarray, " cell"]
    successes: Float[np.ndarray, "seed cell"]
    totals: Float[np.ndarray, "seed cell"]

    def resampled(self, draws: Draws) -> tuple[Counts, Counts]:
        """Successes and runs of each resample at each setting."""
        return draws @ self.successes, draws @ self.totals


def grid_of(trials: Trials, scale: Scale = "log") -> Grid:
    """Trials, counted.

    Raises:
        SettingError: fewer than two seeds, a seed without runs, fewer than two settings, or a
            setting that is not above 0 on a log scale.
    """
    if len(trials) < 2:
        raise SettingError("seeds", "at least two, to resample", len(trials))
    empty = [seed for seed, own in trials.items() if not own]
    if empty:
        raise SettingError("seeds", "such that each has runs", empty)
    settings = sorted({setting for own in trials.values() for setting, _ in own})
    if len(settings) < 2:
        raise SettingError("settings", "at least two different ones", settings)
    if scale == "log" and settings[0] <= 0:
        raise SettingError("settings", "above 0", settings[0])
    place = {setting: i for i, setting in enumerate(settings)}
    seeds = sorted(trials)
    counts = np.zeros((2, len(seeds), len(settings)))
    for row, seed in enumerate(seeds):
        for setting, is_success in trials[seed]:
            counts[0, row, place[setting]] += is_success
            counts[1, row, place[setting]] += 1
    values = np.array(settings, dtype=float)
    return Grid(
        seeds=seeds,
        position=np.log(values) if scale == "log" else values,
        successes=counts[0],
        totals=counts[1],
    )


def draws_of(count: int, purpose: str = "") -> Draws:
    """How often each of `count` seeds is in each resample; the first is all seeds once.

    The draws are the same for the same number of seeds, and those of `resample`.
    """
    stream = np.random.default_rng(stream_seed(count, f"bootstrap {purpose}"))
    chosen = stream.integers(count, size=(RESAMPLES, count))
    draws = np.zeros((RESAMPLES + 1, count))
    draws[0] = 1
    np.add.at(draws, (np.arange(1, RESAMPLES + 1)[:, None], chosen), 1)
    return draws


def paired_draws(first: Grid, second: Grid) -> tuple[Draws, Draws]:
    """The same draws where both have the same seeds, independent ones where they share none.

    Raises:
        SettingError: they share some seeds and not others.
    """
    shared = sorted(set(first.seeds) & set(second.seeds))
    if shared and first.seeds != second.seeds:
        raise SettingError("seeds", "the same in both, or all different", shared)
    own = draws_of(len(first.seeds))
    return own, own if shared else draws_of(len(second.seeds), "second arm")


def interval_of(values: tuple[Ends, Ends], ends: tuple[Ends, Ends], seeds: int) -> Interval:
    """The percentile interval of a number of which each resample knows two bounds.

    Percentiles of few seeds are too narrow; Hesterberg (The American Statistician 69, 2015) goes
    further out, to where Student's interval of so many values would end. Of four seeds that is
    the outermost of all resamples; in simulations 97 % of intervals of a ratio of thresholds
    hold the truth then, and 87 % without.

    Args:
        values: least and most that the number can be; only the first resample's are used.
        ends: least and most that go into the interval.
        seeds: that were resampled.
    """
    tail = _tail(seeds)
    outside = int(tail * (len(ends[0]) - 1))
    low = _finite(float(np.sort(ends[0][1:])[outside]))
    high = _finite(float(np.sort(ends[1][1:])[-1 - outside]))
    least, most = (_finite(float(own[0])) for own in values)
    if least == most:
        return Interval(value=least, low=low, high=high)
    if most is not None:
        return Interval(value=most, low=low, high=high, sign="≤")
    return Interval(value=least, low=low, high=high, sign="≥")


def _tail(seeds: int) -> float:
    """Share of resamples outside of each end of the interval."""
    from scipy.special import ndtr, stdtrit  # training needs no scipy

    reach = math.sqrt(seeds / (seeds - 1)) * stdtrit(seeds - 1, (1 + CONFIDENCE) / 2)
    return float(ndtr(-reach))


def _finite(value: float) -> float | None:
    """None for what is infinite; and 0 for −0."""
    return value + 0.0 if math.isfinite(value) else None
