"""Bootstrap intervals of ratios and slopes, honest about values that are known in part only.

The unit is the seed: networks of one seed share their data and initial values across arms, so a
resample takes all of a seed or nothing of it (Efron, Annals of Statistics 7, 1979; percentiles).
A statistic of values between two bounds lies itself between two bounds; the interval goes from the
lower percentile of the one to the upper percentile of the other. A value that is censored at a
budget thus never makes a ratio narrower than "at least".

Percentile intervals of few seeds are somewhat too narrow: with five, some 85 % instead of 95 %.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import median

import numpy as np

from grokscope.core.errors import SettingError
from grokscope.core.seeds import stream_seed
from grokscope.statistics.interval import Interval
from grokscope.statistics.share import CONFIDENCE
from grokscope.statistics.wait import Wait

RESAMPLES = 2_000

BySeed = Mapping[int, Sequence[Wait]]
"""What each seed showed; usually one value."""
Pair = tuple[Sequence[Wait], Sequence[Wait]]
Bounds = tuple[float, float]


def median_ratio(above: BySeed, below: BySeed) -> Interval:
    """Median of one arm over the median of another.

    Seeds that both arms have are drawn together if all are shared, and apart if none is.

    Raises:
        SettingError: an arm is empty, or the arms share some seeds and not others.
    """
    return _resampled(above, below, _median_ratio)


def geometric_ratio(above: BySeed, below: BySeed) -> Interval:
    """Geometric mean of one arm over that of another; errors as in `median_ratio`.

    For arms with the same seeds it is the geometric mean of the ratios within seeds.
    """
    return _resampled(above, below, _geometric_ratio)


def log_slope(points: Mapping[int, Sequence[tuple[float, Wait]]]) -> Interval:
    """Slope of ln(value) on ln(setting) by least squares: the exponent of a power law.

    Args:
        points: (setting, value) of each seed's networks; the setting above 0.

    Raises:
        SettingError: no seeds, a setting that is not above 0, or one setting only.
    """
    settings = [setting for own in points.values() for setting, _ in own]
    if len(set(settings)) < 2:
        raise SettingError("settings", "at least two different ones", sorted(set(settings)))
    if min(settings) <= 0:
        raise SettingError("settings", "above 0", min(settings))
    seeds = sorted(points)
    return _interval(
        _slope([pair for seed in seeds for pair in points[seed]]),
        [
            _slope([pair for i in chosen for pair in points[seeds[i]]])
            for chosen in _draws(len(seeds))
        ],
    )


def _resampled(above: BySeed, below: BySeed, statistic: Callable[[Pair], Bounds]) -> Interval:
    for arm in (above, below):
        if not any(arm.values()):
            raise SettingError("seeds", "at least one in each arm", 0)
    shared = above.keys() & below.keys()
    if shared and above.keys() != below.keys():
        raise SettingError("seeds", "the same in both arms, or all different", sorted(shared))
    first, second = sorted(above), sorted(below)
    seconds = _draws(len(second)) if shared else _draws(len(second), "second arm")
    found = [
        statistic((_taken(above, first, i), _taken(below, second, j)))
        for i, j in zip(_draws(len(first)), seconds, strict=True)
    ]
    whole = statistic(
        (_taken(above, first, range(len(first))), _taken(below, second, range(len(second))))
    )
    return _interval(whole, found)


def _draws(count: int, purpose: str = "") -> list[list[int]]:
    """The same for the same number of seeds, so that a verdict does not change by itself."""
    stream = np.random.default_rng(stream_seed(count, f"bootstrap {purpose}"))
    return stream.integers(count, size=(RESAMPLES, count)).tolist()


def _taken(arm: BySeed, seeds: Sequence[int], chosen: Sequence[int]) -> list[Wait]:
    return [wait for i in chosen for wait in arm[seeds[i]]]


def _interval(whole: Bounds, found: Sequence[Bounds]) -> Interval:
    tail = (1 - CONFIDENCE) / 2
    lows, highs = zip(*found, strict=True)
    return Interval.between(whole, (_percentile(lows, tail), _percentile(highs, 1 - tail)))


def _percentile(values: Sequence[float], share: float) -> float:
    """The value itself, since between a number and infinity there is nothing to interpolate."""
    ordered = sorted(values)
    outside = math.floor(min(share, 1 - share) * len(ordered))
    return ordered[outside] if share < 0.5 else ordered[-1 - outside]


def _median_ratio(pair: Pair) -> Bounds:
    (low, high), (low_below, high_below) = ((_medians(waits)) for waits in pair)
    return _over(low, high_below, 0.0), _over(high, low_below, math.inf)


def _medians(waits: Sequence[Wait]) -> Bounds:
    return median(wait.least for wait in waits), median(wait.most for wait in waits)


def _geometric_ratio(pair: Pair) -> Bounds:
    (low, high), (low_below, high_below) = ((_geometric(waits)) for waits in pair)
    return _over(low, high_below, 0.0), _over(high, low_below, math.inf)


def _geometric(waits: Sequence[Wait]) -> Bounds:
    ends = ([wait.least for wait in waits], [wait.most for wait in waits])
    low, high = (_geometric_mean(values) for values in ends)
    return low, high


def _geometric_mean(values: Sequence[float]) -> float:
    if 0 in values:
        return 0.0  # beside an infinite value too: of a lower bound the smallest is right
    return math.exp(math.fsum(map(math.log, values)) / len(values))


def _over(value: float, divisor: float, undefined: float) -> float:
    """A ratio, with what it is where both are 0 or infinite and nothing is known."""
    if value == divisor and (value == 0 or math.isinf(value)):
        return undefined
    return math.inf if divisor == 0 else value / divisor


def _slope(points: Sequence[tuple[float, Wait]]) -> Bounds:
    """Both bounds: a value with a weight below 0 lowers the slope the more the larger it is."""
    logs = [math.log(setting) for setting, _ in points]
    centre = math.fsum(logs) / len(logs)
    weights = [x - centre for x in logs]
    scale = math.fsum(weight**2 for weight in weights)
    if scale < 1e-12:  # a resample of seeds that were all tried at one setting says nothing
        return -math.inf, math.inf
    ends = [(w, wait.least, wait.most) for w, (_, wait) in zip(weights, points, strict=True)]
    low = _weighted([(w, least if w > 0 else most) for w, least, most in ends], -math.inf)
    high = _weighted([(w, most if w > 0 else least) for w, least, most in ends], math.inf)
    return low / scale, high / scale


def _weighted(terms: Sequence[tuple[float, float]], undefined: float) -> float:
    """Sum of weight · ln(value); where it is +∞ − ∞ nothing is known."""
    found = [w * _log(value) for w, value in terms if w != 0]
    infinite = {value for value in found if math.isinf(value)}
    if len(infinite) > 1:
        return undefined
    return infinite.pop() if infinite else math.fsum(found)


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf
