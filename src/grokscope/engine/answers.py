"""What rows are to say: a label each, or two where a row stands for its mirror image too.

Where the task has real targets, these are beside the labels, which then say nothing.

A network that adds its two embeddings gives (a, b) and (b, a) the same logits whatever its weights,
so a full batch needs either of them once. At half of a table that is a quarter of the rows, at 80 %
two fifths.
"""

from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

Inputs = Int[Tensor, "model row slot"]


@dataclass(frozen=True)
class Answers:
    """Labels of the rows of a stack."""

    labels: Int[Tensor, "model row answer"]
    shares: Float[Tensor, "#model #row #answer"]
    """Of every answer in its network's mean loss; they add up to 1."""
    totals: Float[Tensor, "#model #row 1"]
    """Shares of a row."""
    targets: Float[Tensor, "#model row target"] | None = None

    @classmethod
    def plain(
        cls,
        labels: Int[Tensor, "model row"],
        dtype: torch.dtype,
        targets: Float[Tensor, "*model row target"] | None = None,
    ) -> "Answers":
        """One for each row, all with the same share."""
        share = _equal_share(labels.shape[1], dtype, labels.device)
        if targets is not None and targets.dim() == 2:
            targets = targets.unsqueeze(0)
        return cls(labels.unsqueeze(2), share, share, targets)

    def replace(self, models: list[int], other: "Answers") -> None:
        """Give some networks other answers, in the tensors that are there."""
        self.labels[models] = other.labels
        if self.targets is not None and other.targets is not None:
            self.targets[models] = other.targets
        if self.shares.numel() > 1:  # else all networks share one number
            self.shares[models] = other.shares
            self.totals[models] = other.totals


@cache  # for ever: a CUDA graph does not keep what it reads
def _equal_share(n_rows: int, dtype: torch.dtype, device: torch.device) -> Float[Tensor, "1 1 1"]:
    """Of a row among so many; one tensor for all the steps that need it."""
    return torch.full((1, 1, 1), 1 / n_rows, dtype=dtype, device=device)


def n_distinct(inputs: Inputs) -> int:
    """Rows of which none is the mirror image of another, of the network that has the most."""
    keys, _ = _sorted_keys(inputs)
    return 1 + int((keys.diff(dim=1) != 0).sum(1).max())


def merged(
    inputs: Inputs, labels: Int[Tensor, "model row"], n_rows: int, dtype: torch.dtype
) -> tuple[Int[Tensor, "model {n_rows} slot"], Answers]:
    """Mirror images laid together, in `n_rows` rows; those that are left over count for nothing.

    Args:
        inputs: two operands each, no row twice.
        labels: of these rows.
        n_rows: at least `n_distinct`.
        dtype: of the shares.
    """
    n_models, n_before = labels.shape
    keys, order = _sorted_keys(inputs)
    is_new = torch.ones_like(keys, dtype=torch.bool)
    is_new[:, 1:] = keys.diff(dim=1) != 0
    row = is_new.cumsum(1) - 1
    network = torch.arange(n_models, device=labels.device).unsqueeze(1)
    rows = inputs.new_zeros(n_models, n_rows, 2)
    rows[network, row] = inputs.sort(-1).values.gather(1, order.unsqueeze(2).expand(-1, -1, 2))
    answers = labels.new_zeros(n_models, n_rows, 2)
    shares = torch.zeros(n_models, n_rows, 2, dtype=dtype, device=labels.device)
    second = (~is_new).long()
    answers[network, row, second] = labels.gather(1, order)
    shares[network, row, second] = 1 / n_before
    return rows, Answers(answers, shares, shares.sum(2, keepdim=True))


def _sorted_keys(inputs: Inputs) -> tuple[Int[Tensor, "model row"], Int[Tensor, "model row"]]:
    """A number for each unordered pair, in ascending order, and the rows in that order."""
    low, high = inputs.amin(-1), inputs.amax(-1)
    return (low * (1 + high.amax()) + high).sort(dim=1, stable=True)
