"""The full table laid out over the coordinates of its cyclic group.

In these coordinates the right answer to (x, y) is always (x + y) mod n, whatever the operation, so
that every Fourier measure is written once. Rows and classes outside the group are left out.
"""

import torch
from jaxtyping import Bool, Float, Float64, Int
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


def to_grid(
    logits: Float[Tensor, "model row n_outputs"],
    inputs: Int[Tensor, "row slot"],
    structure: CyclicStructure,
) -> Float[Tensor, "model order order order"]:
    """Logits of the full table as (model, x, y, c) with c the coordinate of the class.

    A grid has n³ numbers per network: large populations are best taken a few networks at a time.
    """
    # two index_selects: several times faster than one fancy index over rows and classes
    grid = _laid_out(logits, inputs, structure)
    return grid.index_select(3, structure.answers().to(logits.device))


def neurons_to_grid(
    neurons: Float[Tensor, "model row neuron"],
    inputs: Int[Tensor, "row slot"],
    structure: CyclicStructure,
) -> Float[Tensor, "model order order neuron"]:
    """Activations on the full table as (model, x, y, neuron)."""
    return _laid_out(neurons, inputs, structure)


def mask_to_grid(
    mask: Bool[Tensor, "model row"], inputs: Int[Tensor, "row slot"], structure: CyclicStructure
) -> Bool[Tensor, "model order order"]:
    """A choice of rows, such as each network's training rows, as (model, x, y)."""
    return mask[:, grid_rows(inputs, structure).to(mask.device)]


def mean_by_answer(
    logits: Float[Tensor, "order order order"],
) -> Float64[Tensor, "order order"]:
    """One network's logits (s, c), averaged over the n inputs with x + y = s (mod n)."""
    n = len(logits)
    x = torch.arange(n, device=logits.device)
    y = (x.unsqueeze(1) - x) % n
    return logits[x, y].double().mean(1)


def _laid_out(
    values: Float[Tensor, "model row channel"],
    inputs: Int[Tensor, "row slot"],
    structure: CyclicStructure,
) -> Float[Tensor, "model order order channel"]:
    rows = grid_rows(inputs, structure).to(values.device)
    return values.index_select(1, rows.flatten()).unflatten(1, rows.shape)
