"""Consistency of paths from layer to layer: the formula, its sign, and what must not change it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokscope.core.errors import SettingError
from grokscope.llm.consistency import (
    centred,
    gain_folded,
    mean_cos,
    neighbour_cosines,
    path_consistency,
    path_inconsistency,
)
from llm.planted import drawn, unseen
from reference.pathway_measures import slow_inconsistency

seeds = st.integers(0, 10_000)


def rows(seed: int, shape=(3, 5, 7)):
    return np.random.default_rng(seed).normal(size=shape)


@given(seeds)
def test_the_published_quantity_is_the_formula(seed: int):
    weights, experts = drawn(seed), rows(seed)
    found = path_inconsistency(neighbour_cosines(weights, experts))
    expected = [slow_inconsistency(weights, experts, sample) for sample in range(6)]
    assert found == pytest.approx(expected, rel=1e-7, abs=1e-9)


def test_the_signs_by_hand():
    """An even path, an uneven one, and one that turns round."""
    cosines = np.array([[0.5, 1.0, 1.0], [0.5, 0.5, -1.0]])
    assert path_inconsistency(cosines) == pytest.approx([0, 0.25, 1], abs=1e-7)
    assert path_consistency(cosines) == pytest.approx([1, 0.75, 0], abs=1e-7)
    assert mean_cos(cosines) == pytest.approx([0.5, 0.75, 0])


def test_the_published_quantity_does_not_know_the_level_and_is_unstable_near_0():
    cosines = np.array([[0.99, 0.01, -0.001], [0.99, 0.01, 0.0000001]])
    found = path_inconsistency(cosines)
    assert found[:2] == pytest.approx([0, 0], abs=1e-5)
    assert found[2] > 1_000
    assert mean_cos(cosines)[:2] == pytest.approx([0.99, 0.01])


@given(seeds)
def test_a_vector_added_to_all_rows_changes_no_centred_path(seed: int):
    weights, experts = drawn(seed), rows(seed)
    shifted = experts + 3 * rows(seed + 1, (3, 1, 7))
    plain, moved = (neighbour_cosines(weights, own) for own in (experts, shifted))
    assert np.abs(plain - moved).max() > 1e-3
    plain, moved = (neighbour_cosines(weights, centred(own)) for own in (experts, shifted))
    assert moved == pytest.approx(plain, abs=1e-9)
    gain = np.random.default_rng(seed).uniform(0.5, 2, size=(3, 7))
    plain, moved = (
        neighbour_cosines(weights, centred(gain_folded(own, gain))) for own in (experts, shifted)
    )
    assert moved == pytest.approx(plain, abs=1e-9)


@given(seeds)
def test_a_gain_that_moves_from_the_norm_into_the_router_changes_no_folded_path(seed: int):
    weights, experts = drawn(seed), rows(seed)
    gain = np.random.default_rng(seed).uniform(0.5, 2, size=(3, 7))
    moved = experts * gain[:, None]
    plain = neighbour_cosines(weights, gain_folded(experts, gain))
    assert neighbour_cosines(weights, gain_folded(moved, np.ones((3, 7)))) == pytest.approx(plain)
    assert np.abs(neighbour_cosines(weights, experts) - plain).max() > 1e-4
    assert (gain_folded(experts, None) == experts).all()


@given(seeds)
def test_names_of_experts_and_scales_of_layers_do_not_matter(seed: int):
    weights, experts = drawn(seed), rows(seed)
    names = np.random.default_rng(seed).permutation(5)
    scales = np.array([0.1, 1.0, 10.0])[:, None, None]
    found = neighbour_cosines(weights[:, :, names], scales * experts[:, names])
    assert found == pytest.approx(neighbour_cosines(weights, experts), abs=1e-9)
    assert ((found >= -1) & (found <= 1)).all()


def test_the_same_rows_and_routing_in_every_layer_are_perfectly_consistent():
    weights = np.repeat(drawn(0, (1, 6, 5)), 4, axis=0)
    experts = np.repeat(rows(0, (1, 5, 7)), 4, axis=0)
    cosines = neighbour_cosines(weights, experts)
    assert mean_cos(cosines) == pytest.approx(1)
    assert path_inconsistency(cosines) == pytest.approx(0, abs=1e-7)


def test_an_unseen_sample_is_nan_and_changes_no_other():
    weights, experts = drawn(1), rows(1)
    whole, holed = (neighbour_cosines(own, experts) for own in (weights, unseen(weights, 3)))
    for measure in (path_inconsistency, path_consistency, mean_cos):
        found = measure(holed)
        assert np.flatnonzero(np.isnan(found)).tolist() == [3]
        assert np.delete(found, 3) == pytest.approx(np.delete(measure(whole), 3), abs=1e-12)


def test_flat_routing_over_centred_rows_has_no_direction():
    weights = np.full((3, 2, 5), 0.2)
    assert np.isnan(neighbour_cosines(weights, centred(rows(2)))).all()
    assert np.isfinite(neighbour_cosines(weights, rows(2))).all()


def test_one_layer_has_no_neighbours():
    cosines = neighbour_cosines(drawn(3, (1, 4, 5)), rows(3, (1, 5, 7)))
    assert cosines.shape == (0, 4)
    for measure in (path_inconsistency, path_consistency, mean_cos):
        assert np.isnan(measure(cosines)).all()


def test_single_precision_gives_the_same_to_single_precision():
    weights, experts = drawn(4), rows(4)
    found = neighbour_cosines(weights.astype(np.float32), experts.astype(np.float32))
    assert found == pytest.approx(neighbour_cosines(weights, experts), abs=1e-6)


def test_rows_of_another_model_are_refused():
    with pytest.raises(SettingError, match=r"`experts` must be of layers and experts \(3, 5\)"):
        neighbour_cosines(drawn(0), rows(0, (3, 4, 7)))
