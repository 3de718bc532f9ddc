"""Cosets of a subgroup, on which neurons of networks that learn S5 are constant.

Stander et al., arXiv 2312.06581.
"""

import torch
from jaxtyping import Int
from torch import Tensor

from grokscope.algebra.subgroup import Subgroup


def left_cosets(subgroup: Subgroup) -> Int[Tensor, " order"]:
    """Number of the left coset a∘H that each element lies in, counted by first members."""
    return _numbered(subgroup.group.table[:, subgroup.members])


def right_cosets(subgroup: Subgroup) -> Int[Tensor, " order"]:
    """Number of the right coset H∘a that each element lies in, counted by first members."""
    return _numbered(subgroup.group.table[subgroup.members].T)


def _numbered(cosets: Int[Tensor, "order member"]) -> Int[Tensor, " order"]:
    return torch.unique(cosets.min(dim=1).values, return_inverse=True)[1]
