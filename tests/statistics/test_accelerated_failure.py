"""Exponents under censoring: against scipy run by run, lifelines, simulated truths and laws."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grokscope.core.errors import SettingError
from grokscope.statistics import (
    NEVER,
    Runs,
    Wait,
    accelerated_failure,
    naive_slopes,
)
from grokscope.statistics.latency import log_likelihoods
from grokscope.statistics.likelihood import likelihood_of
from reference.accelerated import slow_jeffreys, slow_log_likelihood

FAMILIES = ("log-normal", "log-logistic")
DECAYS = (0.1, 0.3, 1.0, 3.0, 10.0)
every_family = pytest.mark.parametrize("family", FAMILIES)


def simulated(
    *,
    seeds: int,
    exponent: float = -0.86,
    spread: float = 0.5,
    shared: float = 0.0,
    budget: float = math.inf,
    step: float = 0.0,
    stream: int = 0,
    family: str = "log-normal",
) -> Runs:
    """Runs of every seed at every decay; seen, or between evaluations that are log-spaced."""
    draws = np.random.default_rng(stream)
    waits, decays, own = [], [], []
    for seed in range(seeds):
        common = shared * draws.normal()
        for decay in DECAYS:
            noise = draws.normal() if family == "log-normal" else draws.logistic()
            log_time = 8 + exponent * math.log(decay) + common + spread * noise
            waits.append(watched(math.exp(log_time), budget, step))
            decays.append(decay)
            own.append(seed)
    return Runs.of_settings(waits, {"decay": decays}, own)


def watched(time: float, budget: float, step: float) -> Wait:
    if time > budget:
        return Wait.beyond(budget)
    if step == 0:
        return Wait.of(time)
    place = math.floor(math.log(time) / step)
    return Wait(math.exp(place * step), min(math.exp((place + 1) * step), budget))


def value(fit, name: str = "decay") -> float:
    return fit.coefficients[name].value


@every_family
def test_the_log_likelihood_is_that_of_scipys_distributions(family: str):
    for step in (0.0, 0.3):
        runs = simulated(seeds=4, budget=9000.0, step=step)
        fit = accelerated_failure(runs, family)
        locations = [value(fit, "intercept") + value(fit) * x for x in runs.covariates["decay"]]
        slow = slow_log_likelihood(family, runs.waits, locations, fit.scale.value)
        assert fit.log_likelihood == pytest.approx(slow, abs=1e-8)
        assert fit.aic == pytest.approx(6 - 2 * slow)
        for move in (-0.02, 0.02):
            steeper = [eta + move * x for eta, x in zip(locations, runs.covariates["decay"])]  # noqa: B905
            for worse, scale in (
                ([eta + move for eta in locations], fit.scale.value),
                (steeper, fit.scale.value),
                (locations, fit.scale.value * (1 + move)),
            ):
                assert slow_log_likelihood(family, runs.waits, worse, scale) < slow


@every_family
def test_the_cured_log_likelihood_is_that_of_scipys_distributions(family: str):
    runs = simulated(seeds=6, budget=9000.0, step=0.2)
    waits = [NEVER if i % 7 == 3 else wait for i, wait in enumerate(runs.waits)]
    runs = Runs(waits=waits, covariates=runs.covariates, seeds=runs.seeds)
    fit = accelerated_failure(runs, family, cure=["decay"])
    xs = runs.covariates["decay"]

    def slow(shift: float = 0.0, tilt: float = 0.0, later: float = 0.0) -> float:
        odds = fit.odds["intercept"].value + shift, fit.odds["decay"].value + tilt
        shares = [1 / (1 + math.exp(-odds[0] - odds[1] * x)) for x in xs]
        locations = [value(fit, "intercept") + later + value(fit) * x for x in xs]
        found = slow_log_likelihood(family, waits, locations, fit.scale.value, shares)
        return found + slow_jeffreys([(1.0, x) for x in xs], shares)

    centred = [x - np.mean(xs) for x in xs]
    constant = 0.5 * math.log(np.var(centred))  # of the standardised covariate's determinant
    assert fit.peak.penalised == pytest.approx(slow() - constant, abs=1e-7)
    for move in (-0.05, 0.05):
        assert slow(shift=move) < slow()
        assert slow(tilt=move) < slow()
        assert slow(later=move) < slow()


bounds = st.tuples(st.floats(-30, 30), st.floats(1e-3, 10)).map(lambda p: (p[0], p[0] + p[1]))
contributions = (
    bounds
    | st.floats(-30, 30).map(lambda x: (x, x))
    | st.floats(-30, 30).map(lambda x: (x, math.inf))
    | st.floats(-30, 30).map(lambda x: (-math.inf, x))
)


@every_family
@settings(max_examples=60)
@given(between=contributions, location=st.floats(-3, 3), log_scale=st.floats(-1, 1.5))
def test_derivatives_are_those_of_the_value(family, between, location, log_scale):
    low, high = (np.array([end]) for end in between)

    def of(eta: float, scale: float) -> list[float]:
        with np.errstate(all="ignore"):
            parts = log_likelihoods(family, (low, high), low == high, np.array([eta]), scale)
        return [float(part[0]) for part in parts]

    h = 1e-5
    found, by_location, by_scale = of(location, log_scale)
    assert math.isfinite(found)
    slope = (of(location + h, log_scale)[0] - of(location - h, log_scale)[0]) / (2 * h)
    assert by_location == pytest.approx(slope, rel=1e-4, abs=1e-4)
    slope = (of(location, log_scale + h)[0] - of(location, log_scale - h)[0]) / (2 * h)
    assert by_scale == pytest.approx(slope, rel=1e-4, abs=1e-4)


@every_family
def test_far_tails_mirror(family: str):
    """Far left survival is 1 to the last digit, and its differences must not be lost."""
    none = np.array([0.0])

    def of(low: float, high: float) -> list[float]:
        with np.errstate(all="ignore"):
            bounds = np.array([low]), np.array([high])
            parts = log_likelihoods(family, bounds, none > 0, none, 0.0)
        return [float(part[0]) for part in parts]

    left, right = of(-801.0, -800.0), of(800.0, 801.0)
    assert left == pytest.approx([right[0], -right[1], right[2]])
    assert left[0] < -700


def test_derivatives_of_a_cured_likelihood_are_those_of_the_value():
    runs = simulated(seeds=3, budget=5000.0, step=0.2)
    waits = [NEVER if i % 5 == 0 else wait for i, wait in enumerate(runs.waits)]
    columns = runs.columns(["decay"])
    likelihood = likelihood_of("log-normal", waits, columns, columns, np.zeros(len(waits)))
    theta = np.array([0.3, -0.4, -0.2, 0.7, 0.5])
    with np.errstate(all="ignore"):
        slopes = [
            (likelihood.penalised(theta + m)[0] - likelihood.penalised(theta - m)[0]) / 2e-6
            for m in 1e-6 * np.eye(5)
        ]
        assert likelihood.penalised(theta)[1] == pytest.approx(slopes, abs=1e-6)


@every_family
@pytest.mark.parametrize("step", [0.0, 0.25], ids=["seen", "between"])
def test_it_agrees_with_lifelines(family: str, step: float):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lifelines = pytest.importorskip("lifelines")
        pandas = pytest.importorskip("pandas")
        runs = simulated(seeds=40, budget=9000.0, step=step, stream=1, family=family)
        table = pandas.DataFrame({"decay": runs.covariates["decay"]})
        table["least"] = [w.least for w in runs.waits]
        table["most"] = [w.most for w in runs.waits]
        table["seen"] = [int(w.was_seen) for w in runs.waits]
        theirs = {
            "log-normal": lifelines.LogNormalAFTFitter,
            "log-logistic": lifelines.LogLogisticAFTFitter,
        }[family]()
        if step:
            theirs.fit_interval_censoring(table, "least", "most", event_col="seen")
        else:
            theirs.fit(table.drop(columns="most"), "least", event_col="seen")
    location, scale = ("mu_", "sigma_") if family == "log-normal" else ("alpha_", "beta_")
    sign = 1 if family == "log-normal" else -1
    fit = accelerated_failure(runs, family)
    assert value(fit) == pytest.approx(theirs.params_[location]["decay"], abs=1e-3)
    intercept = theirs.params_[location]["Intercept"]
    assert value(fit, "intercept") == pytest.approx(intercept, abs=1e-3)
    log_scale = sign * theirs.params_[scale]["Intercept"]
    assert math.log(fit.scale.value) == pytest.approx(log_scale, abs=1e-3)
    assert fit.log_likelihood == pytest.approx(theirs.log_likelihood_, abs=1e-3)
    error = theirs.standard_errors_[location]["decay"]
    half = (fit.wald["decay"].high - fit.wald["decay"].low) / 2
    assert half == pytest.approx(1.959964 * error, rel=1e-2)


def test_without_censoring_it_is_least_squares():
    runs = simulated(seeds=10)
    fit, naive = accelerated_failure(runs), naive_slopes(runs).finished
    for name in ("intercept", "decay"):
        assert value(fit, name) == pytest.approx(naive.coefficients[name].value, abs=1e-7)
    assert (fit.seen, fit.censored, fit.never, fit.seeds) == (50, 0, 0, 10)


@every_family
def test_it_recovers_an_exponent_where_least_squares_is_biased(family: str):
    """Some 40 % are censored, all of them slow."""
    runs = simulated(seeds=120, spread=0.7, budget=4000.0, step=0.1, stream=2, family=family)
    fit, naive = accelerated_failure(runs, family), naive_slopes(runs)
    assert 0.35 < fit.censored / 600 < 0.5
    assert value(fit) == pytest.approx(-0.86, abs=0.06)
    assert naive.finished.coefficients["decay"].value > -0.7
    assert naive.budgets_as_times.coefficients["decay"].value > -0.7
    assert naive.finished.coefficients["decay"].low > -0.86
    assert fit.coefficients["decay"].low < -0.86 < fit.coefficients["decay"].high


@pytest.mark.slow
def test_intervals_cover_as_often_as_they_say():
    held, naive = 0, 0
    for stream in range(100):
        runs = simulated(seeds=12, spread=0.5, shared=0.5, budget=6000.0, stream=stream)
        interval = accelerated_failure(runs).coefficients["decay"]
        held += interval.low < -0.86 < interval.high
        biased = naive_slopes(runs).finished.coefficients["decay"]
        naive += biased.low < -0.86 < biased.high
    assert 0.90 <= held / 100 <= 0.98
    assert naive / 100 < 0.6


def test_what_seeds_share_widens_the_intercept_and_not_the_exponent():
    """All of a seed's runs move together: its seeds are few, its contrasts are not."""
    fit = accelerated_failure(simulated(seeds=12, spread=0.2, shared=1.0, stream=4))
    clustered = {n: (i.high - i.low) for n, i in fit.coefficients.items()}
    independent = {n: (i.high - i.low) for n, i in fit.wald.items()}
    assert clustered["intercept"] > 1.5 * independent["intercept"]
    assert clustered["decay"] < 0.5 * independent["decay"]


