"""Attention behind the embedding: what depends on one token is computed once per token.

A row's residual stream is a sum of token vectors weighted by attention, so everything linear in it
is such a sum too. It is looked up in tables of all tokens, without a product over the rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from grokscope.models.base import Parameters
from grokscope.models.lookup import look_up, weighted_look_up
from grokscope.models.rows import Rows

N_OPERANDS = 2


def merged(layer: Parameters, name: str) -> Float[Tensor, "model d_model head_d_head"]:
    """A map to queries, keys or values, heads side by side."""
    return layer[name].transpose(1, 2).flatten(2)


@dataclass(frozen=True, kw_only=True)
class Attended:
    """The residual stream after attention at one position, as what a row looks up.

    It is own[token] + Σ over slots and heads of weight · value · W_O, where `own` belongs to the
    token of one slot (at `=` it is the same for every token).
    """

    rows: Rows
    values: list[Float[Tensor, "model head token d_head"]]
    """Per operand slot that is seen."""
    weights: list[Float[Tensor, "model row head"]]
    """Per operand slot that is seen, what the position gives to it."""
    W_O: Float[Tensor, "model head d_head d_model"]
    own: Float[Tensor, "model token d_model"]
    slot: int
    """Whose token `own` belongs to."""

    def through(
        self,
        linear: Float[Tensor, "model d_model d_out"],
        bias: Float[Tensor, "model d_out"],
    ) -> Float[Tensor, "model row d_out"]:
        """The stream after a linear map and a bias."""
        own = torch.baddbmm(bias.unsqueeze(1), self.own, linear)
        w_o = self.W_O @ linear.unsqueeze(1)
        tables = [(value @ w_o).transpose(1, 2) for value in self.values]
        tables[self.slot] = torch.cat([tables[self.slot], own.unsqueeze(2)], 2)
        weights = [*self.weights]
        weights[self.slot] = F.pad(weights[self.slot], (0, 1), value=1.0)
        return weighted_look_up(self.rows, tables, weights)


@dataclass(frozen=True, kw_only=True)
class FirstLayer:
    """The first layer's attention, over tables of the stream before it."""

    params: Parameters
    tables: Sequence[Float[Tensor, "model _ d_model"]]
    """Per position, for each token it can hold: operand, operand, and `=` if there is one."""
    rows: Rows
    causal: bool

    def attended(self, position: int) -> Attended:
        """The residual stream after attention at a position.

        A row's attention shares sum to the same total whatever the row. So where `=` is seen, its
        value enters once for all rows, and the operands by their difference from it.
        """
        seen = self.tables[: position + 1] if self.causal else self.tables
        shares = self._scores(position, seen).softmax(0)
        rate = self.params["attention_rate"].to(shares.dtype)[:, None, None]
        w_o, w_v = self.params["W_O"], merged(self.params, "W_V")
        values = [torch.bmm(table, w_v) for table in seen]
        own = self.tables[position]
        if len(seen) > N_OPERANDS:
            total = rate + len(seen) * (1 - rate)
            own = own + total * torch.bmm(values[-1], w_o.flatten(1, 2))
            own = own.expand(-1, self.tables[0].shape[1], -1)
            values = [value - values[-1] for value in values[:-1]]
        return Attended(
            rows=self.rows,
            values=[value.unflatten(2, (w_o.shape[1], -1)).transpose(1, 2) for value in values],
            weights=list((rate * shares + (1 - rate))[: len(values)]),
            W_O=w_o,
            own=own,
            slot=min(position, N_OPERANDS - 1),
        )

    def _scores(
        self, position: int, seen: Sequence[Float[Tensor, "model _ d_model"]]
    ) -> Float[Tensor, "pos model row head"]:
        """Attention scores of a position on each that it sees, row by row."""
        w_k, w_q = merged(self.params, "W_K"), merged(self.params, "W_Q")
        n_heads, d_head = self.params["W_O"].shape[1:3]
        heads = (n_heads, d_head)
        q = torch.bmm(self.tables[position], w_q) * d_head**-0.5
        q = q.unflatten(2, heads)
        keys = [torch.bmm(table, w_k).unflatten(2, heads) for table in seen]
        own = (keys[position] * q).sum(-1)  # the position looking at itself
        scores = [
            self._own(position, own) if other == position else self._on(position, q, other, key)
            for other, key in enumerate(keys)
        ]
        return torch.stack([score.expand(-1, self.rows.n_rows, -1) for score in scores])

    def _own(
        self, position: int, own: Float[Tensor, "model _ head"]
    ) -> Float[Tensor, "model _ head"]:
        """Of an operand its token's; of `=` the same for all rows."""
        return look_up(self.rows, [((position,), own)]) if position < N_OPERANDS else own

    def _on(
        self,
        position: int,
        q: Float[Tensor, "model _ head d_head"],
        other: int,
        key: Float[Tensor, "model _ head d_head"],
    ) -> Float[Tensor, "model row head"]:
        """Scores on another position: of pairs of operands, or of an operand and `=`."""
        if max(position, other) < N_OPERANDS:
            a, b = (q, key) if position < other else (key, q)
            pairs = torch.einsum("mahe,mbhe->mabh", a, b).flatten(1, 2)
            return look_up(self.rows, [((0, 1), pairs)])
        return look_up(self.rows, [((min(position, other),), (key * q).sum(-1))])
