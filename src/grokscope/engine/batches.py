"""Which training rows a network sees at a step: all of them, or a minibatch without replacement.

The order of an epoch is a function of (seed, epoch) alone, so a run can be resumed at any step
without any stored random state.
"""

import torch
from jaxtyping import Int
from torch import Tensor

from grokscope.core.errors import SettingError
from grokscope.core.seeds import generator


class Batches:
    """One network's training rows, step by step."""

    def __init__(self, rows: Int[Tensor, " train"], batch_size: int | None, seed: int) -> None:
        if batch_size is not None and not 1 <= batch_size <= len(rows):
            raise SettingError("batch_size", f"in [1, {len(rows)}] training rows", batch_size)
        self._rows = rows
        self._seed = seed
        self._size = batch_size
        self._epoch = -1
        self._order = rows

    @property
    def is_full(self) -> bool:
        """Whether every step sees every training row."""
        return self._size is None

    def at(self, step: int) -> Int[Tensor, " batch"]:
        """The rows of one step. Each epoch is a fresh order, its incomplete last batch dropped."""
        if self._size is None:
            return self._rows
        epoch, position = divmod(step, len(self._rows) // self._size)
        if epoch != self._epoch:
            stream = generator(self._seed, f"batch/{epoch}")
            self._order = self._rows[torch.randperm(len(self._rows), generator=stream)]
            self._epoch = epoch
        return self._order[position * self._size : (position + 1) * self._size]
