"""The decoder's fast path: its residual stream, with nothing computed twice.

Under a causal mask the stream at `a` and at `op` depends on the token `a` alone, in every layer, so
there one entry serves all rows that share the token. The stream of a stack is one tensor of
entries: those of `a`, of `op`, then every row's `b` and every row's `=`. Before the first layer
there are fewer still, one per token and position. Every map is one product over the entries, and
attention says for each entry which ones it sees. The last layer is left out everywhere but at `=`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from grokscope.models.attend import Sight, Twins, attend, pick
from grokscope.models.base import Parameters
from grokscope.models.columns import padded, shown
from grokscope.models.post_norm import Norm, add_and_normalize, feed_forward
from grokscope.models.rows import Rows

N_CTX = 4
"""Positions: `a`, `op`, `b`, `=`."""

Entries = Float[Tensor, "model entry d_model"]
Below = Float[Tensor, "model below d_model"]
"""The stream that a layer reads, where it has other entries than the one that it makes."""


@dataclass(frozen=True, kw_only=True)
class Stream:
    """What the residual stream is computed from."""

    W_E: Float[Tensor, "model token d_model"]
    """Operands, `op`, `=`."""
    positions: Float[Tensor, "pos d_model"]
    layers: Sequence[Parameters]
    """Each layer's parameters under the names of the first."""
    rows: Rows

    def read_out(self, W_U: Float[Tensor, "model d_model n_outputs"]) -> Tensor:
        """Logits of every row at `=`."""
        last = _feed_forward(self.layers[-1], self._last_mid())
        return shown(torch.bmm(last, padded(W_U)), W_U.shape[2])

    def last_hidden(self) -> Float[Tensor, "model row neuron"]:
        """The last layer's activations after the ReLU, of every row at `=`."""
        return torch.bmm(self._last_mid(), self.layers[-1]["W_in"]).relu_()

    def _last_mid(self) -> Float[Tensor, "model row d_model"]:
        """The stream between the sublayers of the last layer, of every row at `=`."""
        layout = Layout.of(self.rows, self.W_E.shape[1] - 2)
        x = self._first_mid(layout)
        for i, (below, layer) in enumerate(pairwise(self.layers), start=2):
            x = _feed_forward(below, x)
            computed = layout.last if i == len(self.layers) else layout.all
            own = x[:, computed]
            z = _attend(layer, torch.bmm(own, _merged(layer, "W_Q")), x, layout.later(computed))
            x = _add(layer, own, z)
        return x

    def _first_mid(self, layout: "Layout") -> Entries:
        layer, n = self.layers[0], layout.n_operands
        # operands at `a`, `op`, operands at `b`, `=`
        x = torch.cat([self.W_E[:, : n + 1], self.W_E[:, :n], self.W_E[:, n + 1 :]], 1)
        x = x + self.positions.index_select(0, _positions_of((n, 1, n, 1), x.device))
        computed = layout.last if len(self.layers) == 1 else layout.all
        sight = layout.first(computed)
        own = layout.own_token(sight.seen, computed)
        q = pick(torch.bmm(x, _merged(layer, "W_Q")), own)
        return _add(layer, pick(x, own), _attend(layer, q, x, sight))


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Which entries a stream has, and which of them the entries of the next one see."""

    n_operands: int
    token: Int[Tensor, "model shared"]
    """Tokens at `a`: all operands, or every row's own where there are fewer rows."""
    where: Int[Tensor, "model row"]
    """Where among them each row's `a` is."""
    rows: Rows

    @classmethod
    def of(cls, rows: Rows, n_operands: int) -> "Layout":
        """The layout with the fewest entries."""
        a = rows.inputs[..., 0]
        n_shared = min(n_operands, rows.n_rows)
        each = torch.arange(n_shared, device=a.device).expand(rows.n_models, -1)
        token, where = (each, a) if n_shared == n_operands else (a, each)
        return cls(n_operands=n_operands, token=token, where=where, rows=rows)

    @property
    def all(self) -> slice:
        """Every entry."""
        return slice(None)

    @property
    def last(self) -> slice:
        """Every row's `=`."""
        return slice(-self.rows.n_rows, None)

    def first(self, computed: slice) -> Sight:
        """What entries see in the first layer: an operand, `op`, an operand, `=`."""
        n, (a, b) = self.n_operands, self.rows.inputs.unbind(-1)
        first, second = (torch.cat([self.token, self.token, x, x], 1)[:, computed] for x in (a, b))
        op, equals = torch.full_like(first, n), torch.full_like(first, 2 * n + 1)
        seen = torch.stack([first, op, second + n + 1, equals])
        return self._sight(seen, computed)

    def own_token(
        self, seen: Int[Tensor, "pos model entry"], computed: slice
    ) -> Int[Tensor, "model entry"]:
        """Which of the tokens that an entry sees is its own."""
        own = self._position[computed].expand(1, *seen.shape[1:])
        return seen.gather(0, own).squeeze(0)

    def later(self, computed: slice) -> Sight:
        """What entries see in later layers: entries of the stream before."""
        n_shared, n_rows = self.token.shape[1], self.rows.n_rows
        entry = torch.arange(n_shared, device=self.where.device).expand_as(self.token)
        row = torch.arange(n_rows, device=self.where.device).expand_as(self.where)
        shared = torch.cat([entry, entry, self.where, self.where], 1)[:, computed]
        # nobody at `a` or `op` looks as far as a row: any will do
        own = 2 * n_shared + torch.cat([0 * entry, 0 * entry, row, row], 1)[:, computed]
        seen = torch.stack([shared, shared + n_shared, own, own + n_rows])
        return self._sight(seen, computed)

    def _sight(self, seen: Int[Tensor, "pos model entry"], computed: slice) -> Sight:
        n_shared, n_rows = self.token.shape[1], self.rows.n_rows
        hidden = _later_than((n_shared, n_shared, n_rows, n_rows), seen.device)[:, computed]
        if computed == self.last:
            return Sight(seen, hidden, [Twins(slice(None), N_CTX)])
        (a, op), (b, equals) = _neighbours(0, n_shared), _neighbours(2 * n_shared, n_rows)
        return Sight(seen, hidden, [Twins(op, 2, a, 1), Twins(equals, N_CTX, b, N_CTX - 1)])

    @property
    def _position(self) -> Int[Tensor, " entry"]:
        n_shared, n_rows = self.token.shape[1], self.rows.n_rows
        return _positions_of((n_shared, n_shared, n_rows, n_rows), self.where.device)


