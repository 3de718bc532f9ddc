"""How long after its loss has converged a group generalises, where that may not have happened yet.

The lag is a difference of two dates, in steps, and the logarithm of their ratio beside it: a late
group waits for longer even if every group takes the same number of doublings. What has not
generalised by the end of its budget is censored and makes the lag "at least" (`Interval.sign`).

Two questions, two units. Within one network the samples are resampled: would other samples like
these say the same of *this* network? Across networks the seed is the unit, and Student's interval
of the seeds' lags says what another network would show. The first is no substitute for the second.
For waits alone, with budgets that differ, see `kaplan_meier`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from grokscope.core.errors import SettingError
from grokscope.core.seeds import stream_seed
from grokscope.statistics.interval import Interval
from grokscope.statistics.mean import mean_of
from grokscope.statistics.resample import RESAMPLES
from grokscope.statistics.trials import interval_of
from grokscope.statistics.wait import Wait

_CELLS = 2_000_000

Dates = Float[np.ndarray, " _"]
Medians = Float64[np.ndarray, " resample"]


@dataclass(frozen=True, kw_only=True)
class Lag:
    """A lag with its interval, in both units.

    Attributes:
        steps: date of generalisation less date of convergence; below 0 where it came first.
        log_steps: ln of their ratio.
        units: samples and items, or seeds, behind it.
        censored: how many of these had not generalised by the end of their budget.
    """

    steps: Interval
    log_steps: Interval
    units: int
    censored: int


def group_lag(converged: Dates, generalized: Dates, budget: float | int) -> Lag:
    """Median date of generalisation of test items less the median date of train samples.

    Both are resampled, independently. A median beyond the budget is known to be beyond it only.

    Args:
        converged: since when each train sample of the group is memorised; above 0, finite.
        generalized: since when each item of its test group is solved; above 0, infinite where it
            is not by the budget.
        budget: the last step that was measured.

    Raises:
        SettingError: a group is empty, a date is not above 0, a train sample has none, or an item
            was solved after the budget.
    """
    _require_dates("converged", converged, budget)
    is_censored = np.isposinf(generalized)
    if not len(generalized):
        raise SettingError("generalized", "at least one date", 0)
    if not is_censored.all():
        _require_dates("generalized", generalized[~is_censored], budget)
    first = np.concatenate(list(_medians(converged, "converged")))
    most = np.concatenate(list(_medians(generalized, "generalized")))
    # the same resamples; a median between a date and a censored one is bounded by half of each
    reached = np.minimum(generalized, budget)
    least = np.concatenate(list(_medians(reached, "generalized")))
    units = min(len(converged), len(generalized))
    return Lag(
        steps=_between(least - first, most - first, units),
        log_steps=_between(np.log(least / first), np.log(most / first), units),
        units=len(converged) + len(generalized),
        censored=int(is_censored.sum()),
    )


def seed_lag(converged: Mapping[int, float | int], generalized: Mapping[int, Wait]) -> Lag:
    """Mean over seeds of the lag, with Student's interval; of a single seed there is none.

    Where a seed is censored, the mean and the lower end are those with its budget in the place of
    its date, which the truth is not below, and there is no upper end. Where one never generalises
    (`NEVER`), the mean is not known.

    Args:
        converged: since when each seed's loss has converged; above 0.
        generalized: when it generalised, or `Wait.beyond` its budget.

    Raises:
        SettingError: there are no seeds, both have not the same, a date is not above 0 and finite,
            or a wait is known to lie between two bounds only.
    """
    if not converged or converged.keys() != generalized.keys():
        raise SettingError("seeds", "the same, at least one, in both", sorted(generalized))
    seeds = sorted(converged)
    for seed in seeds:
        if not 0 < converged[seed] < math.inf:
            raise SettingError("converged", "above 0 and finite", converged[seed])
        wait = generalized[seed]
        if not wait.least > 0 or (not wait.was_seen and math.isfinite(wait.most)):
            raise SettingError("generalized", "above 0, and seen or right-censored", wait)
    censored = sum(not generalized[seed].was_seen for seed in seeds)
    ends = [(generalized[seed].least, converged[seed]) for seed in seeds]
    return Lag(
        steps=_mean([last - first for last, first in ends], is_bound=censored > 0),
        log_steps=_mean([math.log(last / first) for last, first in ends], is_bound=censored > 0),
        units=len(seeds),
        censored=censored,
    )


def _require_dates(name: str, dates: Dates, budget: float | int) -> None:
    if not len(dates):
        raise SettingError(name, "at least one date", 0)
    wrong = dates[~((dates > 0) & (dates <= budget))]
    if len(wrong):
        raise SettingError(name, f"above 0 and at most the budget, {budget:g}", float(wrong[0]))


def _medians(dates: Dates, purpose: str) -> Iterator[Medians]:
    """That of all first, and of resamples in blocks."""
    stream = np.random.default_rng(stream_seed(len(dates), f"bootstrap {purpose}"))
    own = np.sort(dates.astype(np.float64))
    yield _middle(own[None])
    rows = max(1, _CELLS // len(own))
    for start in range(0, RESAMPLES, rows):
        shape = min(rows, RESAMPLES - start), len(own)
        # dates are sorted, so that sorted places are sorted dates
        yield _middle(own[np.sort(stream.integers(len(own), size=shape), axis=1)])


def _middle(ordered: Float64[np.ndarray, "resample sample"]) -> Medians:
    count = ordered.shape[1]
    return (ordered[:, (count - 1) // 2] + ordered[:, count // 2]) / 2


def _between(least: Medians, most: Medians, units: int) -> Interval:
    if units < 2:
        return Interval.between((float(least[0]), float(most[0])), (-math.inf, math.inf))
    return interval_of((least, most), (least, most), units)


def _mean(values: Sequence[float], *, is_bound: bool) -> Interval:
    if math.inf in values:
        return Interval(value=None, low=None, high=None)
    found = mean_of(values)
    if not is_bound:
        return found
    return Interval(value=found.value, low=found.low, high=None, sign="≥")
