"""Resamples in blocks, and intervals of them."""

import numpy as np
import pytest

from grokscope.statistics.bootstrap import bootstrap, counts_of
from grokscope.statistics.resample import RESAMPLES


@pytest.mark.parametrize("units", [1, 7, 5_000])
def test_every_resample_draws_as_many_units_as_there_are(units: int):
    counts = list(counts_of(units))
    assert sum(len(block) for block in counts) == RESAMPLES + 1
    assert (counts[0] == 1).all()
    assert all((block.sum(1) == units).all() for block in counts)
    assert max(block.size for block in counts) <= 2_000_000


def test_counts_are_those_of_draws_with_replacement():
    counts = np.concatenate(list(counts_of(6))[1:])
    assert counts.mean(0) == pytest.approx(np.ones(6), abs=0.1)
    assert counts.var(0) == pytest.approx(np.full(6, 5 / 6), abs=0.1)


def test_the_interval_of_a_mean_is_about_students():
    values = np.random.default_rng(0).normal(size=40)
    found = bootstrap(40, lambda counts: counts @ values / 40)
    reach = 2.02 * values.std(ddof=1) / np.sqrt(40)
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - reach, abs=0.05)
    assert found.high == pytest.approx(values.mean() + reach, abs=0.05)
    assert found == bootstrap(40, lambda counts: counts @ values / 40)
    assert found != bootstrap(40, lambda counts: counts @ values / 40, "something else")


def test_resamples_that_say_nothing_are_left_out():
    """The mean of the first unit only, which a third of resamples lacks."""

    def first(counts):
        return np.where(counts[:, 0] > 0, 3.0, np.nan)

    found = bootstrap(5, first)
    assert (found.value, found.low, found.high) == (3, 3, 3)


def test_of_few_units_there_is_no_interval_or_no_value():
    one = bootstrap(1, lambda counts: counts[:, 0] * 4)
    assert (one.value, one.low, one.high) == (4, None, None)
    assert bootstrap(0, lambda counts: counts.sum(1)).value is None
    unknown = bootstrap(3, lambda counts: np.full(len(counts), np.nan))
    assert (unknown.value, unknown.low) == (None, None)
    assert bootstrap(1, lambda counts: counts[:, 0] * np.nan).value is None
