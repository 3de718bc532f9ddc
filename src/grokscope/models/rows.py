"""The rows of a batch, and what can be prepared once for all the steps that see them."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

Slots = tuple[int, ...]
"""Which operands a table is indexed by: one, or several of equal vocabulary (a, b as a · n + b)."""

Shape = tuple[tuple[Slots, ...], int, int]
"""A table: by which slots a row looks it up (once for each), its entries per network, and the
vectors of an entry."""


Spelling = Callable[[Tensor], Tensor]
"""Makes other rows of input rows, network by network; equal spellings are equal as keys."""


class Rows:
    """Input rows of a stack of networks; what is derived from them is made once and kept.

    A full batch is the same at every step, so its networks share one `Rows` for thousands of steps.
    """

    def __init__(self, inputs: Shaped[Tensor, "model row slot"]) -> None:
        self.inputs = inputs
        self._seen: dict[tuple[Shape, ...], Bags] = {}
        self._holders: dict[Shape, Holders] = {}
        self._spelled: dict[Spelling, Rows] = {}

    @property
    def n_models(self) -> int:
        """Networks in the stack."""
        return self.inputs.shape[0]

    @property
    def n_rows(self) -> int:
        """Rows that each network sees."""
        return self.inputs.shape[1]

    def spelled(self, spelling: Spelling) -> "Rows":
        """Rows that are made of these, such as those with tokens of a model's own."""
        if spelling not in self._spelled:
            self._spelled[spelling] = Rows(spelling(self.inputs))
        return self._spelled[spelling]

    def seen(self, shapes: tuple[Shape, ...]) -> "Bags":
        """Which vectors every row looks up in tables laid one after another, a bag per row."""
        if shapes not in self._seen:
            self._seen[shapes] = self._make_seen(shapes)
        return self._seen[shapes]

    def holders(self, shape: Shape) -> "Holders":
        """Which rows look up each entry of a table, a bag per entry and vector."""
        if shape not in self._holders:
            self._holders[shape] = self._make_holders(shape)
        return self._holders[shape]

    def replace(self, models: Sequence[int], inputs: Shaped[Tensor, "changed row slot"]) -> None:
        """Give some networks other rows, in the tensors that are there."""
        self.inputs[list(models)] = inputs
        for spelling, rows in self._spelled.items():
            rows.replace(models, spelling(inputs))
        for shapes, bags in self._seen.items():
            bags.copy_(self._make_seen(shapes))
        for shape, holders in self._holders.items():
            fresh = self._make_holders(shape)
            holders.bags.copy_(fresh.bags)
            holders.weights.copy_(fresh.weights)

    def _entry(self, slots: Slots, n_entries: int) -> Int[Tensor, "model row"]:
        """Each row's entry in the networks' tables of `n_entries`, laid one after another."""
        n_tokens = round(n_entries ** (1 / len(slots)))
        entry = self.inputs[..., slots[0]]
        for slot in slots[1:]:
            entry = entry * n_tokens + self.inputs[..., slot]
        offsets = torch.arange(self.n_models, device=entry.device) * n_entries
        return entry + offsets.unsqueeze(1)

    def _make_seen(self, shapes: tuple[Shape, ...]) -> "Bags":
        columns: list[Tensor] = []
        first = 0
        for keys, n_entries, n_vectors in shapes:
            each = torch.arange(n_vectors, device=self.inputs.device)
            for slots in keys:
                entry = self._entry(slots, n_entries).flatten().unsqueeze(1)
                columns.append(first + entry * n_vectors + each)
            first += self.n_models * n_entries * n_vectors
        members = torch.cat(columns, 1)
        starts = torch.arange(len(members), device=members.device) * members.shape[1]
        return Bags(members.flatten(), starts)

    def _make_holders(self, shape: Shape) -> "Holders":
        keys, n_entries, n_vectors = shape
        entry = torch.cat([self._entry(slots, n_entries).flatten() for slots in keys])
        # not bincount: it waits to see how many it must return
        counts = entry.new_zeros(self.n_models * n_entries)
        counts.index_add_(0, entry, torch.ones_like(entry))
        vector = torch.arange(n_vectors, device=entry.device).repeat(len(entry))
        key = torch.arange(len(entry), device=entry.device).repeat_interleave(n_vectors)
        # bag after bag: all rows of an entry's first vector, then of its second, ...
        order = torch.argsort(entry[key] * n_vectors + vector, stable=True)
        sizes = counts.repeat_interleave(n_vectors)
        row = key % (self.n_models * self.n_rows)
        bags = Bags(row[order], sizes.cumsum(0) - sizes)
        return Holders(bags, (key * n_vectors + vector)[order])


class Bags:
    """Vectors that are added up together: bag after bag, and where each bag starts.

    Sums of bags are gathered, never scattered: no atomic addition, the same bits every time.
    """

    def __init__(self, members: Int[Tensor, " member"], starts: Int[Tensor, " bag"]) -> None:
        self.members, self.starts = members, starts

    def total(
        self,
        vectors: Float[Tensor, "vector width"],
        weights: Float[Tensor, " member"] | None = None,
    ) -> Float[Tensor, "bag width"]:
        """The sum of each bag's vectors, weighted if there are weights; not differentiable."""
        mode_sum = 0
        return torch.embedding_bag(
            vectors, self.members, self.starts, False, mode_sum, False, weights
        )[0]

    def copy_(self, other: "Bags") -> None:
        """Take the members of bags of as many."""
        self.members.copy_(other.members)
        self.starts.copy_(other.starts)


class Holders:
    """For every vector of a table the rows that look it up."""

    def __init__(self, bags: Bags, weights: Int[Tensor, " member"]) -> None:
        self.bags = bags
        self.weights = weights
        """Where each member's weight is among those of all rows and vectors."""

    def total(self, values: Float[Tensor, "row width"]) -> Float[Tensor, "entry width"]:
        """The sum of the values of every entry's rows, where an entry has one vector."""
        return self.bags.total(values)

    def weighted_total(
        self, values: Float[Tensor, "row width"], weights: Float[Tensor, "row vector"]
    ) -> Float[Tensor, "entry_vector width"]:
        """The same with each row's weight for each vector."""
        return self.bags.total(values, weights.flatten().index_select(0, self.weights))
