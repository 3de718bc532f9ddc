"""The families of groups: cyclic, dihedral, symmetric, alternating, affine, quaternion, products.

The identity is always element 0. These are the groups of the grokking literature: S5 in Power et
al., arXiv 2201.02177; cyclic, dihedral, symmetric and alternating ones in Chughtai et al.,
arXiv 2302.03025.
"""

import itertools

import torch

from grokscope.algebra.cyclic import is_prime
from grokscope.algebra.group import Group
from grokscope.algebra.permutation import is_even, permutation_group
from grokscope.core.errors import SettingError

LARGEST_DEGREE = 5  # S6 has 720 elements, a table of half a million rows


def cyclic(n: int) -> Group:
    """Z_n: addition mod n.

    Raises:
        SettingError: n is less than 1.
    """
    if n < 1:
        raise SettingError("n", "at least 1", n)
    numbers = torch.arange(n)
    table = (numbers.unsqueeze(1) + numbers) % n
    return Group(name=f"Z{n}", table=table, elements=tuple(str(a) for a in range(n)))


def product(first: Group, second: Group) -> Group:
    """The direct product; the pair (a, b) is element a·order(second) + b."""
    left = first.table[:, None, :, None] * second.order
    table = (left + second.table[None, :, None, :]).flatten(2).flatten(0, 1)
    pairs = itertools.product(first.elements, second.elements)
    elements = tuple(f"({a},{b})" for a, b in pairs)
    return Group(name=f"{first.name}x{second.name}", table=table, elements=elements)


def dihedral(n: int) -> Group:
    """D_n, the 2n symmetries of the n-gon: rotations r^k, then the reflections r^k∘s.

    Raises:
        SettingError: n is less than 3.
    """
    if n < 3:
        raise SettingError("n", "at least 3", n)
    turn, flip = torch.arange(n).repeat(2), torch.arange(2).repeat_interleave(n)
    sign = 1 - 2 * flip  # s∘r = r⁻¹∘s
    turns = (turn.unsqueeze(1) + sign.unsqueeze(1) * turn) % n
    table = turns + n * (flip.unsqueeze(1) ^ flip)
    rotations = ["e", "r", *(f"r{k}" for k in range(2, n))]
    reflections = ["s", *(f"{rotation}s" for rotation in rotations[1:])]
    return Group(name=f"D{n}", table=table, elements=(*rotations, *reflections))


def symmetric(n: int) -> Group:
    """S_n: all permutations of n points, in lexicographic order.

    Raises:
        SettingError: n is outside 3 … 5.
    """
    _require_degree(n)
    everything = list(itertools.permutations(range(n)))
    return permutation_group(f"S{n}", everything)


def alternating(n: int) -> Group:
    """A_n: the even permutations of n points, in lexicographic order.

    Raises:
        SettingError: n is outside 3 … 5.
    """
    _require_degree(n)
    even = [p for p in itertools.permutations(range(n)) if is_even(p)]
    return permutation_group(f"A{n}", even)


def affine(p: int) -> Group:
    """F_p(p-1): the maps x → a·x + b mod a prime p, a ≠ 0, ordered by a, then b.

    Raises:
        SettingError: p is no odd prime.
    """
    if p == 2 or not is_prime(p):
        raise SettingError("p", "an odd prime", p)
    maps = [tuple((a * x + b) % p for x in range(p)) for a in range(1, p) for b in range(p)]
    return permutation_group(f"F{p * (p - 1)}", maps)


def quaternion() -> Group:
    """Q8: the quaternion units ±1, ±i, ±j, ±k."""
    # Element 2u + s is (-1)^s times unit u. Units multiply like bits (i∘j = ±k), up to these signs.
    minus = torch.tensor([[0, 0, 0, 0], [0, 1, 0, 1], [0, 1, 1, 0], [0, 0, 1, 1]])
    unit, sign = torch.arange(4).repeat_interleave(2), torch.arange(2).repeat(4)
    signs = sign.unsqueeze(1) ^ sign ^ minus[unit.unsqueeze(1), unit]
    table = 2 * (unit.unsqueeze(1) ^ unit) + signs
    elements = tuple(f"{s}{u}" for u in "1ijk" for s in ("", "-"))
    return Group(name="Q8", table=table, elements=elements)


def _require_degree(n: int) -> None:
    if not 3 <= n <= LARGEST_DEGREE:
        raise SettingError("n", f"between 3 and {LARGEST_DEGREE}", n)
