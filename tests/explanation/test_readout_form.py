"""The read-out with weights for every class, against the formula written out row by row."""

import math

import pytest
import torch

from grokscope.explanation.closed_form import Term, compare, fit
from grokscope.explanation.output import Errors
from grokscope.explanation.readout_form import ReadOutForm, fit_readout

N = 11


def terms() -> list[Term]:
    flat = torch.ones(N, dtype=torch.float64)
    d = torch.arange(N).double()
    pizza = (math.pi * 3 / N * d).cos().abs()
    tilt = (2 * math.pi * 2 / N * d).cos()
    return [
        Term(circle=3, k=3, profile=pizza),
        Term(circle=4, k=2, profile=tilt),
        Term(circle=5, k=5, profile=flat),
    ]


def by_hand(x: int, y: int, tokens: int = 0) -> list[float]:
    """Features of one row: the bias, then every term's profile with waves of the sum."""
    features = [1.0]
    for term in terms():
        height = float(term.profile[(x + tokens - y) % N])
        own = (1, 2) if term.k == 5 else (0, 1, 2)  # a flat profile without a wave is the bias
        for m in own if term.k == term.circle else (1,):
            turn = 2 * math.pi * m * term.k * (x + tokens + y) / N
            waves = [math.cos(turn), math.sin(turn)] if m else [1.0]
            features += [height * wave for wave in waves]
    return features


def errors_of(weights: torch.Tensor, tokens: int = 0) -> Errors:
    found = torch.zeros(N, N, N, dtype=torch.float64)
    for x in range(N):
        for y in range(N):
            logits = torch.tensor(by_hand(x, y, tokens), dtype=torch.float64) @ weights
            for u in range(N):
                found[x, y, u] = logits[(x + y + u) % N]
    return found


def fitted(errors: Errors) -> ReadOutForm:
    return fit_readout(errors, fit(errors, terms()))


@pytest.fixture
def weights() -> torch.Tensor:
    draws = torch.Generator().manual_seed(5)
    drawn = torch.randn(len(by_hand(0, 0)), N, generator=draws, dtype=torch.float64)
    return drawn - drawn.mean(1, keepdim=True)


def test_weights_of_every_class_are_recovered(weights: torch.Tensor):
    errors = errors_of(weights)
    form = fitted(errors)
    torch.testing.assert_close(form.errors(), errors, rtol=0, atol=0.06)
    assert compare(errors, form).variance > 0.9999
    assert compare(errors, fit(errors, terms())).variance < 0.9


def test_the_number_of_parameters(weights: torch.Tensor):
    """One for each term of the equivariant form, and every class's weights."""
    form = fitted(errors_of(weights))
    assert form.n_parameters == 3 + len(by_hand(0, 0)) * N


def test_an_operand_moved_on_all_circles_is_the_formula_at_another_row(weights: torch.Tensor):
    form = fitted(errors_of(weights))
    torch.testing.assert_close(form.shifted(4), errors_of(weights, tokens=4), rtol=0, atol=0.06)


def test_circles_add_up(weights: torch.Tensor):
    """The bias belongs to none of them: what is left is the same for every row of a class."""
    form = fitted(errors_of(weights))
    parts = form.errors([3]) + form.errors([4]) + form.errors([5])
    torch.testing.assert_close(form.errors([3, 4, 5]), parts)
    bias = form.errors() - parts
    x = torch.arange(N)
    answers = (x[:, None, None] + x[None, :, None] + x[None, None, :]) % N
    torch.testing.assert_close(bias, bias[0, 0][answers])


def test_what_no_circle_says_is_left(weights: torch.Tensor):
    draws = torch.Generator().manual_seed(6)
    noise = torch.randn(N, N, N, generator=draws, dtype=torch.float64)
    errors = errors_of(weights) + noise - noise.mean(2, keepdim=True)
    assert compare(errors, fitted(errors)).variance < 0.99
