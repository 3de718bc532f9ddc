"""Overlap, Jaccard and the effective dimension against loops, and in planted pathways."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokscope.core.errors import SettingError
from grokscope.llm.pairs import sampled_pairs
from grokscope.llm.sharing import (
    cross_overlap,
    effective_dimension,
    mean_cosine,
    mean_overlap,
    weighted_jaccard,
)
from llm.planted import drawn, pathways, unseen
from reference.pathway_measures import slow_cosines, slow_jaccard, slow_kernel, slow_products


@given(pathways)
def test_closed_forms_are_means_over_all_pairs(weights):
    assert mean_overlap(weights).values == pytest.approx(slow_products(weights), abs=1e-9)
    assert mean_cosine(weights).values == pytest.approx(slow_cosines(weights), abs=1e-9)


@given(pathways)
def test_jaccard_is_that_of_the_slow_reference(weights):
    pairs = sampled_pairs(weights.shape[1], 99, 0)
    expected = [slow_jaccard(weights, i, j) for i, j in pairs.tolist()]
    assert weighted_jaccard(weights, pairs) == pytest.approx(expected, abs=1e-9)


@given(pathways, st.sampled_from([0.01, 1.0, 10.0]))
def test_the_effective_dimension_is_the_trace_of_the_formula(weights, ridge: float):
    kernel = np.array(slow_kernel(weights))
    inverse = np.linalg.inv(kernel + ridge * np.eye(len(kernel)))
    expected = float(np.trace(kernel @ inverse))
    assert effective_dimension(weights, ridge) == pytest.approx(expected, abs=1e-9)


def test_both_sides_of_the_kernel_give_the_same():
    """Forty samples of 2 · 3 weights take the smaller side, and so do 4 of 2 · 30."""
    for shape in ((2, 40, 3), (2, 4, 30)):
        weights = drawn(0, shape)
        flat = weights.swapaxes(0, 1).reshape(shape[1], -1) / np.sqrt(2)
        kernel = flat @ flat.T
        expected = np.trace(kernel @ np.linalg.inv(kernel + 0.1 * np.eye(len(kernel))))
        assert effective_dimension(weights, 0.1) == pytest.approx(float(expected), abs=1e-9)


@given(pathways)
def test_all_are_within_their_bounds(weights):
    experts = weights.shape[2]
    pairs = sampled_pairs(weights.shape[1], 99, 0)
    flat = np.full((1, 2, experts), 1 / experts)
    assert mean_overlap(flat).values == pytest.approx([1 / experts])
    for values in (mean_overlap(weights).values, mean_cosine(weights).values):
        assert ((values >= 0) & (values <= 1 + 1e-12)).all()
    jaccard = weighted_jaccard(weights, pairs)
    assert ((jaccard >= 0) & (jaccard <= 1)).all()
    dimension = effective_dimension(weights, 0.1)
    assert 0 < dimension <= min(weights.shape[1], weights.shape[0] * experts)


def test_identical_samples_overlap_by_their_squared_norm():
    weights = np.repeat(drawn(1, (3, 1, 8)), 5, axis=1)
    assert mean_overlap(weights).values == pytest.approx((weights[:, 0] ** 2).sum(-1))
    assert mean_cosine(weights).mean == pytest.approx(1)
    assert weighted_jaccard(weights, sampled_pairs(5, 9, 0)) == pytest.approx(1)
    squared = float((weights[:, 0] ** 2).sum()) / 3
    assert effective_dimension(weights, 1.0) == pytest.approx(5 * squared / (5 * squared + 1))


def test_samples_with_experts_of_their_own_share_nothing():
    weights = np.eye(6)[None].repeat(2, axis=0)
    assert mean_overlap(weights).mean == mean_cosine(weights).mean == 0
    assert weighted_jaccard(weights, sampled_pairs(6, 99, 0)).max() == 0
    assert effective_dimension(weights, 1.0) == pytest.approx(6 / 2)


def test_sharper_routing_raises_the_overlap_of_samples_that_share_nothing_new():
    flat, sharp = drawn(2, (4, 200, 16), spread=0.2), drawn(2, (4, 200, 16), spread=2)
    assert sharp.max() > 0.9
    assert mean_cosine(flat).mean > 0.9 > 0.5 > mean_cosine(sharp).mean
    shared = drawn(3, (4, 200, 16), spread=0.2, common=2)
    assert mean_overlap(shared).mean > 2 * mean_overlap(flat).mean
    assert effective_dimension(shared, 1.0) < effective_dimension(sharp, 1.0)


def test_unseen_samples_are_left_out_and_counted():
    weights = drawn(4)
    seen, holed = np.delete(weights, [1, 5], axis=1), unseen(weights, 1, 5)
    for measure in (mean_overlap, mean_cosine):
        assert (measure(holed).values == measure(seen).values).all()
        assert (measure(holed).samples, measure(holed).left_out) == (4, 2)
    assert effective_dimension(holed, 1.0) == effective_dimension(seen, 1.0)
    pairs = sampled_pairs(6, 99, 0)
    lost = np.isin(pairs, [1, 5]).any(1)
    assert (np.isnan(weighted_jaccard(holed, pairs)) == lost).all()


@pytest.mark.parametrize("count", [0, 1])
def test_of_fewer_than_two_samples_nothing_is_known(count: int):
    weights = drawn(5)[:, :count]
    for measure in (mean_overlap, mean_cosine):
        assert np.isnan(measure(weights).values).all()
        assert measure(weights).samples == count
    assert np.isnan(effective_dimension(weights, 1.0))
    assert len(weighted_jaccard(weights, sampled_pairs(count, 9, 0))) == 0


def test_two_groups_overlap_by_the_mean_over_pairs_across():
    first, second = drawn(6, (3, 4, 5)), unseen(drawn(7, (3, 6, 5)), 2)
    seen = np.delete(second, 2, axis=1)
    expected = np.einsum("lik,ljk->l", first, seen) / 20
    found = cross_overlap(first, second)
    assert found.values == pytest.approx(expected)
    assert (found.samples, found.left_out) == (9, 1)
    assert np.isnan(cross_overlap(first, second[:, :0]).values).all()


def test_many_pairs_are_compared_in_blocks_that_do_not_show():
    weights = drawn(8, (16, 100, 64))
    pairs = sampled_pairs(100, 4_500, 0)
    some = pairs[[0, 1_952, 1_953, 1_954, 4_499]]
    found = weighted_jaccard(weights, pairs)[[0, 1_952, 1_953, 1_954, 4_499]]
    assert found == pytest.approx([slow_jaccard(weights, i, j) for i, j in some.tolist()])


def test_bad_input_gets_one_line():
    with pytest.raises(SettingError, match="`ridge` must be above 0, got 0"):
        effective_dimension(drawn(0), 0.0)
    with pytest.raises(SettingError, match=r"`second` must be of layers and experts \(3, 5\)"):
        cross_overlap(drawn(0), drawn(0, (3, 6, 4)))
