"""The group behind a table, with an orthonormal basis of the functions on it, piece by piece."""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from grokscope.algebra.fourier import fourier_basis, frequency_rows, n_frequencies
from grokscope.algebra.group import Group
from grokscope.algebra.isotypic import isotypic_projector
from grokscope.algebra.real_irrep import RealIrrep, real_irreps
from grokscope.measures.grid import grid_rows
from grokscope.tasks import Table


@dataclass(frozen=True, kw_only=True, eq=False)
class Component:
    """Functions on the group that belong together: one frequency, or one irrep."""

    key: int
    """The frequency k of a cyclic group, or the irrep's place among `real_irreps`."""
    name: str
    basis: Float64[Tensor, "dimension order"]
    """Orthonormal rows."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Symmetry:
    """A finite group as the explainer sees it."""

    name: str
    products: Int[Tensor, "order order"]
    """The coordinate of x ∘ y."""
    components: tuple[Component, ...]
    """Every component but the constant; together they are complete."""
    is_cyclic: bool
    group: Group | None = None
    """The group itself, where it is not just Z_n with its frequencies."""

    @property
    def order(self) -> int:
        """Number of members n."""
        return len(self.products)

    @cached_property
    def by_key(self) -> dict[int, Component]:
        """The components by key."""
        return {component.key: component for component in self.components}

    def basis(self, keys: "list[int]") -> Float64[Tensor, "dimension order"]:
        """The rows of some components, one after another."""
        rows = [self.by_key[key].basis for key in keys]
        return torch.cat([torch.empty(0, self.order, dtype=torch.float64), *rows])

    def keep(
        self, tables: Float[Tensor, "slot order d_model"], keys: "list[int]"
    ) -> Float[Tensor, "slot order d_model"]:
        """The mean of each table and its part in some components."""
        basis = self.basis(keys).to(tables)
        return tables.mean(1, keepdim=True) + basis.T @ (basis @ tables)


def cyclic_symmetry(order: int) -> Symmetry:
    """Z_n under addition, with a component per frequency 1 … n//2."""
    x = torch.arange(order)
    basis = fourier_basis(order)
    components = tuple(
        Component(key=k, name=str(k), basis=basis[frequency_rows(k, order)])
        for k in range(1, n_frequencies(order) + 1)
    )
    products = (x.unsqueeze(1) + x) % order
    return Symmetry(name=f"Z_{order}", products=products, components=components, is_cyclic=True)


def group_symmetry(group: Group) -> Symmetry:
    """Any finite group, with a component per real irrep but the trivial one.

    Z_n whose elements are in order has frequencies instead.
    """
    addition = cyclic_symmetry(group.order)
    if torch.equal(group.table, addition.products):
        return addition
    irreps = list(enumerate(real_irreps(group)))[1:]
    return Symmetry(
        name=group.name,
        products=group.table,
        components=tuple(
            Component(key=key, name=_irrep_name(irrep), basis=_isotypic_basis(irrep))
            for key, irrep in irreps
        ),
        is_cyclic=False,
        group=group,
    )


def _irrep_name(irrep: RealIrrep) -> str:
    """Such as `standard (3)`, with the dimension."""
    return f"{irrep.name} ({irrep.dimension})"


def _isotypic_basis(irrep: RealIrrep) -> Float64[Tensor, "rank order"]:
    """Orthonormal functions that span one isotypic component."""
    vectors = torch.linalg.eigh(isotypic_projector(irrep)).eigenvectors
    return vectors[:, -irrep.rank :].T.contiguous()


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout:
    """Where the group's elements are in a task's table."""

    symmetry: Symmetry
    rows: Int[Tensor, " row"]
    """Row of the table for each pair of coordinates x · n + y."""
    tokens: Int[Tensor, "slot order"]
    """Token of each coordinate in each slot."""
    answers: Int[Tensor, " order"]
    """Class of each coordinate."""
    labels: Int[Tensor, " row"]
    """The class that the table asks for in each row, by its place in `classes`.

    It is the product of the coordinates unless the table claims a group that is not its own.
    """

    def coordinates(self, slot: int) -> Int[Tensor, " row"]:
        """The coordinate of one operand in every row x · n + y."""
        n = self.symmetry.order
        each = torch.arange(n)
        return each.repeat_interleave(n) if slot == 0 else each.repeat(n)

    def classes(self, n_outputs: int) -> Int[Tensor, " n_outputs"]:
        """The group's classes in the order of the coordinates, then all other outputs."""
        return _in_order(self.answers, n_outputs)


def symmetry_of(table: Table) -> Layout | None:
    """The group of a task's table; `None` where it has none.

    Raises:
        SettingError: the table does not hold every pair.
    """
    cyclic = table.cyclic
    if cyclic is None:
        return None if table.group is None else _composition(table, table.group)
    rows = grid_rows(table.inputs, cyclic).flatten()
    answers = cyclic.answers()
    return Layout(
        symmetry=cyclic_symmetry(cyclic.order),
        rows=rows,
        tokens=torch.stack([cyclic.operands(slot) for slot in range(cyclic.n_slots)]),
        answers=answers,
        labels=_places(table.labels[rows], _in_order(answers, table.n_classes)),
    )


def _composition(table: Table, group: Group) -> Layout:
    """A table whose tokens and classes are a group's elements."""
    first, second = table.inputs[:, 0], table.inputs[:, -1]
    rows = torch.argsort(first * group.order + second)
    return Layout(
        symmetry=group_symmetry(group),
        rows=rows,
        tokens=torch.arange(group.order).repeat(2, 1),
        answers=torch.arange(group.order),
        labels=table.labels[rows],
    )


def _in_order(answers: Int[Tensor, " order"], n_outputs: int) -> Int[Tensor, " n_outputs"]:
    others = torch.ones(n_outputs, dtype=torch.bool)
    others[answers] = False
    return torch.cat([answers, torch.nonzero(others).flatten()])


def _places(classes: Int[Tensor, " row"], order: Int[Tensor, " n_outputs"]) -> Int[Tensor, " row"]:
    """Where each class is in an order of all classes."""
    return torch.argsort(order)[classes]
