"""Edit distances against the textbook's table, and what moves them."""

import sys
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokscope.core.errors import MissingExtraError
from grokscope.llm.edit_distance import layer_distances, pair_distances
from grokscope.llm.pairs import crossed_pairs, pair_mean, sampled_pairs
from grokscope.llm.pathway import layer_strings, length, published_strings, token_strings
from llm.planted import drawn, pathways, softmax, unseen
from reference.pathway_measures import slow_levenshtein


def slow(strings: list[str], pairs) -> tuple[list[float], list[float]]:
    raw = [float(slow_levenshtein(strings[i], strings[j])) for i, j in pairs]
    longer = [max(len(strings[i]), len(strings[j])) for i, j in pairs]
    return raw, [d / n for d, n in zip(raw, longer, strict=True)]


@given(pathways, st.sampled_from(["tokens", "published"]))
def test_distances_are_those_of_the_textbook(weights, form):
    pairs = sampled_pairs(weights.shape[1], 99, 0)
    strings = {"tokens": token_strings, "published": published_strings}[form](weights)
    found = pair_distances(weights, pairs, form=form)
    assert (found.raw.tolist(), found.normalized.tolist()) == slow(strings, pairs)
    assert found.length == pytest.approx(length(weights)[:, pairs].mean())
    assert found.left_out == 0


@given(pathways)
def test_layers_are_those_of_the_textbook_and_sum_to_at_least_the_whole(weights):
    pairs = sampled_pairs(weights.shape[1], 99, 0)
    found = layer_distances(weights, pairs)
    for layer, strings in enumerate(layer_strings(weights)):
        own = found.raw[layer].tolist(), found.normalized[layer].tolist()
        assert own == slow(strings, pairs)
    whole = pair_distances(weights, pairs)
    assert (found.raw.sum(0) >= whole.raw).all()
    assert found.length.mean() == pytest.approx(whole.length)
    assert ((found.normalized >= 0) & (found.normalized <= 1)).all()


@given(pathways, st.randoms(use_true_random=False))
def test_new_names_of_experts_leave_token_distances_as_they_are(weights, random):
    renamed = weights.copy()
    for layer in renamed:
        names = list(range(weights.shape[2]))
        random.shuffle(names)
        layer[:] = layer[:, names]
    pairs = sampled_pairs(weights.shape[1], 99, 0)
    for distances in (pair_distances, layer_distances):
        assert (distances(weights, pairs).raw == distances(renamed, pairs).raw).all()


def test_new_names_change_the_published_distance():
    """Twelve experts: 1 and 11 share a digit, 1 and 2 do not."""
    weights = np.zeros((1, 2, 12))
    weights[0, 0, 1] = weights[0, 1, 11] = 1
    renamed = weights[:, :, [0, 1, 11, *range(3, 11), 2]]
    pairs = sampled_pairs(2, 1, 0)
    assert pair_distances(weights, pairs, form="published").normalized.tolist() == [0.5]
    assert pair_distances(renamed, pairs, form="published").normalized.tolist() == [1.0]
    assert pair_distances(weights, pairs).raw.tolist() == [1.0]


def test_identical_samples_are_at_distance_0():
    weights = np.repeat(drawn(0, (3, 1, 8)), 5, axis=1)
    found = pair_distances(weights, sampled_pairs(5, 99, 0))
    assert found.raw.tolist() == found.normalized.tolist() == [0.0] * 10


def test_an_expert_of_one_layer_is_not_that_of_the_next():
    """The same route one layer later: digits align across layers, at two edits for each end."""
    weights = np.zeros((6, 2, 7))
    weights[:, 0], weights[:, 1] = np.eye(7)[:6], np.eye(7)[1:]
    pairs = sampled_pairs(2, 1, 0)
    assert pair_distances(weights, pairs, form="published").raw.tolist() == [4.0]
    assert pair_distances(weights, pairs).raw.tolist() == [6.0]


def test_sharper_logits_lower_the_raw_distance_and_hardly_the_normalized_one():
    """The length confound: nothing about sharing has changed, only how many experts are kept."""
    stream = np.random.default_rng(0)
    logits = stream.normal(size=(16, 1, 64)) + stream.normal(size=(16, 60, 64))
    pairs = sampled_pairs(60, 300, 0)
    flat, sharp = (pair_distances(softmax(scale * logits), pairs) for scale in (0.5, 2.0))
    assert flat.raw.mean() > 4 * sharp.raw.mean()
    assert flat.length > 4 * sharp.length
    assert abs(flat.normalized.mean() - sharp.normalized.mean()) < 0.1


def test_shared_routing_lowers_both():
    apart, alike = drawn(0, (4, 40, 16)), drawn(0, (4, 40, 16), spread=0.3, common=1)
    pairs = sampled_pairs(40, 200, 0)
    found = [pair_distances(weights, pairs) for weights in (apart, alike)]
    assert found[1].normalized.mean() < 0.7 * found[0].normalized.mean()


def test_domains_with_routes_of_their_own_are_further_apart_across_than_within():
    weights = np.concatenate(
        [drawn(seed, (4, 20, 16), spread=0.3, common=1) for seed in (1, 2)], axis=1
    )
    across = pair_distances(weights, crossed_pairs(np.arange(20), np.arange(20, 40), 99, 0))
    within = pair_distances(weights[:, :20], sampled_pairs(20, 99, 0))
    assert across.normalized.mean() > within.normalized.mean() + 0.1


def test_pairs_of_unseen_samples_are_left_out_and_counted():
    weights = drawn(3)
    pairs = sampled_pairs(6, 99, 0)
    whole, holed = (pair_distances(own, pairs) for own in (weights, unseen(weights, 0, 4)))
    lost = np.isin(pairs, [0, 4]).any(1)
    assert np.isnan(holed.raw).tolist() == np.isnan(holed.normalized).tolist() == lost.tolist()
    assert holed.left_out == lost.sum() == 9
    assert (holed.raw[~lost] == whole.raw[~lost]).all()
    layers = layer_distances(unseen(weights, 0, 4), pairs)
    assert (np.isnan(layers.raw) == lost).all()
    assert layers.left_out == 9
    assert layers.length.mean() == pytest.approx(holed.length)


def test_without_pairs_there_is_no_distance():
    weights = drawn(4)[:, :1]
    found = pair_distances(weights, sampled_pairs(1, 99, 0))
    assert (len(found.raw), found.left_out) == (0, 0)
    assert np.isnan(found.length)
    assert pair_mean(found.raw, sampled_pairs(1, 99, 0)).value is None
    assert layer_distances(weights, sampled_pairs(1, 99, 0)).raw.shape == (3, 0)


def test_twenty_thousand_pairs_of_flat_routing_take_seconds():
    """About 40 of 64 experts kept in each of 16 layers; 1.2 s where it was measured."""
    weights = drawn(0, (16, 300, 64), spread=0.2).astype(np.float32)
    pairs = sampled_pairs(300, 20_000, 0)
    started = time.process_time()
    found = pair_distances(weights, pairs)
    assert 38 < found.length < 42
    assert time.process_time() - started < 6


def test_without_rapidfuzz_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "rapidfuzz", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'grokscope\[llm\]'"):
        pair_distances(drawn(0), sampled_pairs(6, 3, 0))
