"""The log-rank test against published cases, scipy, lifelines and a slow reference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from grokscope.core.errors import SettingError
from grokscope.statistics import NEVER, LogRank, Wait, log_rank
from reference.log_rank import slow_log_rank

wait = st.builds(
    lambda time, seen: Wait.of(time) if seen else Wait.beyond(time),
    st.integers(1, 6),
    st.booleans(),
)
some = st.lists(wait, min_size=1, max_size=5)


def waits(text: str) -> list[Wait]:
    """From times as in books, with a plus where censored."""
    return [
        Wait.beyond(float(word[:-1])) if word.endswith("+") else Wait.of(float(word))
        for word in text.split()
    ]


REMISSION = {
    "6-MP": waits(
        "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+",
    ),
    "placebo": waits("1 1 2 2 3 4 4 5 5 8 8 8 8 11 11 12 12 15 17 22 23"),
}


def test_a_published_case():
    """Freireich's leukaemia trial (Blood 21, 1963); R's survdiff: 9 and 21 observed, χ² 16.8."""
    found = log_rank(REMISSION)
    assert found.observed == {"6-MP": 9, "placebo": 21}
    assert found.expected == pytest.approx({"6-MP": 19.25, "placebo": 10.75}, abs=5e-3)
    assert (found.statistic, found.degrees) == (pytest.approx(16.793, abs=5e-4), 1)
    assert found.p_value == pytest.approx(4.17e-5, rel=5e-3)


def test_a_published_case_with_strata():
    """R's survdiff(Surv(time, status) ~ pat.karno + strata(inst), data=lung), in its manual."""
    datasets = pytest.importorskip("lifelines.datasets")
    rows = datasets.load_lung().dropna(subset=["pat.karno", "inst"])
    groups: dict[str, list[Wait]] = {}
    strata: dict[str, list[int]] = {}
    for _, row in rows.iterrows():
        name, time = f"{row['pat.karno']:g}", float(row["time"])
        groups.setdefault(name, []).append(
            Wait.of(time) if int(row["status"]) == 1 else Wait.beyond(time)
        )
        strata.setdefault(name, []).append(int(row["inst"]))
    found = log_rank(groups, strata)
    expected = {"30": 0.692, "40": 1.099, "50": 1.166, "60": 16.298, "70": 26.358}
    expected |= {"80": 41.938, "90": 47.242, "100": 26.207}
    assert found.expected == pytest.approx(expected, abs=5e-4)
    assert (found.statistic, found.degrees) == (pytest.approx(21.4, abs=0.05), 7)
    assert found.p_value == pytest.approx(0.00326, abs=5e-6)


def test_a_case_by_hand():
    """Two pairs, each a stratum. a first of 2 twice: observed 2, expected 1, variance 2 · ¼."""
    groups = {"a": waits("1 20"), "b": waits("2 30")}
    pairs = {"a": ["x", "y"], "b": ["x", "y"]}
    found = log_rank(groups, pairs)
    assert (found.observed, found.expected) == ({"a": 2, "b": 2}, {"a": 1, "b": 3})
    assert found.statistic == pytest.approx(1 / (2 / 4))
    # without strata: 2/4, 1/3, 1/2 and 0 are expected at 1, 2, 20 and 30
    expected = 2 / 4 + 1 / 3 + 1 / 2
    variance = 1 / 4 + 2 / 9 + 1 / 4
    assert log_rank(groups).statistic == pytest.approx((2 - expected) ** 2 / variance)


def _checked(found: LogRank, excess: list, covariance: list) -> None:
    """Against numpy's pseudo-inverse of exact numbers."""
    excess_, covariance_ = np.array(excess, dtype=float), np.array(covariance, dtype=float)
    inverse = np.linalg.pinv(covariance_, rcond=1e-9, hermitian=True)
    assert found.statistic == pytest.approx(excess_ @ inverse @ excess_, abs=1e-8)
    differences = [found.observed[name] - found.expected[name] for name in found.observed]
    assert differences == pytest.approx(excess_, abs=1e-9)
    assert found.degrees == np.linalg.matrix_rank(covariance_, tol=1e-9, hermitian=True)


