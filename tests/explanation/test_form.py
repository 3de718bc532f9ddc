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


def free_numbers(design: torch.Tensor, solution: torch.Tensor) -> int:
    """A mean a neuron, and the numbers of a matrix of the rank that the fit has beside it."""
    fitted = design @ solution
    rank = int(torch.linalg.matrix_rank(fitted - fitted.mean(0), rtol=1e-6))
    n_functions, n_neurons = len(solution) - 1, solution.shape[1]
    return n_neurons + rank * (n_functions + n_neurons - rank)


@pytest.mark.parametrize("terms", list(Terms))
def test_fits_are_least_squares(terms):
    n, offset = 7, 0.6
    form = Form(terms={2: terms}, offsets={2: offset})
    pre = torch.randn(n * n, 2, 3, generator=torch.Generator().manual_seed(0)).double()
    design = columns(n, form, offset)
    solution = torch.linalg.lstsq(design, pre.flatten(1)).solution
    found = fit(pre, cyclic_symmetry(n), form)
    assert torch.allclose(found.pre.flatten(1), design @ solution, atol=1e-10)
    assert found.n_parameters == free_numbers(design, solution)


def test_products_of_two_components_are_let_in_by_what_they_hold():
    n, keys = 11, (2, 3, 5)
    x = torch.arange(n).double().repeat_interleave(n)
    y = torch.arange(n).double().repeat(n)
    wave = {key: 2 * math.pi * key / n for key in keys}
    single = (wave[2] * x).cos() + (wave[3] * y).sin()
    loud = 0.5 * (wave[2] * x).sin() * (wave[3] * y).cos()
    quiet = 0.05 * (wave[5] * x).cos() * (wave[2] * y).cos()
    pre = torch.stack([single + loud + quiet, single - loud, 2 * single], 1)
    terms = dict.fromkeys(keys, Terms.FIRST)
    expected = {math.inf: single, 0.01: single + loud, 1e-5: single + loud + quiet}
    for least, first in expected.items():
        form = Form(terms=terms, offsets={}, least_product=least)
        found = fit(pre, cyclic_symmetry(n), form).pre
        assert torch.allclose(found[:, 0], first, atol=1e-10), least
        assert torch.allclose(found[:, 2], 2 * single, atol=1e-10)


def test_neurons_that_read_few_directions_have_few_free_numbers():
    n, width, neurons = 11, 3, 20
    stream = torch.Generator().manual_seed(2)
    stream_of_rows = torch.randn(n * n, width, generator=stream).double()
    pre = stream_of_rows @ torch.randn(width, neurons, generator=stream).double()
    form = Form(terms=dict.fromkeys((1, 2, 3), Terms.SECOND), offsets={})
    n_functions = 3 * (4 + 4)
    expected = neurons + width * (n_functions + neurons - width)
    assert fit(pre, cyclic_symmetry(n), form).n_parameters == expected


@pytest.mark.parametrize("neurons", [6, 40])
def test_the_faintest_directions_are_left_out_up_to_their_share(neurons: int):
    n = 11
    pre = torch.randn(n * n, neurons, generator=torch.Generator().manual_seed(3)).double()
    whole = fit(pre, cyclic_symmetry(n), Form(terms={1: Terms.SECOND}, offsets={}))
    centred = whole.pre - whole.pre.mean(0)
    u, s, v = torch.linalg.svd(centred, full_matrices=False)
    energy = s.square()
    for rank in (1, 3, 5):
        share = float(energy[rank:].sum() / energy.sum())
        thin = whole.without_the_faintest(share + 1e-9)
        expected = whole.pre.mean(0) + (u[:, :rank] * s[:rank]) @ v[:rank]
        assert torch.allclose(thin.pre, expected, atol=1e-9)
        assert thin.n_parameters == neurons + rank * (8 + neurons - rank)
        more = whole.without_the_faintest(share - 1e-9)
        assert more.n_parameters == neurons + (rank + 1) * (8 + neurons - rank - 1)


def test_nothing_is_left_of_a_form_without_functions():
    pre = torch.randn(25, 3, generator=torch.Generator().manual_seed(4)).double()
    found = fit(pre, cyclic_symmetry(5), Form(terms={}, offsets={}))
    assert found.n_parameters == 3
    assert torch.allclose(found.without_the_faintest(0.1).pre, pre.mean(0).expand_as(pre))


@pytest.mark.parametrize("offset", [0.0, 1.0, -1.0])
def test_half_the_order_is_turned_over_by_an_odd_offset(offset: float):
    n, key = 8, 4
    wave = (math.pi * torch.arange(n).double()).cos()
    pre = (wave.unsqueeze(1) + math.cos(math.pi * offset) * wave).reshape(-1, 1)
    form = Form(terms={key: Terms.ALIGNED}, offsets={key: offset})
    assert torch.allclose(fit(pre, cyclic_symmetry(n), form).pre, pre, atol=1e-10)


@pytest.mark.parametrize("rank", [0, 1, 3])
def test_principal_components_have_the_rank_that_the_numbers_pay_for(rank):
    pre = torch.randn(20, 5, generator=torch.Generator().manual_seed(1)).double()
    found = principal(pre, 5 + rank * (25 - rank))
    centred = pre - pre.mean(0)
    u, s, v = torch.linalg.svd(centred, full_matrices=False)
    expected = pre.mean(0) + (u[:, :rank] * s[:rank]) @ v[:rank]
    assert torch.allclose(found, expected, atol=1e-10)
