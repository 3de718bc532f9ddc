"""Composition in a finite group.

S5 is in Power et al., arXiv 2201.02177; other groups in Chughtai et al., arXiv 2302.03025.
"""

from dataclasses import dataclass

import torch

from grokscope.algebra.group_name import group_named
from grokscope.tasks.base import Table, Task


@dataclass(frozen=True, kw_only=True)
class GroupComposition(Task):
    """a ∘ b for every pair of elements, in rows ordered by a, then b.

    Permutations compose like functions: b is applied first. The table carries its group.
    """

    group: str = "S5"
    """Z12, D7 (of the 7-gon), S3 to S5, A3 to A5, Q8, F20, or a product such as Z6xZ10."""

    def __post_init__(self) -> None:
        super().__post_init__()
        group_named(self.group)

    @property
    def name(self) -> str:
        """Such as `composition in S5`."""
        return f"composition in {self.group}"

    def table(self) -> Table:
        """All pairs; in an Abelian group the mirror image of a row has its operands swapped."""
        group = group_named(self.group)
        elements = torch.arange(group.order)
        inputs = torch.cartesian_prod(elements, elements)
        a, b = inputs.unbind(1)
        return Table(
            inputs=inputs,
            labels=group.table.flatten(),
            d_vocab=group.order,
            n_classes=group.order,
            mirror=b * group.order + a if group.is_abelian else torch.arange(len(inputs)),
            cyclic=None,
            group=group,
        )
