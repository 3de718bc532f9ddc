"""The written-out ReLU layer: values and gradients of the plain one; no second derivative."""

import pytest
import torch

from grokscope.models.relu_block import ReluLayer, relu_block

Leaves = tuple[torch.Tensor, torch.Tensor, ReluLayer]


def tensors() -> Leaves:
    stream = torch.Generator().manual_seed(0)
    shapes = [(2, 7, 3), (2, 7, 4), (2, 3, 5), (2, 5), (2, 5, 4)]
    x, base, *layer = (
        torch.randn(shape, generator=stream, dtype=torch.float64).requires_grad_()
        for shape in shapes
    )
    return x, base, ReluLayer(*layer)


def plain(x: torch.Tensor, base: torch.Tensor, layer: ReluLayer) -> torch.Tensor:
    return base + (x @ layer.W_in + layer.b_in[:, None]).relu() @ layer.W_out


def test_values_and_all_gradients_are_the_plain_ones():
    x, base, layer = tensors()
    ours, theirs = relu_block(x, base, layer), plain(x, base, layer)
    assert torch.allclose(ours, theirs, rtol=1e-12, atol=1e-13)
    leaves = [x, base, *layer]
    pairs = zip(
        torch.autograd.grad(ours.tanh().sum(), leaves),
        torch.autograd.grad(theirs.tanh().sum(), leaves),
        strict=True,
    )
    assert all(torch.allclose(a, b, rtol=1e-11, atol=1e-13) for a, b in pairs)


def test_a_second_derivative_is_refused_instead_of_being_wrong():
    x, base, layer = tensors()
    (slope,) = torch.autograd.grad(relu_block(x, base, layer).tanh().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.square().sum().backward()
