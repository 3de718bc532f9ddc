"""Curvature, hypotheses about exponents, and the naive regressions."""

import math

import numpy as np
import pytest
from scipy import stats

from grokscope.core.errors import SettingError
from grokscope.statistics import (
    NEVER,
    Runs,
    Wait,
    accelerated_failure,
    compare_exponents,
    curvature,
    naive_slopes,
)


def simulated(*, bend: float = 0.0, seeds: int = 40, stream: int = 0, budget: float = 9.5) -> Runs:
    """Ln T = 8 − 0.86 x + bend · x², with the slowest beyond the budget."""
    draws = np.random.default_rng(stream)
    x = np.tile(np.log([0.1, 0.3, 1.0, 3.0, 10.0]), seeds)
    log_time = 8 - 0.86 * x + bend * x**2 + 0.5 * draws.normal(size=len(x))
    times, limit = np.exp(log_time).tolist(), math.exp(budget)
    return Runs(
        waits=[Wait.of(t) if t < limit else Wait.beyond(limit) for t in times],
        covariates={"decay": x.tolist()},
        seeds=[i // 5 for i in range(len(x))],
    )


def test_a_bend_is_found_with_its_size():
    found = curvature(accelerated_failure(simulated(bend=0.15)), "decay")
    assert found.is_bent
    assert found.p < 1e-6
    assert found.coefficient.low < 0.15 < found.coefficient.high
    assert found.wald.low < 0.15 < found.wald.high


def test_with_the_centred_square_the_slope_is_that_in_the_middle():
    """Of ln T = 8 − 0.86 x + 0.15 x² at the mean of x, wherever the origin is."""
    runs = simulated(bend=0.15)
    moved = Runs(
        waits=runs.waits,
        covariates={"decay": [x + 3 for x in runs.covariates["decay"]]},
        seeds=runs.seeds,
    )
    one, other = (curvature(accelerated_failure(own), "decay") for own in (runs, moved))
    assert one.bent.coefficients["decay"].value == pytest.approx(-0.86, abs=0.1)
    for name in ("decay", "decay²"):
        assert other.bent.coefficients[name].low == pytest.approx(one.bent.coefficients[name].low)


@pytest.mark.slow
def test_a_straight_line_is_called_bent_as_often_as_it_should_be():
    tests = [
        curvature(accelerated_failure(simulated(seeds=10, stream=i)), "decay") for i in range(60)
    ]
    assert 0.01 <= np.mean([test.is_bent for test in tests]) <= 0.10
    assert stats.kstest([test.p for test in tests], "uniform").pvalue > 0.01


def test_the_p_value_is_that_of_the_likelihoods():
    fit = accelerated_failure(simulated(bend=0.05, stream=1))
    found = curvature(fit, "decay")
    gain = 2 * (found.bent.log_likelihood - fit.log_likelihood)
    assert found.p == pytest.approx(stats.chi2.sf(gain, 1))
    assert found.bent.aic - fit.aic == pytest.approx(2 - gain)


def test_of_published_exponents_the_true_one_stays():
    fit = accelerated_failure(simulated())
    found = compare_exponents(fit, "decay", {"inverse": -1, "between": -0.86, "flat": -0.64})
    assert [hypothesis.is_inside for hypothesis in found.values()] == [False, True, False]
    assert found["between"].p > 0.05
    assert found["inverse"].p < 0.01
    assert found["flat"].p < 1e-6
    assert found["between"].delta_aic == 0
    assert found["flat"].delta_aic > found["inverse"].delta_aic > 5
    gain = 2 * (fit.log_likelihood - found["inverse"].log_likelihood)
    assert found["inverse"].p == pytest.approx(stats.chi2.sf(gain, 1))


def test_the_fitted_value_as_hypothesis_loses_nothing():
    for cure in (None, []):
        fit = accelerated_failure(simulated(), cure=cure)
        own = compare_exponents(fit, "decay", {"own": fit.coefficients["decay"].value})["own"]
        assert own.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-6)
        assert own.p > 0.999
        assert own.delta_aic == 0


