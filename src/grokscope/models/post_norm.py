"""Sublayers with a LayerNorm behind them, LN(x + sublayer(x)), with their backward written out.

Autograd would add up the gradients of both branches in passes of their own and keep a second
hidden layer; here products add onto what is there, and the ReLU's mask works in place. Both
functions can be differentiated once, not twice.
"""

from typing import Any, NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

EPS = 1e-5
"""Added to the variance, as torch's LayerNorm does by default."""

Entries = Float[Tensor, "model entry d_model"]


class Norm(NamedTuple):
    """The affine map behind the normalisation."""

    weight: Float[Tensor, "model d_model"]
    bias: Float[Tensor, "model d_model"]


def add_and_normalize(
    x: Entries,
    z: Float[Tensor, "model entry d_in"],
    w: Float[Tensor, "model d_in d_model"],
    norm: Norm,
) -> Entries:
    """Compute LN(x + z · w)."""
    return cast(Tensor, _AddAndNormalize.apply(x, z, w, *norm))


def feed_forward(
    x: Entries,
    w_in: Float[Tensor, "model d_model neuron"],
    w_out: Float[Tensor, "model neuron d_model"],
    norm: Norm,
) -> Entries:
    """Compute LN(x + relu(x · w_in) · w_out)."""
    return cast(Tensor, _FeedForward.apply(x, w_in, w_out, *norm))


class _AddAndNormalize(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, z: Tensor, w: Tensor, *norm: Tensor) -> Tensor:  # noqa: ANN401
        out, kept = _normalize(torch.baddbmm(x, z, w), Norm(*norm))
        ctx.save_for_backward(z, w, *kept)
        return out

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any,  # noqa: ANN401
        *gradients: Tensor,
    ) -> tuple[Tensor, ...]:
        z, w, *kept = ctx.saved_tensors
        by_sum, *by_norm = _normalize_backward(gradients[0], kept)
        return by_sum, torch.bmm(by_sum, w.mT), torch.bmm(z.mT, by_sum), *by_norm


class _FeedForward(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, w_in: Tensor, w_out: Tensor, *norm: Tensor) -> Tensor:  # noqa: ANN401
        post = torch.bmm(x, w_in).clamp_min_(0)
        out, kept = _normalize(torch.baddbmm(x, post, w_out), Norm(*norm))
        ctx.save_for_backward(x, post, w_in, w_out, *kept)
        return out

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any,  # noqa: ANN401
        *gradients: Tensor,
    ) -> tuple[Tensor, ...]:
        x, post, w_in, w_out, *kept = ctx.saved_tensors
        by_sum, *by_norm = _normalize_backward(gradients[0], kept)
        by_pre = torch.bmm(by_sum, w_out.mT)
        torch.ops.aten.threshold_backward.grad_input(by_pre, post, 0, grad_input=by_pre)
        return (
            torch.baddbmm(by_sum, by_pre, w_in.mT),
            torch.bmm(x.mT, by_pre),
            torch.bmm(by_sum.mT, post).mT,  # products are faster along the longer side
            *by_norm,
        )


def _normalize(x: Tensor, norm: Norm) -> tuple[Tensor, list[Tensor]]:
    """LN(x), and what its backward needs; torch's own takes no weights with a model axis.

    Its backward needs the bias for a single network, and the normalised x for several.
    """
    if len(x) == 1:
        own = torch.native_layer_norm(x, x.shape[-1:], norm.weight[0], norm.bias[0], EPS)
        return own[0], [x, *own[1:], *norm]
    normalized, mean, rstd = torch.native_layer_norm(x, x.shape[-1:], None, None, EPS)
    weight, bias = (part.unsqueeze(1) for part in norm)
    out = torch.addcmul(bias, normalized, weight)
    return out, [x, mean, rstd, weight, normalized]


def _normalize_backward(gradient: Tensor, kept: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of x, of the weight and of the bias."""
    backward = torch.ops.aten.native_layer_norm_backward
    x, mean, rstd, weight, bias_or_normalized = kept
    shape = x.shape[-1:]
    if len(x) == 1:
        affine = weight[0], bias_or_normalized[0]
        own = backward(gradient, x, shape, mean, rstd, *affine, [True, True, True])
        return own[0], own[1].unsqueeze(0), own[2].unsqueeze(0)
    by_weight = gradient * bias_or_normalized
    by_norm = by_weight.sum(1), gradient.sum(1)
    by_normalized = torch.mul(gradient, weight, out=by_weight)
    by_x, *_ = backward(by_normalized, x, shape, mean, rstd, None, None, [True, False, False])
    return by_x, *by_norm
