"""Permutations of the points 0 … n-1, written as the tuple of images, and the groups they form.

They compose like functions, b first: (a∘b)(x) = a(b(x)). Power et al. (arXiv 2201.02177) apply a
first; their table is this one with the operands swapped.
"""

from collections.abc import Sequence

import torch

from grokscope.algebra.group import Group

Permutation = tuple[int, ...]


def permutation_group(name: str, permutations: Sequence[Permutation]) -> Group:
    """The group of these permutations, in this order.

    Raises:
        SettingError: some composition is missing, so that they form no group.
    """
    number = {permutation: index for index, permutation in enumerate(permutations)}
    table = [[number.get(compose(a, b), -1) for b in permutations] for a in permutations]
    return Group(
        name=name,
        table=torch.tensor(table),
        elements=tuple(cycle_notation(permutation) for permutation in permutations),
        permutations=torch.tensor(permutations),
    )


def compose(a: Permutation, b: Permutation) -> Permutation:
    """The permutation a∘b, which applies b first."""
    return tuple(a[x] for x in b)


def cycles(permutation: Permutation) -> list[list[int]]:
    """The cycles of length two and more, each from its smallest point."""
    found: list[list[int]] = []
    seen: set[int] = set()
    for start in range(len(permutation)):
        cycle = [start]
        while (point := permutation[cycle[-1]]) != start:
            cycle.append(point)
        if len(cycle) > 1 and start not in seen:
            found.append(cycle)
        seen.update(cycle)
    return found


def cycle_notation(permutation: Permutation) -> str:
    """Such as `(123)(45)`, points counted from 1; `e` for the identity."""
    space = " " if len(permutation) > 9 else ""
    written = (space.join(str(point + 1) for point in cycle) for cycle in cycles(permutation))
    return "".join(f"({cycle})" for cycle in written) or "e"


def is_even(permutation: Permutation) -> bool:
    """Whether it is a product of an even number of swaps."""
    return sum(len(cycle) - 1 for cycle in cycles(permutation)) % 2 == 0
