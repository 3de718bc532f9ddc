"""Sparse parity: whether an odd number of k bits out of n is set."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor

from grokscope.core.errors import SettingError
from grokscope.core.settings import require_at_least
from grokscope.tasks.base import Table, Task
from grokscope.tasks.sample import distinct_rows


@dataclass(frozen=True, kw_only=True)
class SparseParity(Task):
    """Rows of n random bits as real numbers; class 1 if an odd number of the informative k is set.

    With signs, a bit that is set is −1, so class 0 is a product of +1. The defaults are those of
    arXiv 2207.08799 and 2303.11873: 1,000 rows to train on, and as many to test. Those of
    arXiv 2501.04697 are n = 43, `bits`, and the first three. No row is there twice.
    """

    train_fraction: float = 0.5
    n: int = 40
    """Bits per row."""
    k: int = 3
    """Informative bits."""
    n_rows: int = 2000
    """Rows for training and test together; 2^n are all there are."""
    bits: Literal["signs", "bits"] = "signs"
    """`signs` are +1 and −1, `bits` are 0 and 1."""
    support: Literal["drawn", "first"] = "drawn"
    """Which bits are informative: drawn from the task's seed, or the first k."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(1, self, "n")
        if not 1 <= self.k <= self.n:
            raise SettingError("k", f"from 1 to `n` = {self.n}", self.k)
        if not 1 <= self.n_rows <= 2**self.n:
            raise SettingError("n_rows", f"from 1 to 2^{self.n}, without repetition", self.n_rows)

    @property
    def exact_name(self) -> str:
        """Such as `parity of 3 bits out of 40`."""
        return f"parity of {self.k} bits out of {self.n}"

    def informative(self) -> Int[Tensor, " k"]:
        """Which bits count, in rising order."""
        if self.support == "first":
            return torch.arange(self.k)
        return torch.randperm(self.n, generator=self.stream("support"))[: self.k].sort().values

    def exact_table(self) -> Table:
        """Rows in the order in which they were drawn."""
        stream = self.stream("rows")
        rows = distinct_rows(
            lambda count: torch.randint(2, (count, self.n), generator=stream), self.n_rows
        )
        return Table(
            inputs=(rows if self.bits == "bits" else 1 - 2 * rows).float(),
            labels=rows[:, self.informative()].sum(1) % 2,
            d_vocab=0,
            n_classes=2,
            mirror=torch.arange(len(rows)),
        )