def _neighbours(start: int, size: int) -> tuple[slice, slice]:
    return slice(start, start + size), slice(start + size, start + 2 * size)


# for ever: a CUDA graph does not keep what it reads
@cache
def _positions_of(counts: tuple[int, ...], device: torch.device) -> Int[Tensor, " entry"]:
    """The position of every entry, where each position has so many."""
    return torch.arange(N_CTX).repeat_interleave(torch.tensor(counts)).to(device)


@cache
def _later_than(counts: tuple[int, ...], device: torch.device) -> Bool[Tensor, "pos entry"]:
    """Positions that come after an entry's own."""
    keys = torch.arange(N_CTX, device=device)
    return keys.unsqueeze(1) > _positions_of(counts, device)


def _attend(layer: Parameters, q: Entries, x: Below, sight: Sight) -> Entries:
    w_kv = torch.cat([_merged(layer, "W_K"), _merged(layer, "W_V")], 2)
    return attend(q, torch.bmm(x, w_kv), sight, layer["W_Q"].shape[1])


def _add(layer: Parameters, x: Entries, z: Entries) -> Entries:
    norm = Norm(layer["ln1_w"], layer["ln1_b"])
    return add_and_normalize(x, z, layer["W_O"].flatten(1, 2), norm)


def _feed_forward(layer: Parameters, x: Entries) -> Entries:
    norm = Norm(layer["ln2_w"], layer["ln2_b"])
    return feed_forward(x, layer["W_in"], layer["W_out"], norm)


def _merged(layer: Parameters, name: str) -> Float[Tensor, "model d_model head_d_head"]:
    return layer[name].transpose(1, 2).flatten(2)