def test_one_seed_has_no_clustered_interval():
    fit = accelerated_failure(simulated(seeds=1, stream=3))
    assert (fit.coefficients["decay"].low, fit.coefficients["decay"].high) == (None, None)
    assert fit.scale.low is None
    assert fit.wald["decay"].low < value(fit) < fit.wald["decay"].high


def test_a_run_that_diverged_is_left_out_and_counted_or_cured():
    runs = simulated(seeds=10, budget=9000.0)
    more = Runs(
        waits=[*runs.waits, NEVER, NEVER],
        covariates={"decay": [*runs.covariates["decay"], 4.0, 4.0]},
        seeds=[*runs.seeds, 0, 1],
    )
    fit, wider = accelerated_failure(runs), accelerated_failure(more)
    assert wider.coefficients == fit.coefficients
    assert (fit.never, wider.never) == (0, 2)
    assert (wider.seen, wider.censored) == (fit.seen, fit.censored)
    assert accelerated_failure(more, cure=[]).odds["intercept"].value < 4


def test_a_cured_share_is_recovered():
    draws = np.random.default_rng(7)
    x = np.log(draws.choice(DECAYS, 800))
    groks = draws.random(800) < 1 / (1 + np.exp(-(0.8 + 0.7 * x)))
    times = np.exp(8 - 0.86 * x + 0.5 * draws.normal(size=800))
    waits = [
        watched(t, 40_000.0, 0.1) if is_grokking else Wait.beyond(40_000.0)
        for t, is_grokking in zip(times.tolist(), groks.tolist(), strict=True)
    ]
    runs = Runs(waits=waits, covariates={"decay": x.tolist()})
    fit, uncured = accelerated_failure(runs, cure=["decay"]), accelerated_failure(runs)
    for name, truth in (("intercept", 0.8), ("decay", 0.7)):
        assert fit.odds[name].low < truth < fit.odds[name].high
        assert fit.odds[name].value == pytest.approx(truth, abs=0.2)
    assert value(fit) == pytest.approx(-0.86, abs=0.05)
    assert fit.scale.value == pytest.approx(0.5, abs=0.05)
    assert fit.aic < uncured.aic - 100
    assert abs(value(uncured) + 0.86) > 0.1


