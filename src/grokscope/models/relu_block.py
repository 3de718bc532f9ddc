"""A ReLU between two linear maps, with its backward written out.

For tables the hidden activations are by far the largest tensors of a step, so what a step costs
beside its matrix products is mostly passes over them. Here the ReLU works in place on its input,
and its mask in place on the gradient behind it.
"""

from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

_MANY_COLUMNS = 48
"""With fewer, setting the transposed result right costs what the faster product has saved."""


def relu_block(
    pre_and_base: Float[Tensor, "model row neuron_and_d_out_and_more"],
    w_out: Float[Tensor, "model neuron d_out"],
) -> Float[Tensor, "model row d_out"]:
    """Compute base + relu(pre) · w_out, overwriting `pre`; differentiable once, not twice.

    Both lie side by side, as they come out of one look-up; columns behind them are ignored. With
    the neurons' columns alone the base is 0.
    """
    return cast(Tensor, _ReluBlock.apply(pre_and_base, w_out))


class _ReluBlock(Function):
    @staticmethod
    def forward(ctx: Any, pre_and_base: Tensor, w_out: Tensor) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(pre_and_base, w_out)
        if pre_and_base.shape[2] == w_out.shape[1]:
            return torch.bmm(pre_and_base.detach().clamp_min_(0), w_out)
        pre, base, _ = _parts(pre_and_base.detach(), w_out)
        return torch.baddbmm(base, pre.clamp_min_(0), w_out)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any,  # noqa: ANN401
        *gradients: Tensor,
    ) -> tuple[Tensor, Tensor]:
        (gradient,) = gradients
        post_and_base, w_out = ctx.saved_tensors
        by_post = torch.bmm(gradient, w_out.mT)
        if post_and_base.shape[2] == w_out.shape[1]:
            _mask(by_post, post_and_base, by_post)
            return by_post, _by_w_out(post_and_base, gradient)
        post, _, _ = _parts(post_and_base, w_out)
        before = torch.empty_like(post_and_base)
        by_pre, by_base, unused = _parts(before, w_out)
        unused.zero_()
        by_base.copy_(gradient)
        _mask(by_post, post, by_pre)
        return before, _by_w_out(post, gradient)


def _by_w_out(post: Tensor, gradient: Tensor) -> Tensor:
    """Compute postᵀ · gradient: up to a quarter faster the other way round, unless few columns."""
    if gradient.shape[2] < _MANY_COLUMNS:
        return torch.bmm(post.mT, gradient)
    return torch.bmm(gradient.mT, post).mT


def _mask(gradient: Tensor, post: Tensor, out: Tensor) -> None:
    """The gradient where the ReLU let something through, else 0."""
    torch.ops.aten.threshold_backward.grad_input(gradient, post, 0, grad_input=out)


def _parts(columns: Tensor, w_out: Tensor) -> list[Tensor]:
    """What belongs to the neurons, to the outputs, and to nobody."""
    n_neurons, d_out = w_out.shape[1:]
    return list(columns.split([n_neurons, d_out, columns.shape[2] - n_neurons - d_out], 2))
