"""Logits described by cosines of x + y - c."""

import math

import pytest
import torch

from grokscope.measures.grid import by_answer
from grokscope.measures.logit_fit import logit_fit, logit_fve
from reference.fourier import slow_logit_fve


def waves(n: int, k: int, phase: float = 0.0) -> torch.Tensor:
    x = torch.arange(n).double()
    angle = x[:, None, None] + x[None, :, None] - x
    return (2 * torch.pi * k * angle / n + phase).cos()


def explained(grid: torch.Tensor, frequencies: list[int]) -> float:
    keys = torch.zeros(1, grid.shape[1] // 2, dtype=torch.bool)
    keys[0, [k - 1 for k in frequencies]] = True
    return logit_fve(by_answer(grid), keys).item()


@pytest.mark.parametrize("n", [7, 8, 11])
def test_shares_agree_with_sums_over_all_triples(n: int):
    grid = torch.randn(n, n, n, dtype=torch.float64) + waves(n, 2) + waves(n, n // 2)
    keys = list(range(1, n // 2 + 1))
    fit = logit_fit(grid, keys)
    cosine = [slow_logit_fve(grid.numpy(), k) for k in keys]
    sine = [slow_logit_fve(grid.numpy(), k, sine=True) for k in keys]
    assert fit.cosine_fve.tolist() == pytest.approx(cosine, abs=1e-12)
    assert fit.sine_fve.tolist() == pytest.approx(sine, abs=1e-12)


@pytest.mark.parametrize(("n", "keys"), [(23, [3, 11]), (24, [5, 12])])
def test_planted_coefficients_are_recovered(n: int, keys: list[int]):
    grid = 4.0 * waves(n, keys[0]) + 1.5 * waves(n, keys[1])
    fit = logit_fit(grid + 7.0, keys)
    assert fit.cosine.tolist() == pytest.approx([4.0, 1.5])
    assert fit.sine.abs().max() < 1e-9
    assert fit.cosine_fve.sum().item() == pytest.approx(1.0)


def test_an_answer_that_is_off_by_one_shows_as_a_sine():
    fit = logit_fit(waves(23, 4, phase=2 * torch.pi * 4 / 23), [4])
    assert fit.sine_fve.item() > 0.5
    assert (fit.cosine_fve + fit.sine_fve).item() == pytest.approx(1.0)


def test_a_random_table_is_hardly_explained():
    grid = torch.randn(1, 23, 23, 23, generator=torch.Generator().manual_seed(0))
    assert explained(grid, list(range(1, 12))) < 0.01


def test_no_frequency_explains_nothing_and_flat_logits_are_undefined():
    grid = torch.randn(1, 7, 7, 7)
    assert explained(grid, []) == 0.0
    assert explained(torch.ones(1, 7, 7, 7), []) == 0.0
    assert math.isnan(explained(torch.ones(1, 7, 7, 7), [1]))


def test_the_sign_of_a_sine_says_on_which_side_of_the_answer_the_peak_is():
    fit = logit_fit(waves(23, 1, phase=0.3), [1])
    assert fit.cosine.item() == pytest.approx(math.cos(0.3))
    assert fit.sine.item() == pytest.approx(-math.sin(0.3))
