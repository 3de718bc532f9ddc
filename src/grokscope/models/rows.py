"""The rows of a batch, and what can be prepared once for all the steps that see them."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

Slots = tuple[int, ...]
"""Which operands a table is indexed by: one, or several of equal vocabulary (a, b as a · n + b)."""

Shape = tuple[Slots, int, int]
"""A table: its slots, its entries per network, and the vectors of an entry."""


class Rows:
    """Input rows of a stack of networks; what is derived from them is made once and kept.

    A full batch is the same at every step, so its networks share one `Rows` for thousands of steps.
    """

    def __init__(self, inputs: Int[Tensor, "model row slot"]) -> None:
        self.inputs = inputs
        self._flat: dict[tuple[Slots, int], Tensor] = {}
        self._holders: dict[tuple[Slots, int], Holders] = {}
        self._entries: dict[tuple[Shape, ...], Tensor] = {}

    @property
    def n_models(self) -> int:
        """Networks in the stack."""
        return self.inputs.shape[0]

    @property
    def n_rows(self) -> int:
        """Rows that each network sees."""
        return self.inputs.shape[1]

    def flat(self, slots: Slots, n_entries: int) -> Int[Tensor, " model_row"]:
        """Each row's entry in the networks' tables of `n_entries`, laid one after another."""
        key = slots, n_entries
        if key not in self._flat:
            n_tokens = round(n_entries ** (1 / len(slots)))
            entry = self.inputs[..., slots[0]]
            for slot in slots[1:]:
                entry = entry * n_tokens + self.inputs[..., slot]
            offsets = torch.arange(self.n_models, device=entry.device) * n_entries
            self._flat[key] = (entry + offsets.unsqueeze(1)).flatten()
        return self._flat[key]

    def holders(self, slots: Slots, n_entries: int) -> "Holders":
        """Which rows look up each entry of such tables."""
        key = slots, n_entries
        if key not in self._holders:
            index = self.flat(slots, n_entries)
            self._holders[key] = Holders(index.view(self.n_models, self.n_rows), n_entries)
        return self._holders[key]

    def entries(self, shapes: tuple[Shape, ...]) -> Int[Tensor, "model_row looked_up"]:
        """What every row looks up in several tables laid one after another."""
        if shapes not in self._entries:
            columns: list[Tensor] = []
            first = 0
            for slots, n_entries, n_vectors in shapes:
                each = torch.arange(n_vectors, device=self.inputs.device)
                columns.append(first + self.flat(slots, n_entries).unsqueeze(1) * n_vectors + each)
                first += self.n_models * n_entries * n_vectors
            self._entries[shapes] = torch.cat(columns, 1)
        return self._entries[shapes]

    def replace(self, models: Sequence[int], inputs: Int[Tensor, "changed row slot"]) -> bool:
        """Give some networks other rows, in the tensors that are there.

        Returns:
            Whether everything derived could stay where it is; if not, some of it was made anew.
        """
        self.inputs[list(models)] = inputs
        fresh = Rows(self.inputs)
        for shapes, entries in self._entries.items():
            entries.copy_(fresh.entries(shapes))
        for key, flat in self._flat.items():
            flat.copy_(fresh.flat(*key))
        in_place = True
        for key, holders in self._holders.items():
            in_place &= holders.replace(self._flat[key].view(self.n_models, self.n_rows))
        return in_place


class Holders:
    """For every entry of a table the rows that look it up, padded to the most frequent entry.

    With it the backward of a look-up is a gather: no scatter, no atomic addition, the same bits
    every time.
    """

    def __init__(self, index: Int[Tensor, "model row"], n_entries: int) -> None:
        self.rows, self.real = _padded(index, n_entries)

    def replace(self, index: Int[Tensor, "model row"]) -> bool:
        """Take other rows, in the same tensors if they fit; whether they did."""
        n_entries = len(self.rows) // len(index)
        rows, real = _padded(index, n_entries, self.rows.shape[1])
        if rows.shape != self.rows.shape:
            self.rows, self.real = rows, real
            return False
        self.rows.copy_(rows)
        self.real.copy_(real)
        return True

    def total(self, values: Float[Tensor, "row width"]) -> Float[Tensor, "entry width"]:
        """The sum of the values of every entry's rows."""
        real = self.real.to(values.dtype)
        return F.embedding_bag(self.rows, values, mode="sum", per_sample_weights=real)

    def weighted_total(
        self, values: Float[Tensor, "row width"], weights: Float[Tensor, "row vector"]
    ) -> Float[Tensor, "entry vector width"]:
        """The same, once per column of weights."""
        n_entries, n_holders = self.rows.shape
        shares = weights.index_select(0, self.rows.flatten()).view(n_entries, n_holders, -1)
        shares = (shares * self.real.unsqueeze(2)).mT.flatten(0, 1)
        rows = self.rows.repeat_interleave(weights.shape[1], 0)
        found = F.embedding_bag(rows, values, mode="sum", per_sample_weights=shares)
        return found.view(n_entries, weights.shape[1], -1)


def _padded(
    index: Int[Tensor, "model row"], n_entries: int, width: int = 0
) -> tuple[Int[Tensor, "entry holder"], Bool[Tensor, "entry holder"]]:
    """The rows of every entry, at least `width` of them, and which of them are real.

    The others name a row of the same network: what is not finite must not reach a neighbour, and
    0 · NaN is NaN.
    """
    n_models, n_rows = index.shape
    index = index.flatten()
    counts = torch.bincount(index, minlength=n_models * n_entries)
    width = max(width, int(counts.max()))
    order = torch.argsort(index, stable=True)
    rank = torch.arange(len(index), device=index.device)
    rank = rank - (counts.cumsum(0) - counts)[index[order]]
    own = torch.arange(n_models, device=index.device) * n_rows
    rows = own.repeat_interleave(n_entries).unsqueeze(1).repeat(1, width)
    rows[index[order], rank] = order
    return rows, torch.arange(width, device=index.device) < counts.unsqueeze(1)