def test_where_all_grok_or_a_covariate_separates_the_cured_the_odds_stay_finite():
    runs = simulated(seeds=10)
    assert 3 < accelerated_failure(runs, cure=[]).odds["intercept"].value < 8
    separated = [
        Wait.beyond(1e9) if x < math.log(0.2) else wait
        for wait, x in zip(runs.waits, runs.covariates["decay"], strict=True)
    ]
    runs = Runs(waits=separated, covariates=runs.covariates)
    odds = accelerated_failure(runs, cure=["decay"]).odds["decay"]
    assert 1 < odds.value < 20


scales = st.floats(-5, 5).map(math.exp)


@settings(max_examples=15)
@given(factor=scales, unit=scales, shift=st.floats(-20, 20))
def test_units_change_what_they_should_and_nothing_else(factor: float, unit: float, shift: float):
    """Time · c adds ln c to the intercept; x → (x − a)/u multiplies its coefficient by u."""
    runs = simulated(seeds=6, budget=6000.0, step=0.2)
    x = runs.covariates["decay"]
    other = Runs(
        waits=[Wait(w.least * factor, w.most * factor) for w in runs.waits],
        covariates={"decay": [(value - shift) / unit for value in x]},
        seeds=runs.seeds,
    )
    fit, moved = accelerated_failure(runs), accelerated_failure(other)
    ends = [fit.coefficients["decay"].low * unit, fit.coefficients["decay"].high * unit]
    found = [moved.coefficients["decay"].low, moved.coefficients["decay"].high]
    assert found == pytest.approx(ends, rel=1e-5)
    intercept = value(fit, "intercept") + value(fit) * shift + math.log(factor)
    assert value(moved, "intercept") == pytest.approx(intercept, abs=1e-5)
    assert moved.scale.value == pytest.approx(fit.scale.value, rel=1e-6)
    assert moved.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-6)


