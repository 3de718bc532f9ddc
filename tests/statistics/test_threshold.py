"""Critical values: a slow reference, simulated truths, separated data, and no extrapolation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from grokscope.core.errors import SettingError
from grokscope.core.seeds import stream_seed
from grokscope.statistics import Threshold, threshold_of
from grokscope.statistics.crossing import rising
from grokscope.statistics.firth import firth
from grokscope.statistics.resample import RESAMPLES
from grokscope.statistics.trials import draws_of, interval_of
from reference.critical import slow_crossing, slow_firth, slow_resamples

DECAYS = tuple(float(x) for x in np.geomspace(0.01, 10, 13))


def simulated(
    *,
    at: float = 0.3,
    slope: float = 3.0,
    seeds: int = 12,
    stream: int = 0,
    tried: tuple[float, ...] = DECAYS,
) -> dict[int, list[tuple[float, bool]]]:
    draws = np.random.default_rng(stream)

    def groks(x: float) -> bool:
        return bool(draws.random() < 1 / (1 + (at / x) ** slope))

    return {seed: [(x, groks(x)) for x in tried] for seed in range(seeds)}


def log_of(end: float | None, unknown: float) -> float:
    return unknown if end is None else math.log(end)


def cells(**counts: int) -> dict[int, list[tuple[float, bool]]]:
    """Four seeds; `x2=3` is 3 successes at setting 2, of the first three seeds."""
    return {s: [(float(k[1:]), s < n) for k, n in counts.items()] for s in range(4)}


outcomes = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=2, max_size=5).map(
    lambda counts: [(k, k + more) for k, more in counts]
)


@settings(max_examples=40)
@given(outcomes)
def test_the_line_is_that_of_the_slow_maximum(counts: list[tuple[int, int]]):
    counts = [(k, max(n, 1)) for k, n in counts]
    x = [1.5 * i - 1 for i in range(len(counts))]
    pairs = [(at, i < k) for at, (k, n) in zip(x, counts, strict=True) for i in range(n)]
    batch = [np.array([row, row], dtype=float) for row in zip(*counts, strict=True)]
    intercept, slope = firth(np.array(x), *batch)
    assert intercept[0] == intercept[1]
    assert (intercept[0], slope[0]) == pytest.approx(slow_firth(pairs), abs=1e-4)


@pytest.mark.parametrize("tried", [(0.01, 0.1, 0.3, 1.0, 10.0), (0.2, 0.3, 0.6)])
def test_the_interval_is_that_of_resamples_one_by_one(tried: tuple[float, ...]):
    trials = simulated(seeds=4, slope=1.5, tried=tried, stream=4)
    chosen = [sorted(own) for own in slow_resamples(4, stream_seed(4, "bootstrap "), RESAMPLES)]
    crossings = {}
    for own in map(tuple, chosen):
        if own not in crossings:
            pairs = [(math.log(x), y) for i in own for x, y in trials[i]]
            crossings[own] = slow_crossing(pairs)
    # Hesterberg's tail of four seeds is less than one of 2,000 resamples
    assert stats.norm.sf(math.sqrt(4 / 3) * stats.t.ppf(0.975, 3)) < 1 / RESAMPLES
    low = min(crossing[0] for crossing in crossings.values())
    high = max(crossing[1] for crossing in crossings.values())
    found = threshold_of(trials)
    ends = (log_of(found.at.low, -math.inf), log_of(found.at.high, math.inf))
    assert ends == pytest.approx((low, high), abs=1e-4)
    pairs = [(math.log(x), y) for own in trials.values() for x, y in own]
    least, most = slow_crossing(pairs)
    assert (found.at.sign == "=") == (least == most)
    assert math.log(found.at.value) == pytest.approx(min(most, max(least, -9)), abs=1e-4)
    assert found.slope.value == pytest.approx(slow_firth(pairs)[1], abs=1e-4)


def test_draws_are_those_of_a_list_of_seeds():
    chosen = slow_resamples(5, stream_seed(5, "bootstrap "), RESAMPLES)
    draws = draws_of(5)
    assert draws[0].tolist() == [1] * 5
    for own, row in zip(chosen, draws[1:], strict=True):
        assert [own.count(i) for i in range(5)] == row.tolist()


def test_the_tail_of_many_seeds_is_a_fortieth():
    values = np.arange(RESAMPLES + 1, dtype=float)
    many = interval_of((values, values), (values, values), 10_000)
    assert (many.value, many.low, many.high) == (0, 50, 1951)
    few = interval_of((values, values), (values, values), 10)
    tail = stats.norm.sf(math.sqrt(10 / 9) * stats.t.ppf(0.975, 9))
    assert few.low == 1 + int(2000 * tail)
    assert few.high == 2000 - int(2000 * tail)


@pytest.mark.parametrize("at", [0.05, 0.3, 2.0])
def test_it_recovers_a_threshold_and_its_sharpness(at: float):
    found = threshold_of(simulated(at=at, seeds=40, stream=1))
    assert found.at.low < at < found.at.high
    assert found.at.value == pytest.approx(at, rel=0.1)
    assert found.slope.low < 3 < found.slope.high
    assert found.slope.value == pytest.approx(3, rel=0.25)
    assert (found.at.sign, found.slope.sign) == ("=", "=")
    assert (found.seeds, found.runs, found.tried) == (40, 520, (0.01, 10))


def test_intervals_cover_about_as_often_as_they_say():
    found = [threshold_of(simulated(seeds=10, stream=i)).at for i in range(60)]
    assert 0.9 <= np.mean([own.low < 0.3 < own.high for own in found]) <= 1


def test_separated_runs_give_the_gap_and_no_end_of_sharpness():
    """None of 4 groks at 1 and 2, all do at 4 and 8: anywhere between 2 and 4."""
    found = threshold_of(cells(x1=0, x2=0, x4=4, x8=4))
    assert found.at.value == pytest.approx(math.sqrt(8))
    assert (found.at.low, found.at.high) == (pytest.approx(2), pytest.approx(4))
    assert found.at.sign == "="
    assert (found.slope.sign, found.slope.high) == ("≥", None)
    assert 1 < found.slope.value < 20


def test_one_mixed_setting_between_is_still_a_step():
    found = threshold_of(cells(x1=0, x2=2, x4=4))
    assert found.at.value == pytest.approx(2)
    assert found.slope.sign == "≥"
    assert found.at.low < 2 < found.at.high


@pytest.mark.parametrize("side", [1, -1])
def test_an_estimate_stays_within_its_gap(side: int):
    """The line of 15 failures and one success crosses ½ beyond the success."""
    own = [(side * float(i), (i == 15) == (side > 0)) for i in range(16)]
    pairs = [*own, (0.0, side < 0)]
    intercept, slope = slow_firth(pairs)
    assert side * (-intercept / slope) > 15
    found = threshold_of({0: own, 1: pairs[-1:]}, "linear")
    assert (found.at.value, found.at.sign) == (15 * side, "=")


def test_the_steps_end_however_large_and_sharp_the_counts():
    x = np.arange(20.0)
    failing, totals = np.tril(np.ones((19, 20))) == 1, np.full((19, 20), 1000.0)
    intercept, slope = firth(x, np.where(failing, 0.0, totals), totals)
    crossing = -intercept / slope
    # Newton's steps alone run away here
    uneven = firth(
        np.array([0.0, 16.0, 17.0]), np.array([[0.0, 3.0, 36.0]]), np.array([[16.0, 663.0, 70.0]])
    )
    assert 16 < -uneven[0][0] / uneven[1][0] < 17
    # and here the line is so steep that its last digits never come to rest
    steep = firth(
        np.array([-0.463, -0.46, -0.457, -0.449, -0.406, 2.236]),
        np.array([[0.0, 52.0, 195.0, 63.0, 433.0, 6.0]]),
        np.array([[17.0, 96.0, 195.0, 63.0, 433.0, 6.0]]),
    )
    assert -0.461 < -steep[0][0] / steep[1][0] < -0.459
    assert np.all((np.arange(19) <= crossing) & (crossing <= np.arange(19) + 1))


def test_what_a_resample_did_not_try_is_out_of_its_range():
    """Three of four grok at 1 and all at 2: the line crosses ½ above 0, where none was tried."""
    found = rising(
        np.array([0.0, 1.0, 2.0]), np.array([[0.0, 3.0, 4.0]]), np.array([[0.0, 4.0, 4.0]])
    )
    intercept, slope = slow_firth([(1.0, i > 0) for i in range(4)] + [(2.0, True)] * 4)
    assert 0 < -intercept / slope < 1
    assert (found.least[0], found.most[0]) == (-np.inf, 1)


def test_a_half_everywhere_has_no_threshold():
    found = threshold_of(cells(x1=2, x2=2, x4=2))
    assert (found.at.value, found.slope.value) == (None, pytest.approx(0, abs=1e-6))


def test_all_or_none_is_a_bound():
    found = threshold_of(cells(x1=4, x2=4, x4=4))
    assert (found.at.value, found.at.sign) == (pytest.approx(1), "≤")
    assert (found.at.low, found.at.high) == (None, pytest.approx(1))
    found = threshold_of(cells(x1=0, x2=0, x4=0))
    assert (found.at.value, found.at.sign) == (pytest.approx(4), "≥")
    assert (found.at.low, found.at.high) == (pytest.approx(4), None)
    assert (found.slope.value, found.slope.low, found.slope.high) == (None, None, None)


def test_nothing_is_extrapolated():
    """The fitted line would cross ½ above 4; it is only known to be above it."""
    found = threshold_of(cells(x1=0, x2=0, x4=1))
    assert (found.at.value, found.at.sign, found.at.high) == (pytest.approx(4), "≥", None)
    found = threshold_of(cells(x1=3, x2=4, x4=4))
    assert (found.at.value, found.at.sign, found.at.low) == (pytest.approx(1), "≤", None)


def test_success_that_goes_the_other_way_has_no_threshold():
    trials = cells(x1=4, x2=4, x4=0, x8=0)
    assert (threshold_of(trials).at.value, threshold_of(trials).at.low) == (None, None)
    falling = threshold_of(trials, rises=False)
    assert falling.at.value == pytest.approx(math.sqrt(8))
    assert (falling.slope.sign, falling.slope.low) == ("≤", None)
    assert falling.slope.value < 0


def test_falling_is_the_mirror_of_rising():
    trials = simulated(seeds=12, slope=1.5)
    trials = {s: own[: 13 - s % 3] for s, own in trials.items()}
    turned = {s: [(1 / x, y) for x, y in own] for s, own in trials.items()}
    one, other = threshold_of(trials), threshold_of(turned, rises=False)
    assert other.at.value == pytest.approx(1 / one.at.value)
    assert (other.at.low, other.at.high) == pytest.approx((1 / one.at.high, 1 / one.at.low))
    assert (other.slope.low, other.slope.high) == pytest.approx((-one.slope.high, -one.slope.low))


def same(one: Threshold, other: Threshold, factor: float = 1.0) -> None:
    ends = [one.at.value, one.at.low, one.at.high]
    assert [other.at.value, other.at.low, other.at.high] == pytest.approx(
        [factor * end for end in ends]
    )
    assert (other.slope.value, other.slope.low) == pytest.approx((one.slope.value, one.slope.low))


def test_order_repetition_of_a_call_and_units_change_nothing():
    trials = simulated(seeds=6, slope=1.5)
    assert threshold_of(trials) == threshold_of(trials)
    mixed = {s: trials[s][::-1] for s in reversed(trials)}
    assert threshold_of(mixed) == threshold_of(trials)
    same(
        threshold_of(trials),
        threshold_of({s: [(1000 * x, y) for x, y in own] for s, own in trials.items()}),
        1000,
    )
    logs = {s: [(math.log(x), y) for x, y in own] for s, own in trials.items()}
    linear, found = threshold_of(logs, "linear"), threshold_of(trials)
    assert math.exp(linear.at.low) == pytest.approx(found.at.low)
    assert linear.slope == found.slope


def test_a_seed_is_taken_whole():
    """Runs of a seed that all agree are one voice: copies leave the interval as it is."""
    trials = simulated(seeds=8, slope=1.5, tried=(0.003, 0.03, 0.1, 0.3, 1.0, 3.0, 30.0))
    doubled = threshold_of({s: own * 20 for s, own in trials.items()})
    found = threshold_of(trials)
    width = math.log(found.at.high / found.at.low)
    assert math.log(doubled.at.high / doubled.at.low) == pytest.approx(width, rel=0.2)


def test_seeds_may_have_been_tried_at_different_settings():
    trials = {0: [(1.0, False)], 1: [(2.0, False)], 2: [(4.0, True)], 3: [(8, True)]}
    found = threshold_of(trials)
    assert 2 <= found.at.value <= 4
    # a resample of one seed has runs at one setting: it knows a bound, no line
    assert (found.at.low or 0) <= 2
    assert found.at.high is None or found.at.high >= 4


@pytest.mark.parametrize(
    ("trials", "complaint"),
    [
        ({0: [(1.0, True), (2.0, True)]}, "`seeds` must be at least two, to resample, got 1."),
        ({0: [(1.0, True)], 1: []}, "`seeds` must be such that each has runs, got [1]."),
        (
            {0: [(1.0, True)], 1: [(1.0, False)]},
            "`settings` must be at least two different ones, got [1.0].",
        ),
        (
            {0: [(0.0, True)], 1: [(1.0, False)]},
            "`settings` must be above 0, got 0.0.",
        ),
    ],
)
def test_bad_input_gets_one_line(trials, complaint: str):
    with pytest.raises(SettingError) as error:
        threshold_of(trials)
    assert str(error.value) == complaint
