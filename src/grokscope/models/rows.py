"""The rows of a batch, and what can be prepared once for all the steps that see them."""

import torch
from jaxtyping import Bool, Int
from torch import Tensor


class Rows:
    """Input rows of a stack of networks; what is derived from them is made once and kept.

    A full batch is the same at every step, so its networks share one `Rows` for thousands of steps.
    """

    def __init__(self, inputs: Int[Tensor, "model row slot"]) -> None:
        self.inputs = inputs
        self._holders: dict[tuple[int, int], Holders] = {}

    @property
    def n_models(self) -> int:
        """Networks in the stack."""
        return self.inputs.shape[0]

    @property
    def n_rows(self) -> int:
        """Rows that each network sees."""
        return self.inputs.shape[1]

    def slot(self, slot: int) -> Int[Tensor, "model row"]:
        """The token of every row in one slot."""
        return self.inputs[..., slot]

    def flat(self, slot: int, n_tokens: int) -> Int[Tensor, " model_row"]:
        """The same as row numbers of all networks' tables laid one after another."""
        offsets = torch.arange(self.n_models, device=self.inputs.device) * n_tokens
        return (self.slot(slot) + offsets.unsqueeze(1)).flatten()

    def holders(self, slot: int, n_tokens: int) -> "Holders":
        """Which rows hold each token in a slot."""
        key = slot, n_tokens
        if key not in self._holders:
            self._holders[key] = Holders(self.flat(slot, n_tokens), self.n_models * n_tokens)
        return self._holders[key]


class Holders:
    """For every entry of a table the rows that look it up, padded to the most frequent entry.

    With it the backward of a look-up is a gather and a batched product: no scatter, no atomic
    addition, the same bits every time.
    """

    def __init__(self, index: Int[Tensor, " row"], n_entries: int) -> None:
        counts = torch.bincount(index, minlength=n_entries)
        width = int(counts.max())
        order = torch.argsort(index, stable=True)
        place = torch.arange(len(index), device=index.device)
        place = place - (counts.cumsum(0) - counts)[index[order]]
        self.rows: Int[Tensor, "entry holder"] = order[:1].new_zeros(n_entries, width)
        self.rows[index[order], place] = order
        self.real: Bool[Tensor, "entry holder"] = torch.arange(
            width, device=index.device
        ) < counts.unsqueeze(1)
        self.position: Int[Tensor, " row"] = torch.empty_like(order)
        self.position[order] = index[order] * width + place
