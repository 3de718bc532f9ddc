"""Inverse participation ratios of planted waves and of neurons."""

import math

import pytest
import torch

from grokscope.algebra.cyclic import additive
from grokscope.measures.grid import neurons_to_grid
from grokscope.measures.inverse_participation import ipr, neuron_ipr
from reference.snapshots import slow_ipr


def wave(n: int, k: int, phase: float = 0.3) -> torch.Tensor:
    return (torch.arange(n) * (2 * math.pi * k / n) + phase).cos()


@pytest.mark.parametrize("n", [7, 8, 13])
def test_ratios_agree_with_a_complex_transform(n: int):
    maps = torch.randn(2, 3, n, dtype=torch.float64, generator=torch.Generator().manual_seed(n))
    found = ipr(maps)
    for i in range(2):
        for j in range(3):
            assert found[i, j].item() == pytest.approx(slow_ipr(maps[i, j].numpy()))


@pytest.mark.parametrize(("n", "k"), [(23, 1), (23, 11), (24, 12), (24, 5)])
def test_one_wave_has_a_ratio_of_1_whatever_its_phase_size_and_mean(n: int, k: int):
    assert ipr((5 + 3 * wave(n, k)).view(1, 1, n)).item() == pytest.approx(1.0, abs=1e-5)


def test_equal_waves_share_the_ratio():
    mixed = wave(23, 2) + wave(23, 5, 1.0) + wave(23, 7, 2.0)
    assert ipr(mixed.view(1, 1, 23)).item() == pytest.approx(1 / 3, abs=1e-5)


def test_noise_is_near_four_over_n_and_a_constant_has_no_ratio():
    noise = torch.randn(1, 400, 101, generator=torch.Generator().manual_seed(0))
    assert ipr(noise).mean().item() == pytest.approx(4 / 101, rel=0.15)
    assert ipr(torch.full((1, 1, 23), 0.7)).isnan().all()


def test_neurons_are_heard_by_operand_and_constant_ones_left_out():
    n = 23
    inputs = torch.cartesian_prod(torch.arange(n), torch.arange(n))
    x, y = inputs.unbind(1)
    one = wave(n, 3)[x] + wave(n, 3, 1.0)[y]
    two = wave(n, 4)[x] + (wave(n, 2) + wave(n, 9))[y]
    constant = torch.full_like(one, 0.3)
    neurons = torch.stack([one, two, constant], 1).unsqueeze(0)
    grid = neurons_to_grid(neurons, inputs, additive(n))
    assert neuron_ipr(grid).item() == pytest.approx((1 + 1 + 1 + 0.5) / 4, abs=1e-5)
    assert neuron_ipr(grid[..., 2:]).isnan().all()


def test_products_of_operands_say_nothing_of_either():
    n = 23
    product = (wave(n, 3).unsqueeze(1) * wave(n, 5)).view(1, n, n, 1)
    single = wave(n, 7).view(1, n, 1, 1).expand(1, n, n, 1)
    assert neuron_ipr(product + single).item() == pytest.approx(1.0, abs=1e-4)
