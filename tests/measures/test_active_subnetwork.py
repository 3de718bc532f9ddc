"""Neurons that do the work, planted among neurons that do not."""

import itertools

import pytest
import torch

from grokscope.measures.active_subnetwork import active_subnetwork, subnetwork_size
from reference.snapshots import smallest_subnetwork, suffices

BITS = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=6)))
PARITY = BITS[:, 1] * BITS[:, 4]


def parity_neurons(idle: int, size: float) -> tuple[torch.Tensor, torch.Tensor]:
    """x1 x4 = (|x1 + x4| − |x1 − x4|)/2 by four ReLUs, among idle ones of other bits."""
    plus, minus = BITS[:, 1] + BITS[:, 4], BITS[:, 1] - BITS[:, 4]
    work = torch.stack([plus, -plus, minus, -minus], 1)
    stream = torch.Generator().manual_seed(1)
    other = BITS @ torch.randn(6, idle, generator=stream)
    weights = torch.cat(
        [torch.tensor([1.0, 1.0, -1.0, -1.0]), size * torch.randn(idle, generator=stream)]
    )
    return torch.cat([work, other], 1).relu().unsqueeze(0), weights.view(1, -1, 1)


ALL = torch.ones(1, 64, dtype=torch.bool)


@pytest.mark.parametrize("outputs", [1, 2])
def test_the_neurons_of_a_parity_are_found_among_idle_ones(outputs: int):
    neurons, weights = parity_neurons(idle=60, size=0.01)
    if outputs == 2:
        weights = torch.cat([-weights, weights], 2)
    rest = torch.zeros(1, 64, outputs)
    active = active_subnetwork(neurons, weights, rest, ALL)
    assert _kept(active) == {0, 1}  # |x1 + x4| alone is 0 where the parity is odd


@pytest.mark.parametrize(("shift", "kept"), [(-1.0, {0, 1}), (1.0, {2, 3})])
def test_which_two_of_four_do_it_depends_on_the_rest(shift: float, kept: set[int]):
    neurons, weights = parity_neurons(idle=20, size=0.01)
    active = active_subnetwork(neurons, weights, torch.full((1, 64, 1), shift), ALL)
    assert _kept(active) == kept


def test_a_network_whose_rest_says_it_all_needs_no_neuron():
    neurons, weights = parity_neurons(idle=5, size=0.0)
    active = active_subnetwork(neurons, weights, 9 * PARITY.view(1, 64, 1), ALL)
    assert subnetwork_size(active).item() == 0


def test_twins_are_not_both_needed():
    neurons, weights = parity_neurons(idle=0, size=0.0)
    twice, both = torch.cat([neurons, neurons], 2), torch.cat([weights, weights], 1)
    rest = torch.full((1, 64, 1), -1.0)
    assert subnetwork_size(active_subnetwork(twice, both, rest, ALL)).item() == 2


@pytest.mark.parametrize("seed", range(6))
def test_the_set_suffices_spares_none_and_is_no_smaller_than_the_smallest(seed: int):
    stream = torch.Generator().manual_seed(seed)
    neurons = torch.randn(2, 12, 8, generator=stream).relu()
    weights = torch.randn(2, 8, 3, generator=stream)
    rest = 0.3 * torch.randn(2, 12, 3, generator=stream)
    rows = torch.rand(2, 12, generator=stream) < 0.7
    active = active_subnetwork(neurons, weights, rest, rows)
    for i in range(2):
        n, b = (v[i][rows[i]].double().numpy() for v in (neurons, rest))
        w, kept = weights[i].double().numpy(), set(active[i].nonzero().flatten().tolist())
        assert suffices(n, w, b, kept)
        assert not any(suffices(n, w, b, kept - {neuron}) for neuron in kept)
        assert smallest_subnetwork(n, w, b) <= len(kept)


def _kept(active: torch.Tensor) -> set[int]:
    return set(active[0].nonzero().flatten().tolist())
