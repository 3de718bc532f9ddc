"""Arithmetic modulo p: the task in which grokking was found (arXiv 2201.02177)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor

from grokscope.algebra.cyclic import CyclicStructure, additive, is_prime, multiplicative
from grokscope.core.errors import SettingError
from grokscope.tasks.base import Table, Task

Operation = Literal[
    "add",
    "subtract",
    "multiply",
    "divide",
    "mixed",
    "x2+y2",
    "x2+xy+y2",
    "x2+xy+y2+x",
    "x3+xy",
    "x3+xy2+y",
]
Operand = Int[Tensor, " row"]

_ANSWERS: dict[str, Callable[[Operand, Operand, int], Operand]] = {
    "add": lambda x, y, p: x + y,
    "subtract": lambda x, y, p: x - y,
    "multiply": lambda x, y, p: x * y,
    "divide": lambda x, y, p: x * _inverses(p)[y],
    "mixed": lambda x, y, p: torch.where(y % 2 == 1, x * _inverses(p)[y], x - y),
    "x2+y2": lambda x, y, p: x**2 + y**2,
    "x2+xy+y2": lambda x, y, p: x**2 + x * y + y**2,
    "x2+xy+y2+x": lambda x, y, p: x**2 + x * y + y**2 + x,
    "x3+xy": lambda x, y, p: x**3 + x * y,
    "x3+xy2+y": lambda x, y, p: x**3 + x * y**2 + y,
}
_COMMUTATIVE = frozenset({"add", "multiply", "x2+y2", "x2+xy+y2"})
_NEEDS_INVERSES = {"divide": "division", "mixed": "division where y is odd"}
_NOUNS = {
    "add": "addition",
    "subtract": "subtraction",
    "multiply": "multiplication",
    "divide": "division",
    "mixed": "x/y if y is odd, else x−y,",
}


@dataclass(frozen=True, kw_only=True)
class ModularArithmetic(Task):
    """x ∘ y mod p for every pair of residues, in rows ordered by x, then y.

    Division leaves out y = 0 and needs a prime p. Addition and subtraction carry the cyclic group
    Z_p; multiplication and division by a prime carry Z_{p−1} through the discrete logarithm, with
    0 outside the group; the others carry none.
    """

    operation: Operation = "add"
    """`mixed` is x/y if y is odd, else x − y; the formulas are those of arXiv 2201.02177, A.1.1."""
    p: int = 113
    """The modulus, at least 3."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.p < 3:
            raise SettingError("p", "at least 3", self.p)
        if self.operation in _NEEDS_INVERSES and not is_prime(self.p):
            raise SettingError("p", f"prime for {_NEEDS_INVERSES[self.operation]}", self.p)

    @property
    def exact_name(self) -> str:
        """Such as `addition mod 113`."""
        return f"{_NOUNS.get(self.operation, self.operation)} mod {self.p}"

    def exact_table(self) -> Table:
        """All p² pairs; p·(p − 1) for division."""
        residues = torch.arange(self.p)
        seconds = residues[1:] if self.operation == "divide" else residues
        inputs = torch.cartesian_prod(residues, seconds)
        x, y = inputs.unbind(1)
        rows = torch.arange(len(inputs))
        mirror = y * self.p + x if self.operation in _COMMUTATIVE else rows
        return Table(
            inputs=inputs,
            labels=_ANSWERS[self.operation](x, y, self.p) % self.p,
            d_vocab=self.p,
            n_classes=self.p,
            mirror=mirror,
            cyclic=self._cyclic(),
        )

    def _cyclic(self) -> CyclicStructure | None:
        sign = -1 if self.operation in ("subtract", "divide") else 1
        if self.operation in ("add", "subtract"):
            return additive(self.p, sign)
        is_product = self.operation in ("multiply", "divide")
        return multiplicative(self.p, sign) if is_product and is_prime(self.p) else None


def _inverses(p: int) -> Int[Tensor, " p"]:
    """Inverse of each residue modulo a prime; 0 stands in for the inverse of 0."""
    return torch.tensor([pow(x, -1, p) if x else 0 for x in range(p)])
