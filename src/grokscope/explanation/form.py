"""What a layer's neurons compute, as a form with few numbers: fitted on the layer's inputs.

A pre-activation is a function of the two operands, H(x, y). A form says which functions a
hypothesis allows it to be; the coefficients are fitted, and counted.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from grokscope.explanation.symmetry import Component, Symmetry

_LEAST_DIRECTION = 1e-10
"""Directions of coefficients with less of their energy are rounding."""


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
    least_product: float = math.inf
    """What is before the neurons may weigh one component by another: products f(x) g(y) of any two
    are in the form if they hold at least this share of the layer's variance."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitted:
    """Pre-activations in the place of a network's own: a mean a neuron, and functions beside it."""

    mean: Float64[Tensor, " neuron"]
    values: Float64[Tensor, "row neuron"]
    """What the functions sum up to; all positions side by side."""
    coefficients: Float64[Tensor, "function neuron"]
    """Of functions of one norm."""
    like: Float[Tensor, "row ..."]
    """What they were fitted to."""

    @property
    def pre(self) -> Float[Tensor, "row ..."]:
        """In the place of what they were fitted to."""
        return (self.mean + self.values).reshape(self.like.shape).to(self.like.dtype)

    @cached_property
    def n_parameters(self) -> int:
        """Fitted numbers: coefficients of all neurons at all positions, as many as are free.

        Neurons read a residual stream that may have fewer dimensions than there are functions or
        neurons. T × N coefficients of rank r are r (T + N − r) numbers; beside them is a mean a
        neuron.
        """
        n_functions, n_neurons = self.coefficients.shape
        energy, _ = self._directions
        rank = int((energy > _LEAST_DIRECTION * energy.max()).sum()) if len(energy) else 0
        return n_neurons + rank * (n_functions + n_neurons - rank)

    def without_the_faintest(self, share: float) -> "Fitted":
        """The same with fewer directions; those left out hold a share of the energy at most."""
        energy, axes = self._directions
        faint = energy.cumsum(0) <= share * energy.sum()  # from the faintest on
        loud = axes[:, ~faint]
        return replace(
            self,
            values=self.values @ loud @ loud.T,
            coefficients=self.coefficients @ loud @ loud.T,
        )

    @cached_property
    def _directions(self) -> tuple[Float64[Tensor, " axis"], Float64[Tensor, "neuron axis"]]:
        """Orthogonal combinations of neurons with their energy, the faintest first."""
        own = self.coefficients
        if len(own) > own.shape[1]:
            return torch.linalg.eigh(own.T @ own)
        energy, functions = torch.linalg.eigh(own @ own.T)
        axes = own.T @ functions
        return energy, axes / axes.norm(dim=0).clamp(min=torch.finfo(axes.dtype).tiny)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Part:
    """Some of a form's functions of (x, y) with their coefficients, and what they sum up to."""

    coefficients: Float64[Tensor, "function neuron"]
    """Of functions of one norm."""
    values: Float64[Tensor, "n n neuron"]


def fit(pre: Float[Tensor, "row *position neuron"], symmetry: Symmetry, form: Form) -> Fitted:
    """Least squares over the whole table; the functions are orthogonal, so each is a projection."""
    n = symmetry.order
    table = pre.double().reshape(n, n, -1)
    mean = table.mean((0, 1))
    values, coefficients = torch.zeros_like(table), [table.new_empty(0, len(mean))]
    for part in _parts(table, symmetry, form):
        values += part.values
        coefficients.append(part.coefficients)
    return Fitted(
        mean=mean, values=values.flatten(0, 1), coefficients=torch.cat(coefficients), like=pre
    )


