"""A transformer's ReLU MLP with its residual stream, and its backward written out.

For tables the hidden activations are by far the largest tensors of a step, so what a step costs
beside its matrix products is mostly passes over them. Autograd would make one more tensor of that
size, the gradient before the ReLU; here the mask is applied in place to the gradient behind it.
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

Stream = Float[Tensor, "model row d_model"]


class Weights(NamedTuple):
    """The MLP's parameters."""

    W_in: Float[Tensor, "model d_model neuron"]
    b_in: Float[Tensor, "model neuron"]
    W_out: Float[Tensor, "model neuron d_model"]
    b_out: Float[Tensor, "model d_model"]


def relu_block(mid: Stream, weights: Weights) -> Stream:
    """The residual stream behind the MLP: mid + relu(mid · W_in + b_in) · W_out + b_out.

    Differentiable once, not twice.
    """
    return _ReluBlock.apply(mid, *weights)


class _ReluBlock(Function):
    @staticmethod
    def forward(ctx: Any, mid: Stream, *parameters: Tensor) -> Stream:  # noqa: ANN401
        weights = Weights(*parameters)
        post = torch.baddbmm(weights.b_in.unsqueeze(1), mid, weights.W_in).clamp_min_(0)
        ctx.save_for_backward(mid, weights.W_in, weights.W_out, post)
        return (mid + weights.b_out.unsqueeze(1)).baddbmm_(post, weights.W_out)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any,  # noqa: ANN401
        *gradients: Tensor,
    ) -> tuple[Tensor, ...]:
        (gradient,) = gradients
        mid, w_in, w_out, post = ctx.saved_tensors
        before = torch.bmm(gradient, w_out.mT)
        torch.ops.aten.threshold_backward.grad_input(before, post, 0, grad_input=before)
        return (
            torch.baddbmm(gradient, before, w_in.mT),
            torch.bmm(mid.mT, before),
            before.sum(1),
            torch.bmm(post.mT, gradient),
            gradient.sum(1),
        )
