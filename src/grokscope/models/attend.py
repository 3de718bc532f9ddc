"""Attention in which every query names the few entries that it sees.

Networks that read a row of four tokens have few distinct keys and values: what an entry holds may
be shared by hundreds of rows. No row's keys and values are laid side by side; scores and weighted
sums read them where they are. Both functions can be differentiated once, not twice.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple, cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

Entries = Float[Tensor, "model entry width"]
Bags = tuple[Int[Tensor, " seen_bag"], Int[Tensor, " bag"]]


class Twins(NamedTuple):
    """As many queries as others at a later position, each of which sees all that its twin sees.

    What they give back to an entry is added up before it is taken there.
    """

    later: slice
    n_later: int
    """Positions that the later ones see, from the first."""
    earlier: slice | None = None
    n_earlier: int = 0


class Sight(NamedTuple):
    """What every query sees."""

    seen: Int[Tensor, "pos model query"]
    """Entries of its network, position by position."""
    hidden: Bool[Tensor, "pos query"]
    """Those of them that count for nothing after all."""
    twins: Sequence[Twins]
    """All queries."""


def pick(entries: Entries, chosen: Int[Tensor, "model row"]) -> Float[Tensor, "model row width"]:
    """Entry `chosen[m, r]` of each network's own."""
    return cast(Tensor, _Pick.apply(entries, _numbered(chosen, entries).flatten()))


def attend(
    q: Float[Tensor, "model query d_model"],
    kv: Float[Tensor, "model entry key_and_value"],
    sight: Sight,
    n_heads: int,
) -> Float[Tensor, "model query d_model"]:
    """Each query's mean of the values it sees, weighted by softmax(q · k / √d_head) in each head.

    Args:
        q: queries, heads side by side.
        kv: of every entry its key and then its value, heads side by side.
        sight: entries that a query sees.
        n_heads: heads that d_model is divided into.
    """
    seen = _numbered(sight.seen, kv)
    return cast(Tensor, _Attend.apply(q, kv, seen, sight.hidden, sight.twins, n_heads))


def _numbered(entry: Tensor, entries: Tensor) -> Tensor:
    """Entries counted through all networks."""
    n_models, n_entries = entries.shape[:2]
    return entry + torch.arange(n_models, device=entry.device).unsqueeze(1) * n_entries


def _zeros(like: Entries) -> Entries:
    return torch.zeros_like(like, memory_format=torch.contiguous_format)


def _add(total: Entries, values: Float[Tensor, "row width"], entry: Int[Tensor, " row"]) -> None:
    """Add the values that belong to each entry, with the same bits every time."""
    flat = total.view(-1, values.shape[1])
    if values.is_cuda:  # sorts first, where index_add adds in any order
        flat.index_put_((entry,), values, accumulate=True)
    else:
        flat.index_add_(0, entry, values)


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
        total = _zeros(entries)
        _add(total, gradients[0].flatten(0, 1), entry)
        return total, None


class _Attend(Function):
    """One bag of vectors per query and head: `embedding_bag` sums them, weighted, in one pass."""

    @staticmethod
    def forward(  # noqa: PLR0913 (autograd's signature)
        ctx: Any,  # noqa: ANN401
        q: Tensor,
        kv: Tensor,
        entry: Tensor,
        hidden: Tensor,
        twins: Sequence[Twins],
        n_heads: int,
    ) -> Tensor:
        n_seen, n_models, n_queries = entry.shape
        head = torch.arange(n_heads, device=entry.device)
        key = (entry.unsqueeze(-1) * (2 * n_heads) + head).view(n_seen, -1)
        bag, _ = _bags(n_seen, key.shape[1], entry.device)
        vectors = _by_head(kv, 2 * n_heads)
        scores = _dots(_by_head(q, n_heads), vectors, key, bag)
        scores = scores.mul_(_scale(q, n_heads)).view(n_seen, n_models, n_queries, n_heads)
        scores.masked_fill_(hidden[:, None, :, None], -torch.inf)
        pattern = scores.softmax(0).view(n_seen, -1)
        key_of_bag = key.t().contiguous()
        ctx.save_for_backward(q, kv, entry, key, key_of_bag, pattern)
        ctx.n_heads, ctx.twins = n_heads, twins
        return _weighted(vectors, key_of_bag + n_heads, pattern).view(q.shape)

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any,  # noqa: ANN401
        *gradients: Tensor,
    ) -> tuple[Tensor | None, ...]:
        q, kv, entry, key, key_of_bag, pattern = ctx.saved_tensors
        bag, _ = _bags(len(key), key.shape[1], key.device)
        n_heads, vectors = ctx.n_heads, _by_head(kv, 2 * ctx.n_heads)
        by_pattern = _dots(_by_head(gradients[0], n_heads), vectors, key + n_heads, bag)
        by_score = torch.ops.aten._softmax_backward_data(by_pattern, pattern, 0, pattern.dtype)
        by_score.mul_(_scale(q, n_heads))
        of_heads = (len(entry), *q.shape[:2], n_heads)
        weights = torch.stack([by_score.view(of_heads), pattern.view(of_heads)], 3)
        rows = torch.stack([q, gradients[0]], 2).unflatten(3, (n_heads, -1))
        by_q = _weighted(vectors, key_of_bag, by_score).view(q.shape)
        by_kv = _zeros(kv)
        for some in ctx.twins:
            given = _given(weights, rows, some)
            _add(by_kv, given, entry[: some.n_later, :, some.later].flatten())
        return by_q, by_kv, None, None, None, None


def _given(
    weights: Float[Tensor, "seen model query 2 head"],
    rows: Float[Tensor, "model query 2 head d_head"],
    some: Twins,
) -> Float[Tensor, "seen_model_query key_and_value"]:
    """What queries and their twins give to the keys and values that they see."""
    given = weights[: some.n_later, :, some.later].unsqueeze(-1) * rows[:, some.later]
    if some.earlier is not None:
        weight = weights[: some.n_earlier, :, some.earlier].unsqueeze(-1)
        given[: some.n_earlier].addcmul_(weight, rows[:, some.earlier])
    return given.flatten(3).flatten(0, 2)


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
    n_bags, n_seen = vector_of_bag.shape
    _, starts = _bags(n_seen, n_bags, vectors.device)
    by_bag, mode_sum = weights.t().reshape(-1), 0
    members = vector_of_bag.view(-1)
    return torch.embedding_bag(vectors, members, starts, False, mode_sum, False, by_bag)[0]


def _bags(n_seen: int, n_bags: int, device: torch.device) -> Bags:
    """The bag of every member, seen by seen; and where bags start that lie one after another."""
    # a CUDA graph does not keep what it reads, so nothing may be dropped behind its back
    return (_kept_bags if device.type == "cpu" else _new_bags)(n_seen, n_bags, device)


def _new_bags(n_seen: int, n_bags: int, device: torch.device) -> Bags:
    bag = torch.arange(n_bags, device=device)
    return bag.repeat(n_seen), bag * n_seen


# training and looks need two each, for up to two sizes of stacks
_kept_bags = lru_cache(maxsize=8)(_new_bags)


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
