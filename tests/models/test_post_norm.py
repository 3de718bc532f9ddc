"""Sublayers with LayerNorm: values and gradients of torch's own; no second derivative."""

from collections.abc import Callable

import pytest
import torch
from torch.nn import functional as F

from grokscope.models.post_norm import Norm, add_and_normalize, feed_forward

Function = Callable[..., torch.Tensor]
D, WIDTH = 6, 9


def leaves(*shapes: tuple[int, ...]) -> list[torch.Tensor]:
    """Parameters of two networks; the last two are a LayerNorm's."""
    stream = torch.Generator().manual_seed(0)
    return [
        torch.randn(2, *shape, generator=stream, dtype=torch.float64).requires_grad_()
        for shape in (*shapes, (D,), (D,))
    ]


def norm_of(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """One network after another."""
    each = zip(x, weight, bias, strict=True)
    return torch.stack([F.layer_norm(x, (D,), weight, bias) for x, weight, bias in each])


CASES: dict[str, tuple[list[torch.Tensor], Function, Function]] = {
    "add": (
        leaves((7, D), (7, WIDTH), (WIDTH, D)),
        lambda x, z, w, *norm: add_and_normalize(x, z, w, Norm(*norm)),
        lambda x, z, w, *norm: norm_of(x + z @ w, *norm),
    ),
    "feed forward": (
        leaves((7, D), (D, WIDTH), (WIDTH, D)),
        lambda x, w_in, w_out, *norm: feed_forward(x, w_in, w_out, Norm(*norm)),
        lambda x, w_in, w_out, *norm: norm_of(x + (x @ w_in).relu() @ w_out, *norm),
    ),
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


@every_case
def test_values_and_all_gradients_are_the_plain_ones(
    case: tuple[list[torch.Tensor], Function, Function],
):
    inputs, ours, theirs = case
    found, expected = ours(*inputs), theirs(*inputs)
    assert torch.allclose(found, expected, rtol=1e-12, atol=1e-13)
    pairs = zip(
        torch.autograd.grad(found.tanh().sum(), inputs),
        torch.autograd.grad(expected.tanh().sum(), inputs),
        strict=True,
    )
    assert all(torch.allclose(a, b, rtol=1e-10, atol=1e-12) for a, b in pairs)


@every_case
def test_a_second_derivative_is_refused_instead_of_being_wrong(
    case: tuple[list[torch.Tensor], Function, Function],
):
    inputs, ours, _ = case
    (slope,) = torch.autograd.grad(ours(*inputs).tanh().sum(), inputs[0], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.square().sum().backward()
