"""Whether a measure follows accuracy, or both merely follow time.

Two series that rise or fall while training goes on correlate, whatever they are: with the step,
with each other, and with the weather. Two *independent* noisy lines (noise of half a step) have a
median |r| of .93 over four points, .94 over five and .95 over six, and correlations of
arXiv 2506.21551 rest on so many. A correlation of levels is therefore shown beside what the step
number alone achieves, with the step taken out, and between changes. Only the latter two can tell
more than the time does, and they too need many points.

No p-value of a textbook holds here: points of a series are not independent. The null of
`trend_null` is a simulation of lines that have nothing to do with each other. A claim about
training needs seeds, and `over_seeds` takes each seed as one observation.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Real

from grokscope.core.errors import SettingError
from grokscope.core.seeds import stream_seed
from grokscope.statistics.interval import Interval
from grokscope.statistics.mean import mean_of

_NOTHING = 1e-9
"""What is left of a series after a regression, over what it was: below this it is rounding."""
_SIMULATIONS = 20_000

Series = Float64[np.ndarray, " point"]
Trend = Mapping[str, "Correlation"]
"""By name of the comparison, see `trend_correlations`."""


@dataclass(frozen=True, kw_only=True)
class Correlation:
    """Of two series.

    Attributes:
        pearson: in [−1, 1]; NaN where a series is constant or there are too few points.
        spearman: the same of ranks, equal values sharing theirs.
        points: that both series have.
    """

    pearson: float
    spearman: float
    points: int


@dataclass(frozen=True, kw_only=True)
class SeedCorrelation:
    """A comparison over seeds: means of the seeds' coefficients, with Student's intervals.

    Attributes:
        pearson: mean over seeds; near ±1 an end of its interval may lie beyond.
        spearman: likewise.
        over_baseline: |Pearson| less that of accuracy with the baseline, paired by seed. Not
            above 0: the measure says no more than the time does.
        seeds: with a coefficient that is a number.
        left_out: seeds without.
    """

    pearson: Interval
    spearman: Interval
    over_baseline: Interval
    seeds: int
    left_out: int


def trend_correlations(
    measure: Real[np.ndarray, " point"],
    accuracy: Real[np.ndarray, " point"],
    step: Real[np.ndarray, " point"],
    tokens: Real[np.ndarray, " point"] | None = None,
) -> dict[str, Correlation]:
    """All comparisons of a series with held-out accuracy; points with a NaN are left out.

    - `levels`: the measure with accuracy, as it is usually reported.
    - `step`, `log_step`, `log_tokens`: accuracy with these: the baselines.
    - `given_log_step`: partial correlation, of what regressions on log step leave of the measure
      and of accuracy (of their ranks on its ranks for Spearman's). Takes four points.
    - `changes`: from each point to the next. A straight trend is gone; one that bends still shows
      where it is steep.
    - `measure_first`, `accuracy_first`: a change of the one with the next change of the other.

    Args:
        measure: at each checkpoint.
        accuracy: held out, at the same checkpoints.
        step: of each, above 0, rising.
        tokens: seen by then, above 0.

    Raises:
        SettingError: steps do not rise, or they or the tokens are not above 0.
    """
    _require_clock(step, tokens)
    known = np.isfinite(measure) & np.isfinite(accuracy)
    x, y, time = (own[known].astype(np.float64) for own in (measure, accuracy, step))
    dx, dy = np.diff(x), np.diff(y)
    found = {
        "levels": correlation(x, y),
        "step": correlation(time, y),
        "log_step": correlation(np.log(time), y),
    }
    if tokens is not None:
        found["log_tokens"] = correlation(np.log(tokens[known].astype(np.float64)), y)
    return found | {
        "given_log_step": partial_correlation(x, y, np.log(time)),
        "changes": correlation(dx, dy),
        "measure_first": correlation(dx[:-1], dy[1:]),
        "accuracy_first": correlation(dx[1:], dy[:-1]),
    }


def correlation(x: Series, y: Series) -> Correlation:
    """Of two series; of fewer than three points it is NaN, since two always lie on a line."""
    return Correlation(
        pearson=_pearson(x, y), spearman=_pearson(_ranks(x), _ranks(y)), points=len(x)
    )


def partial_correlation(x: Series, y: Series, given: Series) -> Correlation:
    """Of what is left of both after a linear regression on a third; of their ranks likewise."""
    rank_x, rank_y, rank_given = (_ranks(own) for own in (x, y, given))
    return Correlation(
        pearson=_partial(x, y, given),
        spearman=_partial(rank_x, rank_y, rank_given),
        points=len(x),
    )


def over_seeds(
    trends: Mapping[int, Trend], baseline: str = "log_step"
) -> dict[str, SeedCorrelation]:
    """Each comparison over seeds, the seed being the unit.

    Args:
        trends: of each seed, from `trend_correlations`, all with the same comparisons.
        baseline: the comparison that others are measured against.

    Raises:
        SettingError: there are no seeds, they have different comparisons, or none is the baseline.
    """
    if not trends:
        raise SettingError("trends", "of at least one seed", 0)
    own = [trends[seed] for seed in sorted(trends)]
    names = list(own[0])
    if any(list(trend) != names for trend in own):
        raise SettingError("trends", f"with the same comparisons for each seed, {names}", len(own))
    if baseline not in names:
        raise SettingError("baseline", f"one of {names}", baseline)
    return {
        name: _over_seeds([trend[name] for trend in own], [trend[baseline] for trend in own])
        for name in names
    }


def trend_null(points: int, noise: float = 0.5) -> Float64[np.ndarray, " simulation"]:
    """|Pearson| of pairs of lines that have nothing to do with each other, rising.

    Each line goes up by 1 from point to point, with independent normal noise.

    Args:
        points: of each line.
        noise: its standard deviation, in steps of the line. Judge it by the measure's own noise:
            smoother lines correlate more.

    Raises:
        SettingError: there are fewer than three points, or the noise is not above 0.
    """
    if points < 3:
        raise SettingError("points", "at least 3", points)
    if not noise > 0:
        raise SettingError("noise", "above 0", noise)
    stream = np.random.default_rng(stream_seed(points, "trends"))
    lines = np.arange(points) + noise * stream.normal(size=(2, _SIMULATIONS, points))
    lines -= lines.mean(-1, keepdims=True)
    lines /= np.linalg.norm(lines, axis=-1, keepdims=True)
    return np.sort(np.abs((lines[0] * lines[1]).sum(-1)))


def null_probability(pearson: float, points: int, noise: float = 0.5) -> float:
    """Share of such pairs whose |r| is at least this large; in (0, 1], errors as in `trend_null`.

    A large one says that the correlation of levels is what any two trends would show. A small one
    does not say that the measure and accuracy are related otherwise than through time.
    """
    null = trend_null(points, noise)
    if math.isnan(pearson):
        return math.nan
    as_large = len(null) - int(np.searchsorted(null, abs(pearson), side="left"))
    return (as_large + 1) / (len(null) + 1)


def _require_clock(
    step: Real[np.ndarray, " point"], tokens: Real[np.ndarray, " point"] | None
) -> None:
    if not (np.diff(step) > 0).all():
        raise SettingError("step", "rising", step.tolist())
    for name, own in (("step", step), ("tokens", tokens)):
        if own is not None and not (own > 0).all():
            raise SettingError(name, "above 0", own.min().item())


def _ranks(values: Series) -> Series:
    """From 1; equal values have the mean of theirs."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum()
    return (last - (counts - 1) / 2)[places]


def _pearson(x: Series, y: Series) -> float:
    if len(x) < 3:
        return math.nan
    a, b = _left(x, np.ones((len(x), 1))), _left(y, np.ones((len(y), 1)))
    scale = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.clip(a @ b / scale, -1, 1)) if scale > 0 else math.nan


