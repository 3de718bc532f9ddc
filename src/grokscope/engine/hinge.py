"""The hinge loss of classes, which is satisfied by a margin of 1."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from grokscope.engine.answers import Answers
from grokscope.engine.loss import Logits, Loss
from grokscope.tasks import Table


@dataclass(frozen=True, kw_only=True)
class Hinge(Loss):
    """Mean over rows of max(0, 1 − (z of the label − the largest other z)).

    Of two classes it is max(0, 1 − y·f) with f = z₁ − z₀ and y = ±1, as for sparse parity in
    arXiv 2207.08799.
    """

    TITLE: ClassVar[str] = "hinge loss"

    def each(self, logits: Logits, answers: Answers) -> Float[Tensor, "model row answer"]:
        """What is missing to a margin of 1."""
        own = logits.gather(-1, answers.labels)
        each = logits.unsqueeze(2).expand(-1, -1, answers.labels.shape[2], -1)
        others = each.scatter(-1, answers.labels.unsqueeze(-1), -torch.inf).amax(-1)
        return (1 - (own - others)).clamp(min=0)

    def constant(self, table: Table) -> float:
        """Of equal logits: 1."""
        return 1.0