@settings(max_examples=10)
@given(st.permutations(range(30)))
def test_order_does_not_matter(order: list[int]):
    runs = simulated(seeds=6, budget=6000.0, step=0.2)
    mixed = Runs(
        waits=[runs.waits[i] for i in order],
        covariates={"decay": [runs.covariates["decay"][i] for i in order]},
        seeds=[runs.seeds[i] for i in order],
    )
    fit, other = accelerated_failure(runs), accelerated_failure(mixed)
    assert other.coefficients["decay"].low == pytest.approx(fit.coefficients["decay"].low)


def test_a_wait_of_which_nothing_is_known_adds_nothing():
    runs = simulated(seeds=5, budget=6000.0)
    more = Runs(
        waits=[*runs.waits, Wait.beyond(0)], covariates={"decay": [*runs.covariates["decay"], 0.0]}
    )
    fit, wider = accelerated_failure(runs), accelerated_failure(more)
    assert wider.log_likelihood == pytest.approx(fit.log_likelihood)
    assert value(wider) == pytest.approx(value(fit))


def runs_of(waits: list[Wait], *values: float, **more: list[float]) -> Runs:
    return Runs(waits=waits, covariates={"x": list(values), **more})


SIX = [Wait.of(t) for t in (3.0, 2.0, 5.0, 1.0, 4.0, 2.0)]
NO_MAXIMUM = "`runs` must be such that the likelihood has a maximum at finite coefficients, got"


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: runs_of([]), "`waits` must be at least one, got 0."),
        (lambda: runs_of(SIX, 1.0), "`x` must be one for each of 6 runs, got 1."),
        (lambda: runs_of([Wait.of(0)], 1.0), "`waits` must be above 0 where they were seen"),
        (lambda: runs_of([Wait.of(1)], math.nan), "`x` must be finite, got nan."),
        (
            lambda: Runs(waits=SIX, covariates={}, seeds=[1]),
            "`seeds` must be one for each of 6 runs, got 1.",
        ),
        (
            lambda: Runs(waits=[Wait.of(1)], covariates={"intercept": [1.0]}),
            "`covariates` must be called other than 'intercept'",
        ),
        (
            lambda: Runs.of_settings([Wait.of(1)], {"decay": [0.0]}),
            "`decay` must be above 0, got 0.0.",
        ),
        (
            lambda: accelerated_failure(runs_of(SIX, *[2.0] * 6)),
            "`x` must be at least two different values, got 2.0.",
        ),
        (
            lambda: accelerated_failure(
                runs_of([*SIX[:5], NEVER], 2.0, 2.0, 2.0, 2.0, 2.0, 7.0), cure=["x"]
            ),
            "`x` must be at least two different values, got 2.0.",
        ),
        (
            lambda: accelerated_failure(
                runs_of(SIX, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0, y=[2.0, 4.0, 6.0, 2.0, 4.0, 6.0])
            ),
            "`covariates` must be such that none follows from the others, got ['x', 'y'].",
        ),
        (
            lambda: accelerated_failure(runs_of([NEVER] * 2, 1.0, 2.0)),
            "`waits` must be some that did not diverge, got 2.",
        ),
        (
            lambda: accelerated_failure(runs_of(SIX, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0), cure=["y"]),
            "`covariate` must be one of ['x'], got 'y'.",
        ),
    ],
)
def test_bad_input_gets_one_line(make, complaint: str):
    with pytest.raises(SettingError) as error:
        make()
    assert str(error.value).startswith(complaint)


@every_family
@pytest.mark.parametrize(
    "waits",
    [
        [Wait.beyond(9)] * 6,
        [*SIX[:3], *[Wait.beyond(9)] * 3],
        [Wait(1.0, 2.0)] * 3 + [Wait(3.0, 4.0)] * 3,
        [Wait.of(2)] * 3 + [Wait.of(3)] * 3,
    ],
    ids=["all censored", "separated", "one cell each", "no spread"],
)
def test_no_maximum_is_an_error_and_no_large_number(family: str, waits: list[Wait]):
    with pytest.raises(SettingError) as error:
        accelerated_failure(runs_of(waits, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0), family)
    assert str(error.value) == f"{NO_MAXIMUM} ['x']."
