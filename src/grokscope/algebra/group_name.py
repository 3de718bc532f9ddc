"""Groups by name: `Z12`, `D7`, `S5`, `A4`, `Q8`, `F20`, and products such as `Z6xZ10`."""

import functools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from grokscope.algebra.cyclic import is_prime
from grokscope.algebra.family import (
    affine,
    alternating,
    cyclic,
    dihedral,
    product,
    quaternion,
    symmetric,
)
from grokscope.algebra.group import Group
from grokscope.core.errors import SettingError

LARGEST_ORDER = 240
"""A composition table has the square of it in rows."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """Groups that share a letter.

    Attributes:
        shown: how the family is listed for people.
        orders: order of the group for each number that may follow the letter.
        build: the group with such a number.
    """

    shown: str
    orders: dict[int, int]
    build: Callable[[int], Group]


_AFFINE = {p * (p - 1): p for p in range(5, 17) if is_prime(p) and p * (p - 1) <= LARGEST_ORDER}
FAMILIES: dict[str, Family] = {
    "Z": Family(
        shown=f"Z2 … Z{LARGEST_ORDER}",
        orders={n: n for n in range(2, LARGEST_ORDER + 1)},
        build=cyclic,
    ),
    "D": Family(
        shown=f"D3 … D{LARGEST_ORDER // 2}",
        orders={n: 2 * n for n in range(3, LARGEST_ORDER // 2 + 1)},
        build=dihedral,
    ),
    "S": Family(
        shown="S3, S4, S5", orders={n: math.factorial(n) for n in (3, 4, 5)}, build=symmetric
    ),
    "A": Family(
        shown="A3, A4, A5", orders={n: math.factorial(n) // 2 for n in (3, 4, 5)}, build=alternating
    ),
    "Q": Family(shown="Q8", orders={8: 8}, build=lambda _: quaternion()),
    "F": Family(
        shown=", ".join(f"F{order}" for order in _AFFINE),
        orders={order: order for order in _AFFINE},
        build=lambda order: affine(_AFFINE[order]),
    ),
}


@functools.lru_cache(maxsize=64)
def group_named(name: str) -> Group:
    """The group with a name; the same object each time, so that what is computed of it is kept.

    Raises:
        SettingError: no group has that name, or it is too large.
    """
    factors = [_factor(text) for text in name.split("x")]
    known = [factor for factor in factors if factor is not None]
    order = math.prod(FAMILIES[letter].orders[number] for letter, number in known)
    if len(known) < len(factors) or order > LARGEST_ORDER:
        listed = ", ".join(family.shown for family in FAMILIES.values())
        limit = f"of order at most {LARGEST_ORDER}"
        raise SettingError("group", f"one of {listed} or a product such as Z6xZ10, {limit}", name)
    return functools.reduce(product, (FAMILIES[letter].build(number) for letter, number in known))


def _factor(text: str) -> tuple[str, int] | None:
    """Letter and number of one factor, where such a group exists."""
    match = re.fullmatch(r"([A-Z])([1-9][0-9]{0,2})", text)
    if match is None or match[1] not in FAMILIES:
        return None
    number = int(match[2])
    return (match[1], number) if number in FAMILIES[match[1]].orders else None
