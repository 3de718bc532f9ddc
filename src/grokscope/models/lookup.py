"""Look-ups in tables of one row per token, with backward passes that scatter nothing.

What a network computes from one token needs computing once per token; a row of the batch then adds
a few table rows up. Backward, every token collects from the rows that hold it, with no atomic
addition, so that the bits are always the same. All of it can be differentiated once, not twice.
"""

from collections.abc import Sequence
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from grokscope.models.rows import Bags, Rows, Shape, Slots


def look_up(
    rows: Rows, tables: Sequence[tuple[Slots, Float[Tensor, "model entry width"]]]
) -> Float[Tensor, "model row width"]:
    """Each row's entries of its network's own tables, added up."""
    shapes = tuple(((slots,), table.shape[1], 1) for slots, table in tables)
    return _looked_up(rows, shapes, [table for _, table in tables])


def look_up_each(
    rows: Rows, table: Float[Tensor, "model token width"]
) -> Float[Tensor, "model row width"]:
    """The entries of all operands of a row in one table, added up."""
    slots = tuple((slot,) for slot in range(rows.inputs.shape[2]))
    return _looked_up(rows, ((slots, table.shape[1], 1),), [table])


def weighted_look_up(
    rows: Rows,
    tables: Sequence[Float[Tensor, "model token _ width"]],
    weights: Sequence[Float[Tensor, "model row _"]],
) -> Float[Tensor, "model row width"]:
    """Compute Σ over slots s and vectors e of weights[s][row, e] · tables[s][token in s, e].

    With E vectors per token a row costs E multiplications per output and slot, where a product with
    the row's own vector would cost d_model.
    """
    shapes = tuple(
        (((slot,),), table.shape[1], table.shape[2]) for slot, table in enumerate(tables)
    )
    together = torch.cat([weight.flatten(0, 1) for weight in weights], 1)
    flat = [table.flatten(0, 1) for table in tables]
    found = cast(Tensor, _WeightedLookUp.apply(rows, shapes, together, *flat))
    return found.unflatten(0, (rows.n_models, rows.n_rows))


def _looked_up(rows: Rows, shapes: tuple[Shape, ...], tables: Sequence[Tensor]) -> Tensor:
    flat = [table.flatten(0, 1) for table in tables]
    found = cast(Tensor, _LookUp.apply(rows, shapes, *flat))
    return found.unflatten(0, (rows.n_models, rows.n_rows))


class _LookUp(Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        rows: Rows,
        shapes: tuple[Shape, ...],
        *tables: Float[Tensor, "_ width"],
    ) -> Tensor:
        ctx.rows, ctx.shapes = rows, shapes
        return rows.seen(shapes).total(torch.cat(tables))

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any,  # noqa: ANN401
        *gradients: Tensor,
    ) -> tuple[Tensor | None, ...]:
        gradient = gradients[0].contiguous()
        return None, None, *(ctx.rows.holders(shape).total(gradient) for shape in ctx.shapes)


class _WeightedLookUp(Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        rows: Rows,
        shapes: tuple[Shape, ...],
        weights: Float[Tensor, "row looked_up"],
        *tables: Float[Tensor, "_ _ width"],
    ) -> Tensor:
        stacked = torch.cat([table.flatten(0, 1) for table in tables])
        ctx.save_for_backward(weights, stacked)
        ctx.rows, ctx.shapes = rows, shapes
        return rows.seen(shapes).total(stacked, weights.flatten())

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any,  # noqa: ANN401
        *gradients: Tensor,
    ) -> tuple[Tensor | None, ...]:
        gradient = gradients[0].contiguous()
        weights, stacked = ctx.saved_tensors
        shares = weights.split([n_vectors for *_, n_vectors in ctx.shapes], 1)
        by_table = [
            ctx.rows.holders(shape).weighted_total(gradient, share).unflatten(0, (-1, shape[2]))
            for shape, share in zip(ctx.shapes, shares, strict=True)
        ]
        by_weight = _dot_products(gradient, stacked, ctx.rows.seen(ctx.shapes))
        return None, None, by_weight.view_as(weights), *by_table


def _dot_products(
    gradient: Float[Tensor, "row width"], tables: Float[Tensor, "entry width"], seen: Bags
) -> Float[Tensor, " looked_up"]:
    """Of each row's gradient with the table rows that it looked up."""
    n_looked_up = len(seen.members) // len(gradient)
    row = torch.arange(len(gradient), device=gradient.device).repeat_interleave(n_looked_up)
    mode_sum = 0
    return torch.ops.aten._embedding_bag_per_sample_weights_backward(
        gradient, tables, seen.members, seen.starts, row, mode_sum
    )
