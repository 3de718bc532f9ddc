"""Conjugacy classes: elements that differ by a change of viewpoint, a ~ g∘a∘g⁻¹."""

import functools
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from grokscope.algebra.group import Group


@dataclass(frozen=True, kw_only=True, eq=False)
class ConjugacyClasses:
    """The classes of a group: the identity's first, then by element order, size, first member.

    Attributes:
        labels: class of each element.
        representatives: first member of each class.
        sizes: number of members of each class.
    """

    group: Group
    labels: Int[Tensor, " order"]
    representatives: Int[Tensor, " class"]
    sizes: Int[Tensor, " class"]

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each class: the shortest of its members' names, such as `(12)(34)`."""
        names: list[list[str]] = [[] for _ in range(len(self))]
        for element, label in zip(self.group.elements, self.labels.tolist(), strict=True):
            names[label].append(element)
        return tuple(min(members, key=lambda name: (len(name), name)) for members in names)

    @property
    def inverses(self) -> Int[Tensor, " class"]:
        """Class of the inverses of each class."""
        return self.labels[self.group.inverses[self.representatives]]


@functools.lru_cache(maxsize=32)
def conjugacy_classes(group: Group) -> ConjugacyClasses:
    """The conjugacy classes of a group, in a fixed order."""
    first_member = group.conjugates.min(dim=0).values
    members, sizes = torch.unique(first_member, return_counts=True)
    facts = torch.stack([group.element_orders[members], sizes, members], dim=1).tolist()
    ranked = torch.tensor(sorted(range(len(facts)), key=facts.__getitem__))
    representatives = members[ranked]
    labels = torch.nonzero(first_member.unsqueeze(1) == representatives)[:, 1]
    return ConjugacyClasses(
        group=group, labels=labels, representatives=representatives, sizes=sizes[ranked]
    )
