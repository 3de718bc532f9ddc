"""Cumulative incidence against lifelines, slow references, its laws, and by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokscope.core.errors import SettingError
from grokscope.statistics import NEVER, Ending, Wait, aalen_johansen, kaplan_meier
from reference.incidence import slow_incidence, slow_incidence_variance

KINDS = ("censored", "event", "competing")

kinds = st.sampled_from(KINDS)
endings = st.lists(
    st.builds(lambda t, k: Ending(time=t, kind=k), st.integers(1, 9), kinds),
    min_size=1,
    max_size=14,
)


def of(*pairs: tuple[float, str]) -> list[Ending]:
    return [Ending(time=time, kind=kind) for time, kind in pairs]  # type: ignore[arg-type]


@given(endings)
def test_it_is_redistribution_to_the_right_with_ties_too(sample: list[Ending]):
    found = aalen_johansen(sample)
    for time in range(11):
        assert found.at(time) == pytest.approx(slow_incidence(sample, time), abs=1e-12)
    for time, variance in zip(found.times, found.variance, strict=True):
        assert variance == pytest.approx(slow_incidence_variance(sample, time), abs=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_it_is_lifelines_where_nothing_is_tied(seed: int):
    lifelines = pytest.importorskip("lifelines")
    stream = np.random.default_rng(seed)
    times = stream.exponential(size=40)
    codes = np.concatenate([stream.integers(3, size=39), [0]])  # theirs fails where all are gone
    times[-1] = times.max() + 1
    theirs = lifelines.AalenJohansenFitter().fit(times, codes, event_of_interest=1)
    found = aalen_johansen(of(*((t, KINDS[c]) for t, c in zip(times, codes, strict=True))))
    assert len(found.times) == (codes == 1).sum()
    rows = zip(found.times, found.incidence, found.variance, found.band(), strict=True)
    for time, incidence, variance, (low, high) in rows:
        assert incidence == pytest.approx(theirs.cumulative_density_.loc[time].item())
        assert variance == pytest.approx(theirs.variance_.loc[time].item())
        ends = sorted(theirs.confidence_interval_.loc[time])
        assert (low, high) == pytest.approx(tuple(ends))


def test_a_case_by_hand():
    """Of 5: event at 2; diverged at 3; censored at 4; then event at 6 of 2, and one left.

    F = 1/5, then 1/5 + 3/5 · 1/2.
    """
    found = aalen_johansen(
        of((2, "event"), (3, "competing"), (4, "censored"), (6, "event"), (7, "censored"))
    )
    assert found.times == (2, 6)
    assert found.incidence == pytest.approx((0.2, 0.5))
    assert found.variance[0] == pytest.approx(0.2 * 0.8 / 5)
    assert (found.at(1), found.at(5.9), found.at(6), found.last) == (0, 0.2, 0.5, 7)
    assert found.median().value == 6


@given(endings)
def test_without_competing_events_it_is_what_kaplan_and_meier_leave(sample: list[Ending]):
    sample = [e for e in sample if e.kind != "competing"] or of((3, "event"))
    found = aalen_johansen(sample)
    waits = [Wait.of(e.time) if e.kind == "event" else Wait.beyond(e.time) for e in sample]
    survival = kaplan_meier(waits)
    assert found.times == survival.times
    assert found.incidence == pytest.approx([1 - s for s in survival.waiting])
    for variance, s, v in zip(found.variance, survival.waiting, survival.variance, strict=True):
        greenwood = (s * math.log(s)) ** 2 * v if s > 0 else 0.0
        assert variance == pytest.approx(greenwood, abs=1e-12)


@given(endings)
def test_with_equal_budgets_it_is_the_share_and_diverged_networks_may_wait_for_ever(
    sample: list[Ending],
):
    """Binomial variance; and Kaplan and Meier's estimate with those that diverged as NEVER."""
    sample = [Ending(time=9 if e.kind == "censored" else e.time, kind=e.kind) for e in sample]
    found = aalen_johansen(sample)
    n = len(sample)
    for time, incidence, variance in zip(found.times, found.incidence, found.variance, strict=True):
        share = sum(e.kind == "event" and e.time <= time for e in sample) / n
        assert incidence == pytest.approx(share)
        assert variance == pytest.approx(share * (1 - share) / n, abs=1e-12)
    made = {"event": Wait.of, "censored": Wait.beyond, "competing": lambda _: NEVER}
    survival = kaplan_meier([made[e.kind](e.time) for e in sample])
    assert found.incidence == pytest.approx([1 - s for s in survival.waiting])


