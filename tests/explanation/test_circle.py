"""Single numbers of a circle, against what they say by hand."""

import math

import pytest
import torch

from grokscope.explanation.circle import left_of, one_phase

N = 24
TURN = 2 * math.pi * torch.arange(N).double() / N


@pytest.mark.parametrize("ratio", [0.0, 0.3, 1.0])
def test_one_phase_is_the_share_that_a_common_wave_explains(ratio):
    """Against least squares on waves that both operands share."""
    stream = torch.Generator().manual_seed(0)
    x = torch.randn(40, generator=stream, dtype=torch.complex128)
    other = torch.randn(40, generator=stream, dtype=torch.complex128)
    y = (1 - ratio) * x * torch.polar(torch.tensor(1.0).double(), torch.tensor(0.7).double())
    y = y + ratio * other
    best = 0.0
    for angle in torch.linspace(0, 2 * math.pi, 3601).double():
        turned = y * torch.polar(torch.tensor(1.0).double(), -angle)
        common = (x + turned) / 2
        best = max(best, float(2 * common.abs().square().sum()))
    energy = float(x.abs().square().sum() + y.abs().square().sum())
    assert one_phase(x, y) == pytest.approx(best / energy, abs=1e-6)


def test_one_phase_of_waves_of_two_sizes():
    x = torch.ones(5, dtype=torch.complex128)
    assert one_phase(x, x) == pytest.approx(1)
    assert one_phase(x, 3 * x) == pytest.approx(0.8)
    assert one_phase(x, 0 * x) == pytest.approx(0.5)


def test_what_is_left_of_a_floor_and_of_a_profile_without_one():
    clock, pizza = 2 + 0.1 * TURN.cos(), (TURN / 2).cos().abs()
    assert left_of(pizza, clock) == pytest.approx(float(pizza.min()) / 1.9)
    assert left_of(clock - 5, clock) == 0
    assert left_of(0.25 * pizza, pizza) == pytest.approx(0.25)
