"""Forms of pre-activations against least squares on columns written out."""

import math

import pytest
import torch

from grokscope.explanation.form import Form, Terms, fit, principal
from grokscope.explanation.symmetry import cyclic_symmetry


def columns(n: int, form: Form, offset: float = 0.0):
    """The functions of (x, y) that a form allows, one per column, from cosines and sines."""
    x = torch.arange(n).double().repeat_interleave(n)
    y = torch.arange(n).double().repeat(n)
    waves = {}
    for key in {0, *form.terms, *(2 * k for k in form.terms)}:
        w = 2 * math.pi * key / n
        waves[key] = [(w * x).cos(), (w * x).sin()], [(w * y).cos(), (w * y).sin()]
        waves[key, "moved"] = [(w * (y + offset)).cos(), (w * (y + offset)).sin()]
    found = [torch.ones(n * n).double()]
    for key, terms in form.terms.items():
        (left, right), moved = waves[key], waves[key, "moved"]
        if terms == Terms.ALIGNED:
            found += [a + b for a, b in zip(left, moved, strict=True)]
            continue
        found += [*left, *right]
        if terms >= Terms.SECOND:
            found += [a * b for a in left for b in right]
        if terms == Terms.SQUARED:
            found += [*waves[2 * key][0], *waves[2 * key][1]]
    return torch.stack(found, 1)


@pytest.mark.parametrize("terms", list(Terms))
def test_fits_are_least_squares(terms):
    n, offset = 7, 0.6
    form = Form(terms={2: terms}, offsets={2: offset})
    pre = torch.randn(n * n, 2, 3, generator=torch.Generator().manual_seed(0)).double()
    design = columns(n, form, offset)
    solution = torch.linalg.lstsq(design, pre.flatten(1)).solution
    found = fit(pre, cyclic_symmetry(n), form)
    assert torch.allclose(found.pre.flatten(1), design @ solution, atol=1e-10)
    assert found.n_parameters == design.shape[1] * 6


@pytest.mark.parametrize("rank", [0, 1, 3])
def test_principal_components_have_the_rank_that_the_numbers_pay_for(rank):
    pre = torch.randn(20, 5, generator=torch.Generator().manual_seed(1)).double()
    found = principal(pre, 5 + rank * 25)
    centred = pre - pre.mean(0)
    u, s, v = torch.linalg.svd(centred, full_matrices=False)
    expected = pre.mean(0) + (u[:, :rank] * s[:rank]) @ v[:rank]
    assert torch.allclose(found, expected, atol=1e-10)
