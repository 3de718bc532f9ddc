"""A ReLU layer between two linear maps, with its backward written out.

For tables the hidden activations are by far the largest tensors of a step, so what a step costs
beside its matrix products is mostly passes over them. Autograd would make one more tensor of that
size, the gradient before the ReLU; here the mask is applied in place to the gradient behind it.
"""

from typing import Any, NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class ReluLayer(NamedTuple):
    """What is linear around the ReLU."""

    W_in: Float[Tensor, "model d_in neuron"]
    b_in: Float[Tensor, "model neuron"]
    W_out: Float[Tensor, "model neuron d_out"]


def relu_block(
    x: Float[Tensor, "model row d_in"], base: Float[Tensor, "model row d_out"], layer: ReluLayer
) -> Float[Tensor, "model row d_out"]:
    """Compute base + relu(x · W_in + b_in) · W_out; differentiable once, not twice."""
    return cast(Tensor, _ReluBlock.apply(x, base, *layer))


class _ReluBlock(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, base: Tensor, *layer: Tensor) -> Tensor:  # noqa: ANN401
        w_in, b_in, w_out = layer
        post = torch.baddbmm(b_in.unsqueeze(1), x, w_in).clamp_min_(0)
        ctx.save_for_backward(x, w_in, w_out, post)
        return torch.baddbmm(base, post, w_out)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any,  # noqa: ANN401
        *gradients: Tensor,
    ) -> tuple[Tensor, ...]:
        (gradient,) = gradients
        x, w_in, w_out, post = ctx.saved_tensors
        before = torch.bmm(gradient, w_out.mT)
        torch.ops.aten.threshold_backward.grad_input(before, post, 0, grad_input=before)
        return (
            torch.bmm(before, w_in.mT),
            gradient,
            torch.bmm(x.mT, before),
            before.sum(1),
            torch.bmm(post.mT, gradient),
        )