def _partial(x: Series, y: Series, given: Series) -> float:
    """With fewer than four points one coefficient more fits anything."""
    if len(x) < 4:
        return math.nan
    design = np.stack([np.ones(len(x)), given - given.mean()], 1)
    return _pearson(_left(x, design), _left(y, design))


def _left(values: Series, design: Float[np.ndarray, "point term"]) -> Series:
    """What least squares leave; 0 where that is rounding."""
    left = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    is_rounding = np.linalg.norm(left) <= _NOTHING * np.linalg.norm(values)
    return np.zeros_like(values) if is_rounding else left


def _over_seeds(own: list[Correlation], baseline: list[Correlation]) -> SeedCorrelation:
    pairs = list(zip(own, baseline, strict=True))
    known = [one for one in own if not math.isnan(one.pearson)]
    more = [abs(one.pearson) - abs(base.pearson) for one, base in pairs]
    return SeedCorrelation(
        pearson=_mean([one.pearson for one in own]),
        spearman=_mean([one.spearman for one in own]),
        over_baseline=_mean(more),
        seeds=len(known),
        left_out=len(own) - len(known),
    )


def _mean(values: list[float]) -> Interval:
    known = [value for value in values if not math.isnan(value)]
    return mean_of(known) if known else Interval(value=None, low=None, high=None)
