"""Entropy, load, dead experts and saturation, by hand and against loops."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokscope.core.errors import SettingError
from grokscope.llm.balance import load_of, routing_entropy, saturation
from grokscope.llm.pathway import kept
from llm.planted import drawn, pathways, unseen
from reference.pathway_measures import slow_entropy


@given(pathways)
def test_entropies_are_those_of_the_slow_reference(weights):
    found = routing_entropy(weights)
    for layer, own in enumerate(weights):
        each = [slow_entropy(sample) for sample in own.tolist()]
        assert found.of_samples.values[layer] == pytest.approx(sum(each) / len(each), abs=1e-9)
        expected = slow_entropy(own.mean(0).tolist())
        assert found.of_mean.values[layer] == pytest.approx(expected, abs=1e-9)
    top = math.log(weights.shape[2]) + 1e-12
    assert (found.of_samples.values >= 0).all()
    assert (found.of_samples.values <= found.of_mean.values + 1e-12).all()
    assert (found.of_mean.values <= top).all()


def test_entropy_tells_sharp_routing_from_uneven_load():
    own = np.eye(4)[None]
    assert routing_entropy(own).of_samples.mean == 0
    assert routing_entropy(own).of_mean.mean == pytest.approx(math.log(4))
    collapsed = np.eye(4)[None, [0, 0, 0]]
    assert routing_entropy(collapsed).of_mean.mean == 0


def test_a_load_by_hand():
    weights = np.array([[[0.5, 0.5, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]])
    load = load_of(weights)
    assert load.share.tolist() == [[0.75, 0.25, 0, 0]]
    assert load.max_violation.tolist() == [2.0]
    assert load.variation == pytest.approx([math.sqrt((4 + 0 + 1 + 1) / 4)])
    assert load.dead().tolist() == [[False, False, True, True]]
    by_place = load_of(weights, kept(weights))
    assert by_place.share == pytest.approx(np.array([[2 / 3, 1 / 3, 0, 0]]))


@given(pathways)
def test_even_load_has_no_variation_and_one_expert_the_most(weights):
    layers, samples, experts = weights.shape
    assert load_of(weights).share.sum(1) == pytest.approx(1)
    even = load_of(np.full(weights.shape, 1 / experts))
    assert even.variation == pytest.approx(np.zeros(layers), abs=1e-9)
    assert even.max_violation == pytest.approx(np.zeros(layers), abs=1e-9)
    assert not even.dead(0.99).any()
    single = load_of(np.eye(experts)[np.zeros((layers, samples), dtype=int)])
    assert single.variation == pytest.approx([math.sqrt(experts - 1)] * layers)
    assert single.max_violation == pytest.approx([experts - 1] * layers)
    assert single.dead().sum() == layers * (experts - 1)


def test_dead_is_below_the_stated_fraction_of_the_fair_load():
    share = [0.04, 0.06, 0.45, 0.45]
    load = load_of(np.array([[share]]))
    assert load.dead(0.2).tolist() == [[True, False, False, False]]
    assert load.dead(0.25).tolist() == [[True, True, False, False]]


def test_saturation_by_hand():
    earlier = np.array([[[0.5, 0.3, 0.2, 0.0], [0.1, 0.2, 0.3, 0.4]]])
    later = np.array([[[0.5, 0.1, 0.4, 0.0], [0.0, 0.1, 0.4, 0.5]]])
    assert saturation(earlier, later, 1).values.tolist() == [1.0]
    assert saturation(earlier, later, 2).values.tolist() == [0.75]
    assert saturation(earlier, later, 4).values.tolist() == [1.0]


@given(pathways, st.integers(0, 99))
def test_saturation_is_a_mean_of_set_intersections(weights, seed: int):
    later = drawn(seed, weights.shape)
    top = max(1, weights.shape[2] // 2)
    for layer in range(len(weights)):
        shared = [
            len(set(np.argsort(-u)[:top]) & set(np.argsort(-v)[:top])) / top
            for u, v in zip(weights[layer], later[layer], strict=True)
        ]
        found = saturation(weights, later, top).values[layer]
        assert found == pytest.approx(sum(shared) / len(shared))


def test_unrelated_snapshots_share_k_of_the_experts():
    found = saturation(drawn(0, (2, 2_000, 16)), drawn(1, (2, 2_000, 16)), 4)
    assert found.values == pytest.approx([0.25, 0.25], abs=0.02)


def test_unseen_samples_are_left_out_and_counted():
    weights, later = drawn(2), drawn(3)
    holed, seen = unseen(weights, 1), np.delete(weights, 1, axis=1)
    entropy = routing_entropy(holed)
    assert (entropy.of_samples.values == routing_entropy(seen).of_samples.values).all()
    assert (entropy.of_mean.samples, entropy.of_mean.left_out) == (5, 1)
    for chosen, expected in ((None, None), (kept(holed), kept(seen))):
        load = load_of(holed, chosen)
        assert (load.share == load_of(seen, expected).share).all()
        assert (load.samples, load.left_out) == (5, 1)
    found = saturation(holed, unseen(later, 1, 4), 2)
    both = [np.delete(own, [1, 4], axis=1) for own in (weights, later)]
    assert (found.values == saturation(*both, 2).values).all()
    assert (found.samples, found.left_out) == (4, 2)


def test_without_samples_nothing_is_known():
    nothing = drawn(4)[:, :0]
    assert np.isnan(routing_entropy(nothing).of_samples.values).all()
    assert np.isnan(routing_entropy(nothing).of_mean.values).all()
    assert np.isnan(load_of(nothing).share).all()
    assert np.isnan(saturation(nothing, nothing, 2).values).all()


def test_bad_input_gets_one_line():
    with pytest.raises(SettingError, match="`top_k` must be between 1 and 5, got 6"):
        saturation(drawn(0), drawn(0), 6)
    with pytest.raises(SettingError, match="`later` must be of shape"):
        saturation(drawn(0), drawn(0)[1:], 2)
