"""How firm a shape and an alignment are, on profiles and neurons made by hand."""

import math

import pytest
import torch

from grokscope.explanation.output import Errors
from grokscope.explanation.stability import halves, index_interval

N, K = 11, 3


def errors(strength_of_sum: torch.Tensor) -> Errors:
    """Pizza and clock by the sum: half of the logits' height is |cos(w d/2)| where it is 1."""
    found = torch.zeros(N, N, N, dtype=torch.float64)
    for x in range(N):
        for y in range(N):
            pizza = abs(math.cos(math.pi * K * (x - y) / N))
            part = float(strength_of_sum[(x + y) % N])
            for u in range(N):
                found[x, y, u] = (part * pizza + 1 - part) * math.cos(2 * math.pi * K * u / N)
    return found


def exact_index(part: float) -> float:
    """ρ₁ of part · |cos| + (1 − part), over the differences of Z_11."""
    heights = [part * abs(math.cos(math.pi * K * d / N)) + 1 - part for d in range(N)]
    wave = sum(h * math.cos(2 * math.pi * K * d / N) for d, h in enumerate(heights))
    return 2 * wave / sum(heights)


@pytest.mark.parametrize("part", [0.3, 1.0])
def test_a_shape_that_is_the_same_for_every_sum_is_certain(part: float):
    low, high = index_interval(errors(torch.full((N,), part)), K)
    assert (low, high) == pytest.approx((exact_index(part),) * 2)


def test_a_shape_that_depends_on_the_sum_is_not():
    """Half of the sums are answered by a pizza, half by a clock."""
    mixed = torch.tensor([float(s % 2) for s in range(N)])
    low, high = index_interval(errors(mixed), K)
    assert 0 <= low < exact_index(float(mixed.mean())) < high <= exact_index(1.0)
    assert high - low > 0.1


def test_halves_of_neurons_that_agree_and_that_do_not():
    draws = torch.Generator().manual_seed(1)
    angles = 2 * math.pi * torch.rand(400, generator=draws, dtype=torch.float64)
    ones = torch.ones_like(angles)
    assert halves(torch.polar(ones, 0 * angles + 0.4)) == pytest.approx((1, 1))
    assert max(halves(torch.polar(ones, angles))) < 0.2
    assert halves(torch.zeros(4, dtype=torch.complex128)) == (0, 0)
