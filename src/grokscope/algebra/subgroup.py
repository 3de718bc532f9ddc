"""All subgroups of a group, up to conjugacy and one by one.

Every subgroup is reached from the trivial one by adding one element at a time, and conjugate ones
are made from one of them, so that few have to be extended: 19 of the 156 in S5.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from grokscope.algebra.group import Group
from grokscope.algebra.subgroup_name import subgroup_name
from grokscope.core.errors import SettingError

Members = tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Subgroup:
    """One subgroup.

    Attributes:
        members: its elements, in increasing order.
        name: what kind of group it is, such as `Z2xZ2` or `D4`.
        n_conjugates: size of its conjugacy class.
    """

    group: Group
    members: Int[Tensor, " member"]
    name: str
    n_conjugates: int

    @property
    def order(self) -> int:
        """Number of elements."""
        return len(self.members)

    @property
    def index(self) -> int:
        """Number of left cosets, and of right ones."""
        return self.group.order // self.order

    @property
    def is_normal(self) -> bool:
        """Whether left and right cosets are the same."""
        return self.n_conjugates == 1

    @property
    def generators(self) -> Members:
        """Few elements that generate it; those of high order first."""
        orders = self.group.element_orders[self.members]
        by_order = self.members[orders.argsort(descending=True, stable=True)]
        chosen, reached = list[int](), {self.group.identity}
        for element in by_order.tolist():
            if element not in reached:
                chosen.append(element)
                reached = set(generated(self.group, chosen).tolist())
        return tuple(chosen)

    @property
    def label(self) -> str:
        """Name and generators, such as `S3 ⟨(123), (12)⟩`."""
        names = ", ".join(self.group.elements[a] for a in self.generators)
        return f"{self.name} ⟨{names}⟩"


def subgroups(group: Group) -> tuple[Subgroup, ...]:
    """All subgroups, by order, conjugate ones side by side."""
    return tuple(subgroup for conjugate in subgroup_classes(group) for subgroup in conjugate)


@functools.lru_cache(maxsize=32)
def subgroup_classes(group: Group) -> tuple[tuple[Subgroup, ...], ...]:
    """All subgroups in their conjugacy classes, by order; the trivial one is first.

    It is meant for groups with up to some thousands of subgroups.
    """
    classes = sorted(_classes(group), key=lambda conjugate: (len(conjugate[0]), conjugate))
    return tuple(_described(group, conjugate) for conjugate in classes)


def generated(group: Group, elements: list[int]) -> Int[Tensor, " member"]:
    """Members of the smallest subgroup that holds these elements, in increasing order.

    Raises:
        SettingError: some number is no element.
    """
    if not all(0 <= element < group.order for element in elements):
        raise SettingError("elements", f"in 0 … {group.order - 1}", elements)
    inside = torch.zeros(group.order, dtype=torch.bool)
    inside[[group.identity, *elements]] = True
    while True:
        members = torch.nonzero(inside).squeeze(1)
        # In a finite group, what is closed under products is closed under inverses.
        inside[group.table[members][:, members]] = True
        if int(inside.sum()) == len(members):
            return members


def _classes(group: Group) -> list[list[Members]]:
    """Classes of conjugate subgroups, each sorted."""
    trivial: Members = (group.identity,)
    classes: list[list[Members]] = [[trivial]]
    found: set[Members] = {trivial}
    cyclic = _cyclic_generators(group)
    for conjugate in classes:  # grows while it is read
        for members in _extensions(group, conjugate[0], cyclic):
            if tuple(members.tolist()) not in found:
                classes.append(_conjugates(group, members))
                found.update(classes[-1])
    return classes


def _extensions(
    group: Group, start: Members, elements: list[int]
) -> Iterator[Int[Tensor, " member"]]:
    """Subgroups that a subgroup H and one of the elements generate."""
    inside = list(start)
    covered = torch.zeros(group.order, dtype=torch.bool)
    covered[inside] = True
    for element in elements:
        if not covered[element]:
            yield generated(group, [*inside, element])
            # With H, every element of the double coset H∘a∘H generates the same subgroup as a.
            covered[group.table[group.table[inside, element]][:, inside]] = True


def _cyclic_generators(group: Group) -> list[int]:
    """The first generator of each cyclic subgroup."""
    first: dict[frozenset[int], int] = {}
    for element in range(group.order):
        first.setdefault(frozenset(group.powers(element).tolist()), element)
    return list(first.values())


def _conjugates(group: Group, members: Int[Tensor, " member"]) -> list[Members]:
    images = group.conjugates[:, members].sort(dim=1).values.unique(dim=0)
    return sorted(tuple(image) for image in images.tolist())


def _described(group: Group, conjugate: list[Members]) -> tuple[Subgroup, ...]:
    name = subgroup_name(group, torch.tensor(conjugate[0]))
    return tuple(
        Subgroup(group=group, members=torch.tensor(members), name=name, n_conjugates=len(conjugate))
        for members in conjugate
    )
