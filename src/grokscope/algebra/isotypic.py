"""Isotypic projections: the part of a function on a group that belongs to one irrep.

The coefficients ρ(g)_ij of an irrep ρ span its isotypic component; all components together are
the functions on the group, as frequencies are for a cyclic one. Chughtai et al., arXiv 2302.03025,
measure activations and logits in them. Projecting one axis of a table is a matrix product.
"""

import functools

import torch
from jaxtyping import Float64
from torch import Tensor

from grokscope.algebra.group import Group
from grokscope.algebra.real_irrep import RealIrrep, real_irreps


def isotypic_projector(irrep: RealIrrep) -> Float64[Tensor, "order order"]:
    """Orthogonal projector on one isotypic component: P[a, b] = copies·χ(a∘b⁻¹)/|G|."""
    group = irrep.group
    quotients = group.table[:, group.inverses]
    return irrep.character[quotients] * (irrep.copies / group.order)


@functools.lru_cache(maxsize=8)
def isotypic_projectors(group: Group) -> Float64[Tensor, "irrep order order"]:
    """The projectors of all of `real_irreps(group)`, which add up to one; to be read only."""
    return torch.stack([isotypic_projector(irrep) for irrep in real_irreps(group)])
