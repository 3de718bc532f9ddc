"""Attention in which every query names the few entries that it sees.

Networks that read a row of four tokens have few distinct keys and values: what an entry holds may
be shared by hundreds of rows. No row's keys and values are laid side by side; scores and weighted
sums read them where they are. Both functions can be differentiated once, not twice.
"""

from typing import Any, cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

Entries = Float[Tensor, "model entry width"]


def pick(entries: Entries, chosen: Int[Tensor, "model row"]) -> Float[Tensor, "model row width"]:
    """Entry `chosen[m, r]` of each network's own."""
    return cast(Tensor, _Pick.apply(entries, _numbered(chosen, entries).flatten()))


def attend(
    q: Float[Tensor, "model query d_model"],
    kv: tuple[Entries, Entries],
    seen: Int[Tensor, "seen model query"],
    hidden: Bool[Tensor, "seen query"],
    n_heads: int,
) -> Float[Tensor, "model query d_model"]:
    """Each query's mean of the values it sees, weighted by softmax(q · k / √d_head) in each head.

    Args:
        q: queries, heads side by side.
        kv: keys and values.
        seen: entries that a query sees, within its network.
        hidden: those of them that count for nothing after all.
        n_heads: heads that d_model is divided into.
    """
    return cast(Tensor, _Attend.apply(q, *kv, _numbered(seen, kv[0]), hidden, n_heads))


def _numbered(entry: Tensor, entries: Tensor) -> Tensor:
    """Entries counted through all networks."""
    n_models, n_entries = entries.shape[:2]
    return entry + torch.arange(n_models, device=entry.device).unsqueeze(1) * n_entries


def _collected(
    values: Float[Tensor, "row width"], entry: Int[Tensor, " row"], like: Entries
) -> Entries:
    """The sum of the values that belong to each entry, with the same bits every time."""
    total = torch.zeros_like(like, memory_format=torch.contiguous_format)
    flat = total.view(-1, values.shape[1])
    if values.is_cuda:  # sorts first, where index_add adds in any order
        flat.index_put_((entry,), values, accumulate=True)
    else:
        flat.index_add_(0, entry, values)
    return total


class _Pick(Function):
    @staticmethod
    def forward(ctx: Any, entries: Tensor, entry: Tensor) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(entries, entry)
        found = entries.flatten(0, 1).index_select(0, entry)
        return found.view(len(entries), -1, entries.shape[2])

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any,  # noqa: ANN401
        *gradients: Tensor,
    ) -> tuple[Tensor, None]:
        entries, entry = ctx.saved_tensors
        return _collected(gradients[0].flatten(0, 1), entry, entries), None


class _Attend(Function):
    """One bag of vectors per query and head: `F.embedding_bag` sums them, weighted, in one pass."""

    @staticmethod
    def forward(  # noqa: PLR0913 (autograd's signature)
        ctx: Any,  # noqa: ANN401
        q: Tensor,
        k: Tensor,
        v: Tensor,
        entry: Tensor,
        hidden: Tensor,
        n_heads: int,
    ) -> Tensor:
        n_seen, n_models, n_queries = entry.shape
        head = torch.arange(n_heads, device=entry.device)
        vector = (entry.unsqueeze(-1) * n_heads + head).view(n_seen, -1)
        bag = torch.arange(vector.shape[1], device=entry.device).repeat(n_seen)
        scores = _dots(_by_head(q, n_heads), _by_head(k, n_heads), vector, bag)
        scores = scores.mul_(_scale(q, n_heads)).view(n_seen, n_models, n_queries, n_heads)
        scores.masked_fill_(hidden[:, None, :, None], -torch.inf)
        pattern = scores.softmax(0).view(n_seen, -1)
        vector_of_bag = vector.t().contiguous()
        ctx.save_for_backward(q, k, v, entry, vector, vector_of_bag, bag, pattern)
        ctx.n_heads = n_heads
        return _weighted(_by_head(v, n_heads), vector_of_bag, pattern).view(q.shape)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any,  # noqa: ANN401
        *gradients: Tensor,
    ) -> tuple[Tensor | None, ...]:
        q, k, v, entry, vector, vector_of_bag, bag, pattern = ctx.saved_tensors
        queries, keys, values, by_z = (_by_head(x, ctx.n_heads) for x in (q, k, v, *gradients))
        by_pattern = _dots(by_z, values, vector, bag)
        by_score = torch.ops.aten._softmax_backward_data(by_pattern, pattern, 0, pattern.dtype)
        by_score.mul_(_scale(q, ctx.n_heads))

        def by_entry(weights: Tensor, rows: Tensor, like: Tensor) -> Tensor:
            each = weights.unsqueeze(2) * rows
            return _collected(each.view(-1, like.shape[2]), entry.flatten(), like)

        return (
            _weighted(keys, vector_of_bag, by_score).view(q.shape),
            by_entry(by_score, queries, k),
            by_entry(pattern, by_z, v),
            None,
            None,
            None,
        )


def _scale(q: Tensor, n_heads: int) -> float:
    return (q.shape[2] // n_heads) ** -0.5


def _by_head(x: Tensor, n_heads: int) -> Float[Tensor, "vector d_head"]:
    """The vectors of all entries' heads, one below another."""
    return x.detach().reshape(-1, x.shape[2] // n_heads)


def _weighted(
    vectors: Float[Tensor, "vector d_head"],
    vector_of_bag: Int[Tensor, "bag seen"],
    weights: Float[Tensor, "seen bag"],
) -> Float[Tensor, "bag d_head"]:
    by_bag = weights.t().contiguous()
    return F.embedding_bag(vector_of_bag, vectors, mode="sum", per_sample_weights=by_bag)


def _dots(
    rows: Float[Tensor, "bag d_head"],
    vectors: Float[Tensor, "vector d_head"],
    vector: Int[Tensor, "seen bag"],
    bag: Int[Tensor, " seen_bag"],
) -> Float[Tensor, "seen bag"]:
    """Of each bag's own row with every vector in it: the gradient of the weights in the bag."""
    return torch.ops.aten._embedding_bag_per_sample_weights_backward(
        rows, vectors, vector.flatten(), bag[:1], bag, 0
    ).view_as(vector)
