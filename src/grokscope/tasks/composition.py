"""Composition in a finite group.

S5 is in Power et al., arXiv 2201.02177; other groups in Chughtai et al., arXiv 2302.03025.
"""

from dataclasses import dataclass
from typing import Literal

import torch

from grokscope.algebra.group_name import group_named
from grokscope.tasks.base import Table, Task

Word = Literal["xy", "xyX", "xyx"]


@dataclass(frozen=True, kw_only=True)
class GroupComposition(Task):
    """x ∘ y for every pair of elements, or another word in them, in rows ordered by x, then y.

    Permutations compose like functions: y is applied first. The table of x ∘ y carries its group.
    """

    group: str = "S5"
    """Z12, D7 (of the 7-gon), S3 to S5, A3 to A5, Q8, F20, or a product such as Z6xZ10."""
    word: Word = "xy"
    """What is asked for: x∘y, the conjugate x∘y∘x⁻¹ (`xyX`), or x∘y∘x."""

    def __post_init__(self) -> None:
        super().__post_init__()
        group_named(self.group)

    @property
    def exact_name(self) -> str:
        """Such as `composition in S5`."""
        noun = {"xy": "composition", "xyX": "conjugation x∘y∘x⁻¹", "xyx": "x∘y∘x"}[self.word]
        return f"{noun} in {self.group}"

    def exact_table(self) -> Table:
        """All pairs; where x∘y = y∘x the mirror image of a row has its operands swapped."""
        group = group_named(self.group)
        elements = torch.arange(group.order)
        inputs = torch.cartesian_prod(elements, elements)
        x, y = inputs.unbind(1)
        product = group.table[x, y]
        last = {"xy": None, "xyX": group.inverses[x], "xyx": x}[self.word]
        is_commutative = group.is_abelian and self.word == "xy"
        return Table(
            inputs=inputs,
            labels=product if last is None else group.table[product, last],
            d_vocab=group.order,
            n_classes=group.order,
            mirror=y * group.order + x if is_commutative else torch.arange(len(inputs)),
            cyclic=None,
            group=group if self.word == "xy" else None,
        )
