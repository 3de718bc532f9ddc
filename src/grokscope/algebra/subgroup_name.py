"""What kind of group a subgroup is, told by its number of elements of each order.

That and being commutative or not singles out, among all groups, each of those tried here: Abelian
ones, dihedral ones (one element generates half of the group, and all others have order 2), affine
ones (no element of order p commutes with one of another order), and S4, S5, A4, A5, Q8. All
others are called by their order.
"""

import functools
from collections import Counter

import torch
from jaxtyping import Int
from torch import Tensor

from grokscope.algebra.group import Group
from grokscope.algebra.group_name import LARGEST_ORDER, group_named

_AFFINE = {order: f"F{order}" for order in (20, 42, 110, 156)}
_OTHERS = {6: "S3", 8: "Q8", 12: "A4", 24: "S4", 60: "A5", 120: "S5", **_AFFINE}

Kind = tuple[bool, tuple[tuple[int, int], ...]]


def subgroup_name(group: Group, members: Int[Tensor, " member"]) -> str:
    """Such as `Z6`, `Z2xZ2`, `S3`, `D4`, `trivial`, or `order 36` where no name is known."""
    order = len(members)
    if order == 1:
        return "trivial"
    kind = _kind(group, members)
    same = (name for name in _candidates(order) if _kind_of_named(name) == kind)
    return next(same, f"order {order}")


def _kind(group: Group, members: Int[Tensor, " member"]) -> Kind:
    """Whether it is Abelian, and how many elements it has of each order."""
    products = group.table[members][:, members]
    orders = Counter(group.element_orders[members].tolist())
    return torch.equal(products, products.T), tuple(sorted(orders.items()))


@functools.lru_cache(maxsize=256)
def _kind_of_named(name: str) -> Kind:
    group = group_named(name)
    return _kind(group, torch.arange(group.order))


def _candidates(order: int) -> list[str]:
    """Names of groups with so many elements."""
    if order > LARGEST_ORDER:
        return []
    abelian = ["x".join(f"Z{n}" for n in factors) for factors in _invariant_factors(order, 1)]
    others = [_OTHERS[order]] if order in _OTHERS else []
    dihedral = [f"D{order // 2}"] if order % 2 == 0 and order >= 6 else []
    return [*abelian, *others, *dihedral]


def _invariant_factors(order: int, divisor: int) -> list[list[int]]:
    """Ways to write the order as a product of numbers above 1, each a divisor of the next one."""
    ways = [[order]] if order % divisor == 0 else []
    for first in range(max(2, divisor), order):
        if order % first == 0 and first % divisor == 0:
            ways += [[first, *rest] for rest in _invariant_factors(order // first, first)]
    return ways
