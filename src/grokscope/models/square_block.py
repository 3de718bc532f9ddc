"""A square between two linear maps, with its backward written out.

It takes one pass over the hidden activations where autograd takes four.
"""

from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable


def square_block(
    pre: Float[Tensor, "model row neuron"], w_out: Float[Tensor, "model neuron d_out"]
) -> Float[Tensor, "model row d_out"]:
    """Compute pre² · w_out; differentiable once, not twice."""
    return cast(Tensor, _SquareBlock.apply(pre, w_out))


class _SquareBlock(Function):
    @staticmethod
    def forward(ctx: Any, pre: Tensor, w_out: Tensor) -> Tensor:  # noqa: ANN401
        post = pre.square()
        ctx.save_for_backward(pre, post, w_out)
        return torch.bmm(post, w_out)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any,  # noqa: ANN401
        *gradients: Tensor,
    ) -> tuple[Tensor, Tensor]:
        (gradient,) = gradients
        pre, post, w_out = ctx.saved_tensors
        by_pre = torch.bmm(gradient, 2 * w_out.mT).mul_(pre)
        # products are faster along the longer side
        return by_pre, torch.bmm(gradient.mT, post).mT
