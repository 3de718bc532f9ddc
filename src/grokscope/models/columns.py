"""Columns in whole cache lines: products 31 wide take twice the time of products 32 wide.

Outputs are computed with a few more columns than there are classes, and shown without them. Whoever
knows of it can use the whole tensor behind the shown one and spare a copy, forward and backward.
"""

from typing import Any, cast

from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F

LINE = 16
"""Numbers of four bytes in a cache line."""
_WORTHWHILE = 1.1
_MARK = "_grokscope_shown"
"""Set on what is shown: anyone's slice may have the same strides, and other columns that count."""


def padded(
    weights: Float[Tensor, "model d_in d_out"],
) -> Float[Tensor, "model d_in d_out_and_more"]:
    """The weights with columns of zeros behind them, where so few are needed that it pays."""
    width = weights.shape[2]
    whole = -(-width // LINE) * LINE
    return F.pad(weights, (0, whole - width)) if whole <= _WORTHWHILE * width else weights


def shown(
    outputs: Float[Tensor, "model row d_out_and_more"], width: int
) -> Float[Tensor, "model row d_out"]:
    """The first columns, as a view."""
    if outputs.shape[2] == width:
        return outputs
    found = cast(Tensor, _Shown.apply(outputs, width))
    setattr(found, _MARK, True)
    return found


def own_columns(outputs: Float[Tensor, "model row d_out"]) -> Tensor:
    """The rows with the unseen columns behind them if `shown` hid these; they may be written."""
    return whole(outputs.detach()) if getattr(outputs, _MARK, False) else outputs.detach()


def whole(outputs: Float[Tensor, "model row d_out"]) -> Float[Tensor, "model row d_out_and_more"]:
    """The rows with the unseen columns behind them, where there are any; they may hold anything."""
    n_models, n_rows, width = outputs.shape
    step = outputs.stride(1)
    end = outputs.storage_offset() + n_models * n_rows * step
    there = outputs.untyped_storage().nbytes() // outputs.itemsize
    wider = width < step < width + LINE and outputs.stride() == (n_rows * step, step, 1)
    return (
        outputs.as_strided((n_models, n_rows, step), outputs.stride())
        if (wider and end <= there)
        else outputs
    )


class _Shown(Function):
    @staticmethod
    def forward(ctx: Any, outputs: Tensor, width: int) -> Tensor:  # noqa: ANN401
        ctx.columns = outputs.shape[2]
        return outputs[..., :width]

    @staticmethod
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any,  # noqa: ANN401
        *gradients: Tensor,
    ) -> tuple[Tensor, None]:
        (gradient,) = gradients
        complete = whole(gradient)
        if complete.shape[2] != ctx.columns:
            complete = F.pad(gradient, (0, ctx.columns - gradient.shape[2]))
        return complete, None
