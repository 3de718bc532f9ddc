"""Modular arithmetic seen as addition in a cyclic group.

Addition and subtraction mod p live in Z_p. Multiplication and division mod a prime p live in
Z_(p-1) once each number is replaced by its discrete logarithm, so that one set of measures serves
all four operations (Nanda et al., arXiv 2301.05217; Power et al., arXiv 2201.02177).
"""

import functools
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from grokscope.core.errors import SettingError

OUTSIDE = -1
"""Coordinate of a token or class that is no member of the group, such as 0 in multiplication."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CyclicStructure:
    """Coordinates in Z_n in which a task's answer is the sum of its operands.

    Signs are folded into the coordinates: in a subtraction the second operand b has the coordinate
    -b, and in a division its discrete logarithm is negated.

    Attributes:
        order: n, the number of members of the group.
        operand_coordinates: coordinate of each token in each slot, `OUTSIDE` where it has none.
        answer_coordinates: coordinate of each class, `OUTSIDE` where it has none.

    Raises:
        SettingError: when some coordinate belongs to no token, or to several.
    """

    order: int
    operand_coordinates: Int[Tensor, "slot d_vocab"]
    answer_coordinates: Int[Tensor, " n_classes"]

    def __post_init__(self) -> None:
        for row in self.operand_coordinates:
            _require_labelling("operand_coordinates", row, self.order)
        _require_labelling("answer_coordinates", self.answer_coordinates, self.order)

    @property
    def n_slots(self) -> int:
        """Number of operands."""
        return self.operand_coordinates.shape[0]

    def operands(self, slot: int) -> Int[Tensor, " order"]:
        """Token that stands for each coordinate 0 … n-1 in one slot."""
        return _members(self.operand_coordinates[slot])

    def answers(self) -> Int[Tensor, " order"]:
        """Class that stands for each coordinate 0 … n-1."""
        return _members(self.answer_coordinates)

    @functools.lru_cache(maxsize=32)  # noqa: B019 (a structure is small, and few are ever made)
    def on(self, device: torch.device) -> "Members":
        """Operands and answers on a device, copied there once."""
        slots = [self.operands(slot) for slot in range(self.n_slots)]
        return Members(operands=torch.stack(slots).to(device), answers=self.answers().to(device))


@dataclass(frozen=True, kw_only=True, eq=False)
class Members:
    """The tokens and classes of a group's members on one device.

    Attributes:
        operands: token that stands for each coordinate 0 … n-1 in each slot.
        answers: class that stands for each coordinate 0 … n-1.
    """

    operands: Int[Tensor, "slot order"]
    answers: Int[Tensor, " order"]


def additive(p: int, sign: int = 1) -> CyclicStructure:
    """(a + sign·b) mod p in Z_p, for any p of at least 2.

    Raises:
        SettingError: when p is less than 2 or the sign is neither 1 nor -1.
    """
    if p < 2:
        raise SettingError("p", "at least 2", p)
    numbers = torch.arange(p)
    return _two_slots(p, numbers, sign)


def multiplicative(p: int, sign: int = 1) -> CyclicStructure:
    """A · b^sign mod p in Z_(p-1) by discrete logarithms; the number 0 is outside the group.

    Raises:
        SettingError: when p is no odd prime or the sign is neither 1 nor -1.
    """
    return _two_slots(p - 1, discrete_log(p), sign)


def is_prime(n: int) -> bool:
    """Whether n is a prime number, by trial division."""
    if n < 2:
        return False
    divisor = 2
    while divisor * divisor <= n:
        if n % divisor == 0:
            return False
        divisor += 1
    return True


def primitive_root(p: int) -> int:
    """The smallest number whose powers give every nonzero residue of the odd prime p.

    Raises:
        SettingError: when p is no odd prime.
    """
    if p == 2 or not is_prime(p):
        raise SettingError("p", "an odd prime", p)
    factors = [q for q in range(2, p) if (p - 1) % q == 0 and is_prime(q)]
    root = 2
    while any(pow(root, (p - 1) // q, p) == 1 for q in factors):
        root += 1
    return root


def discrete_log(p: int) -> Int[Tensor, " p"]:
    """Exponent e with root^e = a (mod p) for a = 1 … p-1, and `OUTSIDE` for a = 0.

    The base is the smallest primitive root of p.

    Raises:
        SettingError: when p is no odd prime.
    """
    root = primitive_root(p)
    logarithms = torch.full((p,), OUTSIDE)
    power = 1
    for exponent in range(p - 1):
        logarithms[power] = exponent
        power = power * root % p
    return logarithms


def _two_slots(order: int, coordinates: Int[Tensor, " token"], sign: int) -> CyclicStructure:
    if sign not in (1, -1):
        raise SettingError("sign", "1 or -1", sign)
    inside = coordinates != OUTSIDE
    second = torch.where(inside, (sign * coordinates) % order, OUTSIDE)
    return CyclicStructure(
        order=order,
        operand_coordinates=torch.stack([coordinates, second]),
        answer_coordinates=coordinates.clone(),
    )


def _members(coordinates: Int[Tensor, " token"]) -> Int[Tensor, " order"]:
    inside = torch.nonzero(coordinates != OUTSIDE).squeeze(1)
    return inside[torch.argsort(coordinates[inside])]


def _require_labelling(name: str, coordinates: Int[Tensor, " token"], order: int) -> None:
    inside = coordinates[coordinates != OUTSIDE]
    if sorted(inside.tolist()) != list(range(order)):
        raise SettingError(name, f"one token for each coordinate 0 … {order - 1}", inside.tolist())
