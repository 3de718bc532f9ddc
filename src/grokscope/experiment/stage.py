"""A task's table on the device where networks are measured: everything that all looks share."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from grokscope.engine.stack import inputs_on
from grokscope.measures.grid import Grid
from grokscope.models import Rows
from grokscope.tasks import Split, Table


class Stage:
    """Rows, labels, and the parts of the table of every network, copied to a device once."""

    def __init__(
        self, table: Table, splits: Sequence[Split], device: torch.device, dtype: torch.dtype
    ) -> None:
        self.labels = table.labels.to(device)
        self.noisy = None if table.noisy is None else table.noisy.to(device)
        self.grid = Grid(table.inputs, table.cyclic, device) if table.cyclic else None
        self.targets = None if table.targets is None else table.targets.to(device)
        self._inputs = inputs_on(table, device, dtype)
        self._parts = _parts(splits, len(table.labels)).to(device)
        self._rows: dict[int, Rows] = {}

    def rows(self, n_models: int) -> Rows:
        """The whole table for each of some networks."""
        if n_models not in self._rows:
            self._rows[n_models] = Rows(self._inputs.expand(n_models, -1, -1))
        return self._rows[n_models]

    def parts(self, networks: Sequence[int]) -> Bool[Tensor, "model part row"]:
        """Which rows each network trains on, which it does not, and which of these are what."""
        chosen = torch.tensor(networks).to(self._parts.device, non_blocking=True)
        return self._parts.index_select(0, chosen)


def _parts(splits: Sequence[Split], n_rows: int) -> Bool[Tensor, "network part row"]:
    """In the order of `grokscope.measures.table_loss.PARTS`."""
    count = 5 if any(len(split.ood) for split in splits) else 4
    parts = torch.zeros(len(splits), count, n_rows, dtype=torch.bool)
    for own, split in zip(parts, splits, strict=True):
        rows: tuple[Int[Tensor, " _"], ...] = (split.train, split.novel, split.mirrored, split.ood)
        for part, chosen in zip((0, 2, 3, 4)[: count - 1], rows, strict=False):
            own[part, chosen] = True
    parts[:, 1] = parts[:, 2] | parts[:, 3]
    return parts
