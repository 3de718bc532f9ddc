"""Key frequencies read off neurons."""

import pytest
import torch

from grokscope.algebra.cyclic import additive, multiplicative
from grokscope.measures.grid import neurons_to_grid
from grokscope.measures.neuron_frequency import key_frequencies, neuron_frequencies
from reference import watching
from reference.circuit import planted_neurons
from reference.fourier import slow_neuron_share

GROUPS = {
    "addition, highest frequency included": (additive(23), 23, [3, 7, 11]),
    "subtraction": (additive(23, -1), 23, [1, 11]),
    "multiplication, alternating frequency included": (multiplicative(23), 23, [2, 5, 11]),
    "division": (multiplicative(23, -1), 23, [4, 10]),
    "addition in even order": (additive(24), 24, [5, 12]),
    "addition at the published size": (additive(113), 113, [14, 35, 56]),
}


def full_table(p: int) -> torch.Tensor:
    return torch.cartesian_prod(torch.arange(p), torch.arange(p))


@pytest.mark.parametrize("name", GROUPS)
def test_planted_frequencies_are_found_exactly(name: str):
    structure, p, planted = GROUPS[name]
    neurons = planted_neurons(structure, full_table(p), planted, per_frequency=6)
    grid = neurons_to_grid(neurons.unsqueeze(0), full_table(p), structure)
    assert key_frequencies(grid) == [planted]


@pytest.mark.parametrize("n", [7, 8, 11])
def test_shares_agree_with_explicit_loops(n: int):
    grid = torch.randn(1, n, n, 3, dtype=torch.float64)
    found = neuron_frequencies(grid)
    for i in range(3):
        shares = [slow_neuron_share(grid[0, :, :, i].numpy(), k) for k in range(1, n // 2 + 1)]
        assert found.fraction[0, i].item() == pytest.approx(max(shares))
        assert found.frequency[0, i].item() == shares.index(max(shares)) + 1


@pytest.mark.parametrize("n", [23, 24, 59])
def test_a_random_table_has_no_key_frequencies(n: int):
    stream = torch.Generator().manual_seed(1)
    assert key_frequencies(torch.randn(2, n, n, 128, generator=stream)) == [[], []]


def test_dead_neurons_and_strays_add_no_frequency():
    structure, inputs = additive(23), full_table(23)
    planted = planted_neurons(structure, inputs, [3, 7], per_frequency=40)
    stray = planted_neurons(structure, inputs, [9], per_frequency=1)
    faint = planted_neurons(structure, inputs, [5], per_frequency=40) * 1e-4
    dead = torch.zeros(len(inputs), 40)
    neurons = torch.cat([planted, stray, faint, dead], 1)
    grid = neurons_to_grid(neurons.unsqueeze(0), inputs, structure)
    assert key_frequencies(grid) == [[3, 7]]
    assert key_frequencies(grid, min_neurons=1) == [[3, 7, 9]]


def test_a_network_of_dead_neurons_has_no_key_frequencies():
    grid = torch.zeros(1, 7, 7, 4)
    assert key_frequencies(grid) == [[]]
    assert not neuron_frequencies(grid).live.any()
    assert neuron_frequencies(grid).fraction.tolist() == [[0.0] * 4]


def test_each_network_of_a_population_keeps_its_own_frequencies():
    structure, inputs = additive(23), full_table(23)
    networks = [planted_neurons(structure, inputs, keys, 6) for keys in ([1, 2], [8, 11])]
    grid = neurons_to_grid(torch.stack(networks), inputs, structure)
    assert key_frequencies(grid) == [[1, 2], [8, 11]]


def test_neurons_shared_evenly_by_two_frequencies_do_not_vote():
    structure = additive(23)
    inputs = full_table(23)
    pure = planted_neurons(structure, inputs, [3], per_frequency=12)
    mixed = planted_neurons(structure, inputs, [5], 6) + planted_neurons(structure, inputs, [8], 6)
    grid = neurons_to_grid(torch.cat([pure, mixed], 1).unsqueeze(0), inputs, structure)
    assert key_frequencies(grid) == [[3]]


def test_one_vote_is_never_enough_however_small_the_network():
    structure, inputs = additive(23), full_table(23)
    pair = planted_neurons(structure, inputs, [3], per_frequency=2)
    stray = planted_neurons(structure, inputs, [9], per_frequency=1)
    grid = neurons_to_grid(torch.cat([pair, stray], 1).unsqueeze(0), inputs, structure)
    assert key_frequencies(grid) == [[3]]


@pytest.mark.parametrize("n", [11, 12, 23])
def test_a_stack_is_measured_like_its_networks_one_by_one(n: int):
    stream = torch.Generator().manual_seed(n)
    pure = [[1, 4], [5], [2, n // 2]]
    networks = [planted_neurons(additive(n), full_table(n), keys, 5) for keys in pure]
    width = max(network.shape[1] for network in networks)
    noise = torch.rand(4, n * n, width, generator=stream)
    for i, network in enumerate(networks):
        noise[i, :, : network.shape[1]] *= 0.3 * i
        noise[i, :, : network.shape[1]] += network
    noise[3, :, ::2] = 1.0  # dead
    grid = neurons_to_grid(noise, full_table(n), additive(n))
    found, keys = neuron_frequencies(grid), key_frequencies(grid)
    assert keys[0] == pure[0]
    for i in range(4):
        shares, energy = watching.neuron_shares(grid[i])
        assert found.fraction[i].tolist() == pytest.approx(shares.max(0)[0].tolist(), abs=1e-5)
        moving = energy > 1e-6
        assert torch.equal(found.frequency[i][moving], shares.argmax(0)[moving] + 1)
        assert keys[i] == watching.key_frequencies(grid[i])
