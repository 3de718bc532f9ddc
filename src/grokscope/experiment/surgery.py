"""What can be done to the weights of a stack of networks before they train on."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from grokscope.algebra.cyclic import CyclicStructure
from grokscope.algebra.fourier import basis_on, frequency_rows, n_frequencies
from grokscope.core.errors import SettingError
from grokscope.models import Model, Parameters
from grokscope.tasks import Table


def operated(
    name: str, value: object, params: Parameters, model: Model, table: Table
) -> Parameters:
    """The parameters after one of `OPERATIONS`.

    Raises:
        SettingError: a value that it cannot be done with, or a task without a cyclic group.
    """
    return OPERATIONS[name](value, params, model, table)


def _without_circles(value: object, params: Parameters, model: Model, table: Table) -> Parameters:
    """Take some frequencies out of what the embedding says of the group's members."""
    structure = _structure("without_circles", table)
    dropped = _frequencies("without_circles", value, structure)
    return _filtered(params, model, structure, dropped)


def _only_circles(value: object, params: Parameters, model: Model, table: Table) -> Parameters:
    """Take all other frequencies out; the mean over the members stays."""
    structure = _structure("only_circles", table)
    kept = _frequencies("only_circles", value, structure)
    every = range(1, n_frequencies(structure.order) + 1)
    return _filtered(params, model, structure, [k for k in every if k not in kept])


def _scale_weights(value: object, params: Parameters, model: Model, table: Table) -> Parameters:
    """Multiply every trained parameter."""
    if not isinstance(value, int | float) or not value > 0:
        raise SettingError("scale_weights", "a number greater than 0", value)
    untrained = model.CONSTANTS
    return {n: v if n in untrained else v * float(value) for n, v in params.items()}


OPERATIONS: dict[str, Callable[[Any, Parameters, Model, Table], Parameters]] = {
    "without_circles": _without_circles,
    "only_circles": _only_circles,
    "scale_weights": _scale_weights,
}


def _structure(name: str, table: Table) -> CyclicStructure:
    if table.cyclic is None:
        raise SettingError(name, "left out for a task without a cyclic group", "a task without one")
    return table.cyclic


def _frequencies(name: str, value: object, structure: CyclicStructure) -> Sequence[int]:
    last = n_frequencies(structure.order)
    chosen = (value,) if isinstance(value, int) else value
    if not isinstance(chosen, Sequence) or not chosen:
        raise SettingError(name, f"frequencies between 1 and {last}", value)
    for k in chosen:
        if not isinstance(k, int) or not 1 <= k <= last:
            raise SettingError(name, f"frequencies between 1 and {last}", value)
    return chosen


def _filtered(
    params: Parameters, model: Model, structure: CyclicStructure, dropped: Sequence[int]
) -> Parameters:
    """The parameters with some frequencies taken out of every operand's embedding."""
    w_e = params["W_E"].clone()
    d_vocab = structure.operand_coordinates.shape[1]
    basis = basis_on(structure.order, torch.float64, w_e.device)
    rows = [basis[frequency_rows(k, structure.order)] for k in dropped]
    projection = torch.cat(rows) if rows else basis[:0]
    shared = w_e.shape[1] < 2 * d_vocab
    for slot in range(1 if shared else structure.n_slots):
        tokens = structure.operands(slot) + slot * d_vocab
        w_e[:, tokens] = _projected_out(w_e[:, tokens], projection)
    return params | {"W_E": w_e}


def _projected_out(
    table: Float[Tensor, "model order d_model"], basis: Float[Tensor, "row order"]
) -> Tensor:
    wide = table.double()
    return (wide - basis.T @ (basis @ wide)).to(table.dtype)
