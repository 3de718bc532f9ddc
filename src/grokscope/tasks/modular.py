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

Operation = Literal["add", "subtract", "multiply", "divide"]
Operand = Int[Tensor, " row"]

_ANSWERS: dict[str, Callable[[Operand, Operand, int], Operand]] = {
    "add": lambda a, b, p: (a + b) % p,
    "subtract": lambda a, b, p: (a - b) % p,
    "multiply": lambda a, b, p: (a * b) % p,
    "divide": lambda a, b, p: (a * _inverses(p)[b]) % p,
}
_COMMUTATIVE = frozenset({"add", "multiply"})


@dataclass(frozen=True, kw_only=True)
class ModularArithmetic(Task):
    """a ∘ b mod p for every pair of residues, in rows ordered by a, then b.

    Division leaves out b = 0 and needs a prime p. Addition and subtraction carry the cyclic group
    Z_p; multiplication and division by a prime carry Z_{p−1} through the discrete logarithm, with
    0 outside the group.
    """

    operation: Operation = "add"
    p: int = 113
    """The modulus, at least 3."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.p < 3:
            raise SettingError("p", "at least 3", self.p)
        if self.operation == "divide" and not is_prime(self.p):
            raise SettingError("p", "prime for division", self.p)

    @property
    def name(self) -> str:
        """Such as `addition mod 113`."""
        noun = {"add": "addition", "subtract": "subtraction", "multiply": "multiplication"}
        return f"{noun.get(self.operation, 'division')} mod {self.p}"

    def table(self) -> Table:
        """All p² pairs (p·(p − 1) for division)."""
        residues = torch.arange(self.p)
        seconds = residues[1:] if self.operation == "divide" else residues
        inputs = torch.cartesian_prod(residues, seconds)
        a, b = inputs.unbind(1)
        rows = torch.arange(len(inputs))
        mirror = b * self.p + a if self.operation in _COMMUTATIVE else rows
        return Table(
            inputs=inputs,
            labels=_ANSWERS[self.operation](a, b, self.p),
            d_vocab=self.p,
            n_classes=self.p,
            mirror=mirror,
            cyclic=self._cyclic(),
        )

    def _cyclic(self) -> CyclicStructure | None:
        sign = -1 if self.operation in ("subtract", "divide") else 1
        if self.operation in ("add", "subtract"):
            return additive(self.p, sign)
        return multiplicative(self.p, sign) if is_prime(self.p) else None


def _inverses(p: int) -> Int[Tensor, " p"]:
    """Inverse of each residue modulo a prime; 0 stands in for the inverse of 0."""
    return torch.tensor([pow(x, -1, p) if x else 0 for x in range(p)])
