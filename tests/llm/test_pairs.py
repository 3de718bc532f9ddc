"""Lists of pairs and means over them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokscope.core.errors import SettingError
from grokscope.llm.pairs import crossed_pairs, pair_mean, sampled_pairs


@given(st.integers(0, 12), st.integers(0, 80), st.integers(0, 5))
def test_pairs_are_different_unordered_and_as_many_as_asked_for(samples, count, seed):
    pairs = [tuple(pair) for pair in sampled_pairs(samples, count, seed).tolist()]
    total = samples * (samples - 1) // 2
    assert len(set(pairs)) == len(pairs) == min(count, total)
    assert all(0 <= i < j < samples for i, j in pairs)
    assert pairs == sorted(pairs)


def test_the_list_is_the_same_for_the_same_seed_only():
    first, again, other = (sampled_pairs(100, 50, seed).tolist() for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_every_pair_is_equally_likely():
    counts = np.zeros((5, 5))
    for seed in range(2_000):
        for i, j in sampled_pairs(5, 3, seed):
            counts[i, j] += 1
    found = counts[np.triu_indices(5, 1)]
    assert found.sum() == 6_000
    assert np.abs(found / 600 - 1).max() < 0.12


def test_large_sets_cost_no_memory_for_all_pairs():
    pairs = sampled_pairs(1_000_000, 1_000, 0)
    assert len(pairs) == 1_000
    assert (pairs[:, 0] < pairs[:, 1]).all()
    assert 400_000 < pairs[:, 1].mean() < 800_000


def test_crossed_pairs_have_one_end_in_each_group():
    first, second = np.array([0, 2, 4]), np.array([1, 3])
    every = crossed_pairs(first, second, 99, 0).tolist()
    assert every == [[i, j] for i in (0, 2, 4) for j in (1, 3)]
    some = crossed_pairs(first, second, 4, 0).tolist()
    assert len(some) == 4
    assert all(pair in every for pair in some)
    assert crossed_pairs(first, second[:0], 4, 0).shape == (0, 2)


def test_a_mean_over_pairs_leaves_out_what_is_unknown():
    pairs = sampled_pairs(4, 99, 0)
    values = np.array([1.0, 2.0, 3.0, np.nan, 5.0, 6.0])
    assert pair_mean(values, pairs).value == pytest.approx(17 / 5)
    nothing = pair_mean(np.full(6, np.nan), pairs)
    assert (nothing.value, nothing.low, nothing.high) == (None, None, None)
    assert pair_mean(np.zeros(0), pairs[:0]).value is None


def test_the_interval_covers_the_mean_of_the_population_where_pairs_share_samples():
    """d(i, j) = a_i + a_j: the error is that of samples, and many pairs do not make it smaller."""
    covered, by_pairs = 0, 0
    for seed in range(100):
        own = np.random.default_rng(seed).normal(size=30)
        pairs = sampled_pairs(30, 200, seed)
        values = own[pairs].sum(1)
        found = pair_mean(values, pairs)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0 <= found.high
        by_pairs += abs(values.mean()) <= 1.96 * values.std() / np.sqrt(len(values))
    assert 0.90 <= covered / 100 <= 0.99
    assert by_pairs / 100 < 0.7


def test_equal_values_leave_no_doubt():
    found = pair_mean(np.full(400, 3.0), sampled_pairs(30, 400, 0))
    assert (found.low, found.high) == (pytest.approx(3), pytest.approx(3))


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: sampled_pairs(-1, 2, 0), "`samples` must be at least 0, got -1."),
        (lambda: sampled_pairs(2, -2, 0), "`count` must be at least 0, got -2."),
        (lambda: crossed_pairs(np.arange(2), np.arange(3), -1, 0), "`count` must be at least 0"),
        (
            lambda: crossed_pairs(np.arange(3), np.arange(2, 4), 2, 0),
            "`groups` must be without a sample that is in both, got [2].",
        ),
    ],
)
def test_bad_input_gets_one_line(make, complaint: str):
    with pytest.raises(SettingError) as error:
        make()
    assert str(error.value).startswith(complaint)
