"""Profiles A_k(d) whose shape is known."""

import math

import pytest
import torch

from grokscope.explanation.shape import describe

N = 59


def turn(k: int, offset: float = 0.0):
    return 2 * math.pi * k / N * (torch.arange(N).double() - offset)


@pytest.mark.parametrize("k", [1, 7, 29])
def test_a_constant_is_a_clock(k):
    shape = describe(torch.full((N,), 3.0, dtype=torch.float64), k)
    assert shape.index == pytest.approx(0, abs=1e-12)
    assert shape.r2_flat == pytest.approx(1)
    assert shape.fraction == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("k", [1, 7, 29])
@pytest.mark.parametrize("offset", [0.0, 0.4, -0.9])
def test_a_pizza_is_found_with_its_offset(k, offset):
    shape = describe((turn(k, offset) / 2).cos().abs(), k)
    assert shape.index == pytest.approx(2 / 3, abs=2e-3)
    assert shape.r2_pizza == pytest.approx(1, abs=1e-4)
    assert shape.fraction == pytest.approx(1, abs=1e-2)
    apart = math.remainder(2 * math.pi * k * (shape.offset - offset) / N, 2 * math.pi)
    assert abs(apart) < math.radians(1)
    assert shape.r2_flat == pytest.approx(0.811, abs=2e-3)  # (2/π)²/(1/2)


def test_a_companion_has_no_constant():
    shape = describe(-2 * turn(5, 1.5).cos(), 5)
    assert shape.r2_companion == pytest.approx(1)
    assert abs(shape.index) > 1e6
    assert (2 * math.pi * 5 * (shape.harmonic_offset - 1.5) / N) % math.pi == pytest.approx(0) or (
        2 * math.pi * 5 * (shape.harmonic_offset - 1.5) / N
    ) % math.pi == pytest.approx(math.pi)


@pytest.mark.parametrize("fraction", [0.2, 0.5, 0.8])
def test_a_mixture_has_its_fraction(fraction):
    profile = 1 - fraction + fraction * (turn(3, 2.0) / 2).cos().abs()
    shape = describe(profile, 3)
    assert shape.fraction == pytest.approx(fraction, abs=5e-3)
    assert shape.r2_mixture == pytest.approx(1, abs=1e-5)
    assert 0 < shape.index < 2 / 3


def test_nothing_is_explained_where_there_is_nothing():
    shape = describe(torch.zeros(N, dtype=torch.float64), 2)
    assert (shape.r2_flat, shape.r2_pizza, shape.r2_companion) == (0, 0, 0)


def test_frequency_half_of_an_even_order_has_two_values():
    """|cos| is constant there at some offsets, which must not be taken for a fit."""
    flat = torch.full((30,), 17.0, dtype=torch.float64)
    flat[::2] += 1e-6
    shape = describe(flat, 15)
    assert shape.r2_mixture == pytest.approx(1, abs=1e-6)
    assert shape.fraction == pytest.approx(0, abs=1e-5)