def test_a_given_coefficient_is_an_offset():
    """Fixing β divides the times by x^β: the rest is a fit of an intercept."""
    runs = simulated()
    fixed = accelerated_failure(runs).with_fixed("decay", -1)
    pairs = list(zip(runs.waits, runs.covariates["decay"], strict=True))
    waits = [Wait(w.least * math.exp(x), w.most * math.exp(x)) for w, x in pairs]
    alone = accelerated_failure(Runs(waits=waits, covariates={}, seeds=runs.seeds))
    assert fixed.coefficients["intercept"].value == pytest.approx(
        alone.coefficients["intercept"].value, abs=1e-6
    )
    assert fixed.scale.value == pytest.approx(alone.scale.value, rel=1e-6)
    shift = sum(x for w, x in pairs if w.was_seen)  # densities per unit of another time
    assert fixed.log_likelihood == pytest.approx(alone.log_likelihood + shift, abs=1e-6)
    assert list(fixed.coefficients) == ["intercept"]


def test_two_coefficients_may_be_given():
    runs = simulated()
    other = np.random.default_rng(1).normal(size=len(runs.waits)).tolist()
    runs = Runs(waits=runs.waits, covariates={**runs.covariates, "width": other})
    fit = accelerated_failure(runs)
    both = fit.with_fixed("decay", -1).with_fixed("width", 0.1)
    assert list(both.coefficients) == ["intercept"]
    assert both.log_likelihood < fit.with_fixed("decay", -1).log_likelihood < fit.log_likelihood
    assert curvature(fit.with_fixed("width", 0.1), "decay").bent.fixed == {"width": 0.1}


def test_naive_regressions_are_scipys():
    runs = simulated()
    found = naive_slopes(runs)
    pairs = list(zip(runs.covariates["decay"], runs.waits, strict=True))
    for own, kept in (
        (found.finished, [(x, w) for x, w in pairs if w.was_seen]),
        (found.budgets_as_times, pairs),
    ):
        theirs = stats.linregress([x for x, _ in kept], [math.log(w.least) for _, w in kept])
        interval = own.coefficients["decay"]
        half = stats.t.ppf(0.975, len(kept) - 2) * theirs.stderr
        expected = (theirs.slope, theirs.slope - half, theirs.slope + half)
        assert (interval.value, interval.low, interval.high) == pytest.approx(expected)
        assert own.r_squared == pytest.approx(theirs.rvalue**2)
        assert own.count == len(kept)


def test_naive_regressions_take_the_step_at_which_it_was_noticed_and_no_diverged_run():
    ends = [1.0, 2.0, 4.0, 8.0]
    waits = [Wait(0.9 * end, end) for end in ends] + [NEVER, Wait.beyond(0)]
    x = [*map(math.log, ends), 9.0, 5.0]
    found = naive_slopes(Runs(waits=waits, covariates={"x": x}))
    for own in (found.finished, found.budgets_as_times):
        assert own.count == 4
        assert own.coefficients["x"].value == pytest.approx(1)
        assert own.coefficients["intercept"].value == pytest.approx(0, abs=1e-9)
        assert own.r_squared == pytest.approx(1)


def few(*values: float) -> Runs:
    waits = [Wait.of(1.0 + i % 3) for i in range(len(values))]
    return Runs(waits=waits, covariates={"x": list(values)})


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (
            lambda: curvature(accelerated_failure(few(1.0, 2.0, 1.0, 2.0, 2.0)), "x"),
            "`x` must be at least three different values, got [1.0, 2.0].",
        ),
        (
            lambda: curvature(accelerated_failure(simulated()), "intercept"),
            "`covariate` must be one of ['decay'], got 'intercept'.",
        ),
        (
            lambda: compare_exponents(accelerated_failure(simulated()), "rate", {"inverse": -1}),
            "`covariate` must be one of ['decay'], got 'rate'.",
        ),
        (
            lambda: compare_exponents(accelerated_failure(simulated()), "decay", {}),
            "`hypotheses` must be at least one, got 0.",
        ),
        (lambda: naive_slopes(few(1.0, 2.0)), "`runs` must be more than 2 that finished, got 2."),
        (
            lambda: naive_slopes(few(2.0, 2.0, 2.0)),
            "`x` must be at least two different values, got 2.0.",
        ),
    ],
)
def test_bad_input_gets_one_line(make, complaint: str):
    with pytest.raises(SettingError) as error:
        make()
    assert str(error.value) == complaint
