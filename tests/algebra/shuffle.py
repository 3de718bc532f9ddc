"""Groups whose elements come in another order, which must not matter."""

import torch

from grokscope.algebra.group import Group


def shuffled(group: Group) -> Group:
    """The same group with its elements in another order, so that the identity is not the first."""
    order = torch.randperm(group.order, generator=torch.Generator().manual_seed(1))
    place = order.argsort()
    names = tuple(group.elements[a] for a in order.tolist())
    return Group(name="?", table=place[group.table[order][:, order]], elements=names)
