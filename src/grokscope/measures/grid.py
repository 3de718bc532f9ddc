"""The full table laid out over the coordinates of its cyclic group.

In these coordinates the right answer to (x, y) is always (x + y) mod n, whatever the operation, so
that every Fourier measure is written once. Rows and classes outside the group are left out.
"""

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from grokscope.algebra.cyclic import OUTSIDE, CyclicStructure
from grokscope.core.errors import SettingError


def grid_rows(
    inputs: Int[Tensor, "row slot"], structure: CyclicStructure
) -> Int[Tensor, "order order"]:
    """Row of the table at each pair of coordinates (x, y).

    Raises:
        SettingError: when there are not two slots, or some pair has no row.
    """
    if inputs.shape[1] != 2:
        raise SettingError("inputs", "rows of two operands", tuple(inputs.shape))
    n = structure.order
    coordinates = structure.operand_coordinates.to(inputs.device)
    x, y = coordinates[0, inputs[:, 0]], coordinates[1, inputs[:, 1]]
    inside = (x != OUTSIDE) & (y != OUTSIDE)
    cells = torch.full((n * n,), -1, device=inputs.device)
    rows = torch.arange(len(inputs), device=inputs.device)
    cells[(x * n + y)[inside]] = rows[inside]
    missing = int((cells < 0).sum())
    if missing:
        raise SettingError("inputs", f"a full table of {n * n} pairs", f"{missing} missing")
    return cells.view(n, n)


class Grid:
    """Where the pairs of coordinates are in a table, found once for all the looks at it.

    Raises:
        SettingError: as in `grid_rows`.
    """

    def __init__(
        self, inputs: Int[Tensor, "row slot"], structure: CyclicStructure, device: torch.device
    ) -> None:
        rows, answers = grid_rows(inputs, structure).flatten(), structure.answers()
        self._order = structure.order
        # tables and classes that are in the order of the grid already need not be copied
        self._rows = None if _counts_up(rows, len(inputs)) else rows.to(device)
        self._answers = None if _counts_up(answers, structure.order) else answers.to(device)

    def rows(
        self, values: Shaped[Tensor, "model row *channel"]
    ) -> Shaped[Tensor, "model order order *channel"]:
        """What belongs to rows, such as neurons or a mask, as (model, x, y, …)."""
        if self._rows is not None:
            values = values.index_select(1, self._rows)
        return values.unflatten(1, (self._order, self._order))

    def logits(
        self, logits: Float[Tensor, "model row n_outputs"]
    ) -> Float[Tensor, "model order order order"]:
        """Logits as (model, x, y, c) with c the coordinate of the class.

        A grid has n³ numbers per network: large populations are best taken a few at a time.
        """
        # two index_selects: several times faster than one fancy index over rows and classes
        grid = self.rows(logits)
        if self._answers is not None:
            return grid.index_select(3, self._answers)
        return grid[..., : self._order]


def to_grid(
    logits: Float[Tensor, "model row n_outputs"],
    inputs: Int[Tensor, "row slot"],
    structure: CyclicStructure,
) -> Float[Tensor, "model order order order"]:
    """Logits of a table that is looked at once, see `Grid.logits`."""
    return Grid(inputs, structure, logits.device).logits(logits)


def neurons_to_grid(
    neurons: Float[Tensor, "model row neuron"],
    inputs: Int[Tensor, "row slot"],
    structure: CyclicStructure,
) -> Float[Tensor, "model order order neuron"]:
    """Activations on a table that is looked at once, see `Grid.rows`."""
    return Grid(inputs, structure, neurons.device).rows(neurons)


def mask_to_grid(
    mask: Bool[Tensor, "model row"], inputs: Int[Tensor, "row slot"], structure: CyclicStructure
) -> Bool[Tensor, "model order order"]:
    """A choice of rows of a table that is looked at once, see `Grid.rows`."""
    return Grid(inputs, structure, mask.device).rows(mask)


def by_answer(
    grid: Shaped[Tensor, "model order order *channel"],
) -> Shaped[Tensor, "model order order *channel"]:
    """A grid as (model, s, i, …): for each s = x + y (mod n) its n inputs, in the order of x."""
    n = grid.shape[1]
    x = torch.arange(n, device=grid.device)
    cells = x * n + (x.unsqueeze(1) - x) % n
    return grid.flatten(1, 2).index_select(1, cells.flatten()).unflatten(1, (n, n))


def _counts_up(numbers: Int[Tensor, " number"], end: int) -> bool:
    return torch.equal(numbers, torch.arange(end, device=numbers.device))