@given(endings)
def test_both_kinds_add_up_to_what_happened_at_all(sample: list[Ending]):
    other = {"event": "competing", "competing": "event", "censored": "censored"}
    merged = [
        Ending(time=e.time, kind="event" if e.kind == "competing" else e.kind) for e in sample
    ]
    one, two, both = (
        aalen_johansen(s) for s in (sample, of(*((e.time, other[e.kind]) for e in sample)), merged)
    )
    for time in range(11):
        assert one.at(time) + two.at(time) == pytest.approx(both.at(time))


@given(endings, st.floats(0.1, 0.9))
def test_it_rises_within_its_band_and_quantiles_are_where_it_crosses(
    sample: list[Ending], share: float
):
    found = aalen_johansen(sample)
    assert list(found.incidence) == sorted(found.incidence)
    for incidence, (low, high) in zip(found.incidence, found.band(), strict=True):
        assert 0 <= low <= incidence <= high <= 1
    quantile = found.quantile(share)
    if quantile.value is not None:
        assert found.at(quantile.value) >= share - 1e-9
        assert found.at(quantile.value - 0.5) < share + 1e-9
        assert quantile.low is not None
        assert quantile.low <= quantile.value <= (quantile.high or math.inf)


def test_what_diverges_keeps_the_median_from_being_reached():
    found = aalen_johansen(of(*[(1, "competing")] * 6, *[(t, "event") for t in range(2, 6)]))
    assert (found.at(5), found.last) == (pytest.approx(0.4), math.inf)
    assert found.median().value is None
    assert found.quantile(0.25).value == 4
    nothing = aalen_johansen(of((4, "competing"), (5, "censored")))
    assert (nothing.times, nothing.at(5), nothing.median().value) == ((), 0, None)


def test_the_band_covers_the_true_incidence_as_often_as_it_says():
    """Rates 1 and ½, budgets uniform between ½ and 2: F(t) = ⅔ (1 − exp(−3t/2))."""
    stream = np.random.default_rng(8)
    truth, time, held, trials = 2 / 3 * (1 - math.exp(-1.2)), 0.8, 0, 300
    for _ in range(trials):
        event, other = stream.exponential(1, 40), stream.exponential(2, 40)
        budget = stream.uniform(0.5, 2, 40)
        first = np.minimum(np.minimum(event, other), budget)
        codes = np.where(first == budget, 0, np.where(first == event, 1, 2))
        found = aalen_johansen(of(*((t, KINDS[c]) for t, c in zip(first, codes, strict=True))))
        low, high = found.band()[sum(t <= time for t in found.times) - 1]
        held += low <= truth <= high
    assert 0.92 <= held / trials <= 0.985


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: aalen_johansen([]), "`endings` must be at least one, got 0."),
        (
            lambda: Ending(time=-1, kind="event"),
            "`time` must be at least 0 and finite, got -1.",
        ),
        (
            lambda: Ending(time=math.inf, kind="competing"),
            "`time` must be at least 0 and finite, got inf.",
        ),
        (
            lambda: aalen_johansen(of((1, "event"))).quantile(1.0),
            "`share` must be between 0 and 1, both excluded, got 1.0.",
        ),
    ],
)
def test_bad_input_gets_one_line(make, complaint: str):
    with pytest.raises(SettingError) as error:
        make()
    assert str(error.value) == complaint
