"""Attention among the few positions of a row, each position's stream a tensor of its own.

Shares that add up to the same for every query leave one position out: it enters with its value, the
others by their differences from it. So of two positions there is one key and one score per query.
Sums over a head's columns are products with a matrix of ones and zeros: torch's own sums over a few
neighbouring columns take several times as long.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

Stream = Float[Tensor, "model row d_model"]


@dataclass(frozen=True, kw_only=True)
class Differences:
    """What queries see beside the position that is left out."""

    keys: Sequence[Stream]
    """Per position, the difference of its key from the one left out; heads side by side."""
    values: Sequence[Stream]
    base: Stream
    """The value of the one left out, times the sum of all shares."""


def attend_in_row(
    queries: Sequence[Stream],
    seen: Differences,
    rate: Float[Tensor, " model"],
    n_heads: int,
) -> list[Stream]:
    """Per query Σ share · value, with shares rate · softmax(q · k / √d_head) + (1 − rate).

    Differentiable once, not twice; not by the rate.
    """
    if not seen.keys:
        return [seen.base for _ in queries]
    inputs = (*queries, *seen.keys, *seen.values)
    column = rate.to(seen.base.dtype)[:, None, None]
    found = _AttendInRow.apply(len(queries), n_heads, column, seen.base, *inputs)
    return list(cast(tuple[Tensor, ...], found))


class _AttendInRow(Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        n_queries: int,
        n_heads: int,
        rate: Float[Tensor, "model 1 1"],
        base: Stream,
        *inputs: Stream,
    ) -> tuple[Stream, ...]:
        queries, keys, values = _parted(inputs, n_queries)
        heads = _heads(base, n_heads)
        shares = [_softmax(_dots(query, keys, heads)) for query in queries]
        spread = [[_spread(rate * one + (1 - rate), heads) for one in some] for some in shares]
        ctx.save_for_backward(*inputs, rate, heads, *shares, *(w for some in spread for w in some))
        ctx.n_queries, ctx.n_inputs = n_queries, len(inputs)
        return tuple(_weighted(some, values, base) for some in spread)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any,  # noqa: ANN401
        *gradients: Tensor,
    ) -> tuple[Tensor | None, ...]:
        inputs, rest = ctx.saved_tensors[: ctx.n_inputs], ctx.saved_tensors[ctx.n_inputs :]
        queries, keys, values = _parted(inputs, ctx.n_queries)
        rate, heads, shares = rest[0], rest[1], rest[2 : 2 + ctx.n_queries]
        spread = _rows_of(rest[2 + ctx.n_queries :], len(keys))
        by_scores = [
            _by_score(gradient, values, share, rate, heads)
            for gradient, share in zip(gradients, shares, strict=True)
        ]
        by_values = [_weighted(weights, gradients) for weights in zip(*spread, strict=True)]
        by_keys = [_weighted(weights, queries) for weights in zip(*by_scores, strict=True)]
        by_queries = [_weighted(weights, keys) for weights in by_scores]
        by_base = sum(gradients[1:], start=gradients[0])
        return None, None, None, by_base, *by_queries, *by_keys, *by_values


def _parted(
    inputs: Sequence[Stream], n_queries: int
) -> tuple[Sequence[Stream], Sequence[Stream], Sequence[Stream]]:
    n_keys = (len(inputs) - n_queries) // 2
    return inputs[:n_queries], inputs[n_queries:-n_keys], inputs[-n_keys:]


def _rows_of(flat: Sequence[Tensor], width: int) -> list[Sequence[Tensor]]:
    return [flat[i : i + width] for i in range(0, len(flat), width)]


def _heads(like: Stream, n_heads: int) -> Float[Tensor, "d_model head"]:
    """One where a column belongs to a head."""
    eye = torch.eye(n_heads, dtype=like.dtype, device=like.device)
    return eye.unsqueeze(1).expand(-1, like.shape[2] // n_heads, -1).flatten(0, 1)


def _dots(
    one: Stream, others: Sequence[Stream], heads: Float[Tensor, "d_model head"]
) -> Float[Tensor, "key model row head"]:
    """Products of a query with every key in each head, over √d_head."""
    scale = (heads.shape[0] // heads.shape[1]) ** -0.5
    return torch.stack([(one * other) @ heads for other in others]).mul_(scale)


def _softmax(
    scores: Float[Tensor, "key model row head"],
) -> Float[Tensor, "key model row head"]:
    """Of differences: the position left out has a score of 0."""
    return torch.cat([scores, torch.zeros_like(scores[:1])]).softmax(0)[:-1]


def _spread(
    weights: Float[Tensor, "model row head"], heads: Float[Tensor, "d_model head"]
) -> Stream:
    """A head's weight in all of its columns."""
    return weights @ heads.mT


def _by_score(
    gradient: Stream,
    values: Sequence[Stream],
    shares: Float[Tensor, "key model row head"],
    rate: Float[Tensor, "model 1 1"],
    heads: Float[Tensor, "d_model head"],
) -> list[Stream]:
    """The gradient of each product of a query and a key, in all columns of its head."""
    by_share = shares * _dots(gradient, values, heads)
    by_score = (by_share - shares * by_share.sum(0)).mul_(rate)
    return [_spread(one, heads) for one in by_score]


def _weighted(
    weights: Sequence[Stream], vectors: Sequence[Stream], base: Stream | None = None
) -> Stream:
    first = weights[0] * vectors[0] if base is None else base.addcmul(weights[0], vectors[0])
    for weight, vector in zip(weights[1:], vectors[1:], strict=True):
        first.addcmul_(weight, vector)
    return first
