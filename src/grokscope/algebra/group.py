"""A finite group, given by its Cayley table and checked against the axioms.

Everything else in this folder (classes, characters, irreps, subgroups) is computed from the table,
so that a group needs no more than its multiplication. Groups whose composition networks learn:
Chughtai et al., arXiv 2302.03025; Stander et al., arXiv 2312.06581.
"""

import functools
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from grokscope.core.errors import SettingError


@dataclass(frozen=True, kw_only=True, eq=False)
class Group:
    """A finite group with elements 0 … order-1.

    Attributes:
        name: for people, such as `S4`.
        table: the Cayley table, `table[a, b]` = a∘b. Permutations compose like functions: b first.
        elements: a name for each element, such as `(12)(34)`.
        permutations: the image of each point under each element, where the group is one of
            permutations.

    Raises:
        SettingError: the table breaks an axiom, or the names do not fit it.
    """

    name: str
    table: Int[Tensor, "order order"]
    elements: tuple[str, ...]
    permutations: Int[Tensor, "order point"] | None = None

    def __post_init__(self) -> None:
        _require_latin_square(self.table)
        _require_associative(self.table)
        if len(set(self.elements)) != len(self.elements) or len(self.elements) != self.order:
            raise SettingError("elements", f"{self.order} different names", self.elements)

    @property
    def order(self) -> int:
        """Number of elements."""
        return len(self.table)

    @functools.cached_property
    def identity(self) -> int:
        """The element e with e∘a = a = a∘e."""
        return _identity(self.table)

    @functools.cached_property
    def inverses(self) -> Int[Tensor, " order"]:
        """Inverse of each element."""
        return torch.nonzero(self.table == self.identity)[:, 1]

    @functools.cached_property
    def element_orders(self) -> Int[Tensor, " order"]:
        """Smallest power of each element that is the identity."""
        power, orders = torch.arange(self.order), torch.ones(self.order, dtype=torch.long)
        while (unfinished := power != self.identity).any():
            orders[unfinished] += 1
            power[unfinished] = self.table[power, torch.arange(self.order)][unfinished]
        return orders

    @functools.cached_property
    def conjugates(self) -> Int[Tensor, "order order"]:
        """`conjugates[g, a]` = g∘a∘g⁻¹."""
        return self.table[self.table, self.inverses.unsqueeze(1)]

    @property
    def is_abelian(self) -> bool:
        """Whether a∘b = b∘a for all elements."""
        return torch.equal(self.table, self.table.T)

    def powers(self, element: int) -> Int[Tensor, " power"]:
        """Powers 0, 1, … of an element, until they repeat."""
        row = [self.identity]
        for _ in range(int(self.element_orders[element]) - 1):
            row.append(int(self.table[row[-1], element]))
        return torch.tensor(row)


def _identity(table: Int[Tensor, "order order"]) -> int:
    numbers = torch.arange(len(table))
    neutral = (table == numbers).all(1) & (table == numbers.unsqueeze(1)).all(0)
    if not neutral.any():
        raise SettingError("table", "one with an identity element", "none")
    return int(torch.nonzero(neutral)[0])


def _require_latin_square(table: Int[Tensor, "row column"]) -> None:
    n_rows, n_columns = table.shape
    if n_rows != n_columns or n_rows == 0:
        raise SettingError("table", "square and not empty", tuple(table.shape))
    numbers = torch.arange(n_rows)
    for side, lines in (("row", table), ("column", table.T)):
        wrong = (lines.sort(dim=1).values != numbers).any(1)
        if wrong.any():
            rule = "a Latin square (every element once in each row and column)"
            raise SettingError("table", rule, f"{side} {int(torch.nonzero(wrong)[0])}")


def _require_associative(table: Int[Tensor, "order order"]) -> None:
    _identity(table)
    for b, row in enumerate(table):  # one middle factor at a time: order² numbers, not order³
        wrong = table[table[:, b]] != table[:, row]
        if wrong.any():
            a, c = torch.nonzero(wrong)[0].tolist()
            rule = "associative"
            raise SettingError("table", rule, f"({a}∘{b})∘{c} other than {a}∘({b}∘{c})")