def principal(pre: Float[Tensor, "row *position neuron"], n_parameters: int) -> Tensor:
    """The best approximation by as many numbers that knows nothing of the group.

    Rank r of rows × neurons takes r (rows + neurons − r) numbers and one mean per neuron.
    """
    matrix = pre.double().flatten(1)
    mean = matrix.mean(0)
    rank = _affordable(n_parameters - len(mean), *matrix.shape)
    values, vectors = torch.linalg.eigh((matrix - mean).T @ (matrix - mean))
    top = vectors[:, len(values) - rank :]
    return (mean + (matrix - mean) @ top @ top.T).reshape(pre.shape).to(pre.dtype)


def _affordable(n_numbers: int, n_rows: int, n_columns: int) -> int:
    """The largest rank of a matrix with at most so many free numbers."""
    ranks = range(min(n_rows, n_columns) + 1)
    return max((r for r in ranks if r * (n_rows + n_columns - r) <= n_numbers), default=0)


def _parts(table: Float64[Tensor, "n n neuron"], symmetry: Symmetry, form: Form) -> Iterator[_Part]:
    n = symmetry.order
    for key, terms in form.terms.items():
        component = symmetry.by_key[key]
        if terms == Terms.ALIGNED:
            yield _aligned(table, component, form.offsets.get(key, 0.0), n)
        else:
            yield _first(table, component)
    for key in _doubled(form, symmetry):
        yield _first(table, symmetry.by_key[key])
    yield from _products(table, symmetry, form)


def _doubled(form: Form, symmetry: Symmetry) -> list[int]:
    """Frequencies 2k of the products that have no terms of their own."""
    if not symmetry.is_cyclic:
        return []
    n = symmetry.order
    squared = [key for key, terms in form.terms.items() if terms == Terms.SQUARED]
    doubled = {min(2 * key % n, -2 * key % n) for key in squared}
    return sorted(doubled - set(form.terms) - {0})


def _first(table: Float64[Tensor, "n n neuron"], component: Component) -> _Part:
    basis = component.basis
    x, y = basis @ table.mean(1), basis @ table.mean(0)
    return _Part(
        coefficients=torch.cat([x, y]),
        values=(basis.T @ x).unsqueeze(1) + basis.T @ y,
    )


def _aligned(
    table: Float64[Tensor, "n n neuron"], component: Component, offset: float, n: int
) -> _Part:
    basis = component.basis
    x, y = basis @ table.mean(1), basis @ table.mean(0)
    turn = _rotation(2 * math.pi * component.key * offset / n, len(basis))
    both = (x + turn.T @ y) / 2
    return _Part(
        coefficients=both * math.sqrt(2),
        values=(basis.T @ both).unsqueeze(1) + basis.T @ turn @ both,
    )


def _rotation(angle: float, dimension: int) -> Float64[Tensor, "dimension dimension"]:
    """Coefficients of f(y + d₀) from those of f, for cosine and sine rows.

    At frequency n/2 there is the cosine alone, which an odd offset turns over.
    """
    c, s = math.cos(angle), math.sin(angle)
    if dimension < 2:
        return torch.tensor([[math.copysign(1, c)]], dtype=torch.float64)
    return torch.tensor([[c, s], [-s, c]], dtype=torch.float64)


def _products(
    table: Float64[Tensor, "n n neuron"], symmetry: Symmetry, form: Form
) -> Iterator[_Part]:
    """Products of components with themselves, and of any two that hold enough."""
    own = [key for key, terms in form.terms.items() if terms >= Terms.SECOND]
    is_crossed = math.isfinite(form.least_product)
    energy = float((table - table.mean((0, 1))).square().sum())
    for left in form.terms if is_crossed else own:
        basis = symmetry.by_key[left].basis
        along = (basis @ table.flatten(1)).unflatten(1, (len(table), -1))
        for right in form.terms if is_crossed else [left]:
            other = symmetry.by_key[right].basis
            found = torch.einsum("iyh,jy->ijh", along, other)
            is_own = left == right and left in own
            if is_own or float(found.square().sum()) >= form.least_product * energy:
                yield _Part(
                    coefficients=found.flatten(0, 1) / math.sqrt(len(table)),
                    values=torch.einsum("ix,ijh,jy->xyh", basis, found, other),
                )
