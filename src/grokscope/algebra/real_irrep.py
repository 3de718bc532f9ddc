"""Irreps over the real numbers, in which networks compute.

Weights are real, so complex irreps that are not show up in groups: two conjugate ones as one real
irrep of twice the dimension, and a quaternionic one doubled.
"""

import functools
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float64
from torch import Tensor

from grokscope.algebra.character import CharacterTable, character_table
from grokscope.algebra.group import Group
from grokscope.algebra.irrep_name import irrep_names

Kind = Literal["real", "complex", "quaternionic"]
_COMMUTANT: dict[Kind, int] = {"real": 1, "complex": 2, "quaternionic": 4}


@dataclass(frozen=True, kw_only=True, eq=False)
class RealIrrep:
    """One irrep over the reals.

    Attributes:
        name: as in `irrep_names`, with the real dimension.
        kind: which numbers its symmetries form: the matrices that commute with all of the irrep's.
        character: trace of its real matrices for each element.
        parts: its complex constituents, as rows of the character table.
    """

    group: Group
    name: str
    kind: Kind
    character: Float64[Tensor, " order"]
    parts: tuple[int, ...]

    @property
    def dimension(self) -> int:
        """Size of its real matrices."""
        return round(float(self.character[self.group.identity]))

    @property
    def copies(self) -> int:
        """How many times it occurs among the functions on the group."""
        return self.dimension // _COMMUTANT[self.kind]

    @property
    def rank(self) -> int:
        """Dimension of its isotypic component among the functions on the group."""
        return self.dimension * self.copies


@functools.lru_cache(maxsize=32)
def real_irreps(group: Group) -> tuple[RealIrrep, ...]:
    """All real irreps: the trivial one first, then by dimension."""
    table = character_table(group)
    found = [_merged(table, parts) for parts in _parts(table)]
    found.sort(key=lambda irrep: irrep[1][group.identity].item())
    characters = torch.stack([character for _, character, _ in found])
    names = irrep_names(group, characters.to(torch.complex128))
    return tuple(
        RealIrrep(group=group, name=name, kind=kind, character=character, parts=parts)
        for name, (kind, character, parts) in zip(names, found, strict=True)
    )


def _parts(table: CharacterTable) -> list[tuple[int, ...]]:
    """Rows of the table that make up one real irrep: a row, or a row and its conjugate."""
    products = (table.values * table.classes.sizes) @ table.values.T  # |G| where conjugate, else 0
    conjugate = products.real.argmax(1).tolist()
    return [tuple(sorted({row, other})) for row, other in enumerate(conjugate) if row <= other]


def _merged(
    table: CharacterTable, parts: tuple[int, ...]
) -> tuple[Kind, Float64[Tensor, " order"], tuple[int, ...]]:
    kinds: dict[int, Kind] = {1: "real", 0: "complex", -1: "quaternionic"}
    kind = kinds[int(table.indicators[parts[0]])]
    character = table.on_elements()[list(parts)].real.sum(0)
    return kind, character * 2 if kind == "quaternionic" else character, parts
