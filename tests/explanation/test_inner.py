"""Profiles of the sum in pre-activations that were made by hand."""

import math

import pytest
import torch

from grokscope.explanation.inner import inner_profile

N, K = 13, 3


def layer(profile: torch.Tensor, noise: float = 0.0) -> torch.Tensor:
    """Neurons that hear one profile of the sum, each with a phase and a strength of its own."""
    draws = torch.Generator().manual_seed(1)
    phases = 2 * math.pi * torch.rand(20, generator=draws, dtype=torch.float64)
    strength = torch.rand(20, generator=draws, dtype=torch.float64) + 0.5
    rows = []
    for x in range(N):
        for y in range(N):
            wave = (2 * math.pi * K * (x + y) / N + phases).cos()
            other = (2 * math.pi * K * x / N + 2 * phases).cos()
            rows.append(strength * profile[(x - y) % N] * wave + noise * other)
    return torch.stack(rows)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_profile_is_found_up_to_its_scale(sign: int):
    pizza = (math.pi * K / N * torch.arange(N).double()).cos().abs()
    found, share = inner_profile(layer(sign * pizza), N, K)
    torch.testing.assert_close(found / found.norm(), pizza / pizza.norm())
    assert share == pytest.approx(1, abs=1e-9)


def test_what_is_not_a_wave_of_the_sum_does_not_count():
    flat = torch.ones(N, dtype=torch.float64)
    found, share = inner_profile(layer(flat, noise=1.0), N, K)
    torch.testing.assert_close(found / found.norm(), flat / flat.norm())
    assert 0.3 < share < 0.8


def test_the_last_position_is_read():
    flat = torch.ones(N, dtype=torch.float64)
    silent = torch.zeros(N * N, 1, 20, dtype=torch.float64)
    both = torch.cat([silent, layer(flat).unsqueeze(1)], 1)
    assert inner_profile(both, N, K)[1] == pytest.approx(1, abs=1e-9)