@given(st.lists(some, min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_it_is_that_of_all_ways_to_deal_out_the_events(samples: list[list[Wait]], random):
    groups = {str(i): own for i, own in enumerate(samples)}
    strata = {name: [random.randrange(3) for _ in own] for name, own in groups.items()}
    _checked(log_rank(groups, strata), *slow_log_rank(groups, strata))
    one = {name: [0] * len(own) for name, own in groups.items()}
    _checked(log_rank(groups), *slow_log_rank(groups, one))
    assert log_rank(groups) == log_rank(groups, one)


@pytest.mark.parametrize("seed", range(3))
def test_it_is_lifelines_and_of_two_groups_scipys(seed: int):
    stream = np.random.default_rng(seed)
    times = stream.integers(1, 30, 60)
    seen = stream.random(60) < 0.7
    groups = stream.integers(3, size=60)

    def sample(group: int) -> list[Wait]:
        chosen = zip(times[groups == group], seen[groups == group], strict=True)
        return [Wait.of(float(t)) if s else Wait.beyond(float(t)) for t, s in chosen]

    two = log_rank({"a": sample(0), "b": sample(1)})
    data = [
        stats.CensoredData(uncensored=times[own & seen], right=times[own & ~seen])
        for own in (groups == 0, groups == 1)
    ]
    theirs = stats.logrank(*data)
    assert two.statistic == pytest.approx(theirs.statistic**2)
    assert two.p_value == pytest.approx(theirs.pvalue)
    statistics = pytest.importorskip("lifelines.statistics")
    expected = statistics.multivariate_logrank_test(times, groups, seen)
    three = log_rank({str(i): sample(i) for i in range(3)})
    assert three.statistic == pytest.approx(expected.test_statistic)
    assert (three.p_value, three.degrees) == (pytest.approx(expected.p_value), 2)


@given(some, some)
def test_order_names_and_the_unit_of_time_do_not_matter(first: list[Wait], second: list[Wait]):
    found = log_rank({"a": first, "b": second})
    swapped = log_rank({"b": second, "a": first[::-1]})
    slower = [[Wait(w.least * 7, w.most * 7) for w in own] for own in (first, second)]
    for other in (swapped, log_rank(dict(zip("ab", slower, strict=True)))):
        assert other.statistic == pytest.approx(found.statistic, abs=1e-9)
        assert other.observed == found.observed
    assert sum(found.observed.values()) == pytest.approx(sum(found.expected.values()))
    assert 0 <= found.p_value <= 1


def test_strata_take_out_what_networks_of_a_split_share():
    """Splits differ tenfold and the arm is always the faster: only strata show it."""
    scales = [10**i for i in range(6)]
    groups = {
        "fast": [Wait.of(s * k) for s in scales for k in (1.0, 1.1)],
        "slow": [Wait.of(s * k) for s in scales for k in (1.5, 1.6)],
    }
    splits = {name: [s for s in scales for _ in range(2)] for name in groups}
    assert log_rank(groups).p_value > 0.3
    assert log_rank(groups, splits).p_value < 1e-3


def test_what_diverges_waits_for_ever_and_is_not_merely_censored():
    """Of 8 that diverge at once none generalises; censored, nobody would have been watched."""
    healthy = [Wait.of(t) for t in range(10, 18)]
    assert log_rank({"a": healthy, "b": [NEVER] * 8}).p_value < 1e-3
    censored = log_rank({"a": healthy, "b": [Wait.beyond(1)] * 8})
    assert (censored.degrees, censored.statistic, censored.p_value) == (0, 0, 1)


def test_groups_that_were_never_at_risk_together_are_not_compared():
    nothing = log_rank({"a": [Wait.beyond(3)], "b": [Wait.beyond(4)]})
    assert (nothing.degrees, nothing.p_value) == (0, 1)
    three = log_rank({"a": waits("5 6 9"), "b": waits("7 8 8"), "c": waits("1+ 2+")})
    two = log_rank({"a": waits("5 6 9"), "b": waits("7 8 8")})
    assert (three.degrees, three.statistic) == (1, pytest.approx(two.statistic))


def test_of_groups_that_are_alike_one_in_twenty_seems_different():
    stream = np.random.default_rng(4)

    def sample() -> list[Wait]:
        times = stream.exponential(size=12).tolist()
        return [Wait.of(t) if t < 1.5 else Wait.beyond(1.5) for t in times]

    values = [log_rank({"a": sample(), "b": sample(), "c": sample()}).p_value for _ in range(300)]
    assert 0.02 < sum(p < 0.05 for p in values) / 300 < 0.09
    assert 0.4 < sum(p < 0.5 for p in values) / 300 < 0.6


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: log_rank({"a": [NEVER]}), "`groups` must be at least two, got 1."),
        (lambda: log_rank({"a": [NEVER], "b": []}), "`waits` must be at least one, got 0."),
        (
            lambda: log_rank({"a": [NEVER], "b": [Wait(1.0, 2.0)]}),
            "`waits` must be seen or right-censored, got Wait(least=1.0, most=2.0).",
        ),
        (
            lambda: log_rank({"a": [NEVER], "b": [NEVER]}, {"a": [0], "b": []}),
            "`strata` must be one for each wait of each group, got {'a': [0], 'b': []}.",
        ),
        (
            lambda: log_rank({"a": [NEVER], "b": [NEVER]}, {"a": [0]}),
            "`strata` must be one for each wait of each group, got {'a': [0]}.",
        ),
    ],
)
def test_bad_input_gets_one_line(make, complaint: str):
    with pytest.raises(SettingError) as error:
        make()
    assert str(error.value) == complaint
