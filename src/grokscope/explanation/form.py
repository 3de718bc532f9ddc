"""What a layer's neurons compute from the operands, by hypothesis, written back into the network.

A neuron's pre-activation over the table is a function of (x, y). A form says which functions a
hypothesis allows it to be; the coefficients are fitted, and counted.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from grokscope.explanation.symmetry import Component, Symmetry


class Terms(IntEnum):
    """Functions of one component that a pre-activation may hold, each including those before."""

    ALIGNED = 0
    """f(x) + f(y + d₀): both operands with the same phase, as in a sum of embeddings."""
    FIRST = 1
    """f(x) + g(y)."""
    SECOND = 2
    """Products f(x) g(y) of one component with itself too."""
    SQUARED = 3
    """Products of an operand with itself too, of frequency 2k: a position may attend to itself."""


@dataclass(frozen=True, kw_only=True)
class Form:
    """The terms of each component, and offsets d₀ in tokens of the aligned ones."""

    terms: Mapping[int, Terms]
    offsets: Mapping[int, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitted:
    """Pre-activations in the place of a network's own."""

    pre: Float[Tensor, "row *position neuron"]
    n_parameters: int
    """Fitted numbers: coefficients of all neurons at all positions."""


def fit(pre: Float[Tensor, "row *position neuron"], symmetry: Symmetry, form: Form) -> Fitted:
    """Least squares over the whole table; the functions are orthogonal, so each is a projection."""
    n = symmetry.order
    table = pre.double().reshape(n, n, -1)
    mean = table.mean((0, 1), keepdim=True)
    result, per_neuron = mean.expand_as(table).clone(), 1
    for key, terms in form.terms.items():
        component = symmetry.by_key[key]
        if terms == Terms.ALIGNED:
            result += _aligned(table, component, form.offsets.get(key, 0.0), n)
            per_neuron += len(component.basis)
        else:
            result += _first(table, component)
            per_neuron += 2 * len(component.basis)
    for key in _doubled(form, symmetry):
        result += _first(table, symmetry.by_key[key])
        per_neuron += 2 * len(symmetry.by_key[key].basis)
    for key in (key for key, terms in form.terms.items() if terms >= Terms.SECOND):
        result += _product(table, symmetry.by_key[key])
        per_neuron += len(symmetry.by_key[key].basis) ** 2
    fitted = result.reshape(pre.shape).to(pre.dtype)
    return Fitted(pre=fitted, n_parameters=per_neuron * table.shape[2])


def principal(pre: Float[Tensor, "row *position neuron"], n_parameters: int) -> Tensor:
    """The best approximation by as many numbers that knows nothing of the group.

    Rank r of rows × neurons takes r (rows + neurons) numbers and one mean per neuron.
    """
    matrix = pre.double().flatten(1)
    mean = matrix.mean(0)
    rank = max((n_parameters - len(mean)) // sum(matrix.shape), 0)
    values, vectors = torch.linalg.eigh((matrix - mean).T @ (matrix - mean))
    top = vectors[:, len(values) - rank :]
    return (mean + (matrix - mean) @ top @ top.T).reshape(pre.shape).to(pre.dtype)


def _doubled(form: Form, symmetry: Symmetry) -> list[int]:
    """Frequencies 2k of the products that have no terms of their own."""
    if not symmetry.is_cyclic:
        return []
    n = symmetry.order
    squared = [key for key, terms in form.terms.items() if terms == Terms.SQUARED]
    doubled = {min(2 * key % n, -2 * key % n) for key in squared}
    return sorted(doubled - set(form.terms) - {0})


def _first(table: Float64[Tensor, "n n neuron"], component: Component) -> Tensor:
    basis = component.basis
    x = basis.T @ (basis @ table.mean(1))
    y = basis.T @ (basis @ table.mean(0))
    return x.unsqueeze(1) + y


def _aligned(
    table: Float64[Tensor, "n n neuron"], component: Component, offset: float, n: int
) -> Tensor:
    basis = component.basis
    x, y = basis @ table.mean(1), basis @ table.mean(0)
    turn = _rotation(2 * math.pi * component.key * offset / n, len(basis))
    both = (x + turn.T @ y) / 2
    return (basis.T @ both).unsqueeze(1) + basis.T @ turn @ both


def _rotation(angle: float, dimension: int) -> Float64[Tensor, "dimension dimension"]:
    """Coefficients of f(y + d₀) from those of f, for cosine and sine rows."""
    if dimension < 2:
        return torch.ones(1, 1, dtype=torch.float64)
    c, s = math.cos(angle), math.sin(angle)
    return torch.tensor([[c, s], [-s, c]], dtype=torch.float64)


def _product(table: Float64[Tensor, "n n neuron"], component: Component) -> Tensor:
    basis = component.basis
    along = (basis @ table.flatten(1)).unflatten(1, (len(table), -1))
    coefficients = torch.einsum("iyh,jy->ijh", along, basis)
    return torch.einsum("ix,ijh,jy->xyh", basis, coefficients, basis)
