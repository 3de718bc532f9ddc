"""The written-out ReLU block: values and gradients of the plain one; no second derivative."""

import pytest
import torch

from grokscope.models.relu_block import relu_block


def tensors() -> list[torch.Tensor]:
    stream = torch.Generator().manual_seed(0)
    shapes = [(2, 7, 5), (2, 7, 4), (2, 5, 4)]
    return [
        torch.randn(shape, generator=stream, dtype=torch.float64).requires_grad_()
        for shape in shapes
    ]


def block(pre: torch.Tensor, base: torch.Tensor, w_out: torch.Tensor) -> torch.Tensor:
    return relu_block(torch.cat([pre, base], 2), w_out)


def plain(pre: torch.Tensor, base: torch.Tensor, w_out: torch.Tensor) -> torch.Tensor:
    return base + pre.relu() @ w_out


def test_values_and_all_gradients_are_the_plain_ones():
    leaves = tensors()
    ours, theirs = block(*leaves), plain(*leaves)
    assert torch.allclose(ours, theirs, rtol=1e-12, atol=1e-13)
    pairs = zip(
        torch.autograd.grad(ours.tanh().sum(), leaves),
        torch.autograd.grad(theirs.tanh().sum(), leaves),
        strict=True,
    )
    assert all(torch.allclose(a, b, rtol=1e-11, atol=1e-13) for a, b in pairs)


def test_without_a_base_it_is_the_product_alone():
    pre, _, w_out = tensors()
    ours, theirs = relu_block(pre * 1, w_out), pre.relu() @ w_out
    assert torch.allclose(ours, theirs, rtol=1e-12, atol=1e-13)
    pairs = zip(
        torch.autograd.grad(ours.tanh().sum(), (pre, w_out)),
        torch.autograd.grad(theirs.tanh().sum(), (pre, w_out)),
        strict=True,
    )
    assert all(torch.allclose(a, b, rtol=1e-11, atol=1e-13) for a, b in pairs)


def test_a_second_derivative_is_refused_instead_of_being_wrong():
    leaves = tensors()
    (slope,) = torch.autograd.grad(block(*leaves).tanh().sum(), leaves[2], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.square().sum().backward()
