"""The written-out MLP: values and gradients of the plain one, no silent second derivative."""

import pytest
import torch

from grokscope.models.relu_block import Weights, relu_block


def tensors() -> tuple[torch.Tensor, Weights]:
    stream = torch.Generator().manual_seed(0)
    shapes = [(2, 7, 3), (2, 3, 5), (2, 5), (2, 5, 3), (2, 3)]
    mid, *weights = (
        torch.randn(shape, generator=stream, dtype=torch.float64).requires_grad_()
        for shape in shapes
    )
    return mid, Weights(*weights)


def plain(mid: torch.Tensor, weights: Weights) -> torch.Tensor:
    post = (mid @ weights.W_in + weights.b_in[:, None]).relu()
    return mid + post @ weights.W_out + weights.b_out[:, None]


def test_values_and_all_gradients_are_the_plain_ones():
    mid, weights = tensors()
    ours, theirs = relu_block(mid, weights), plain(mid, weights)
    assert torch.allclose(ours, theirs, rtol=1e-12, atol=1e-13)
    leaves = [mid, *weights]
    pairs = zip(
        torch.autograd.grad(ours.tanh().sum(), leaves),
        torch.autograd.grad(theirs.tanh().sum(), leaves),
        strict=True,
    )
    assert all(torch.allclose(a, b, rtol=1e-11, atol=1e-13) for a, b in pairs)


def test_a_second_derivative_is_refused_instead_of_being_wrong():
    mid, weights = tensors()
    (slope,) = torch.autograd.grad(relu_block(mid, weights).tanh().sum(), mid, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.square().sum().backward()
