"""StableMax cross-entropy (arXiv 2501.04697), whose gradient does not die of confidence.

Probabilities are s(z) / Σ s(z) with s(z) = z + 1 for z ≥ 0 and 1 / (1 − z) below: they grow like
the logits and not like their exponentials, so that no sum absorbs the smaller ones.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from grokscope.engine.answers import Answers
from grokscope.engine.loss import Logits, Loss
from grokscope.tasks import Table


@dataclass(frozen=True, kw_only=True)
class StableMax(Loss):
    """Mean of −log(s(z) of the label / Σ s(z)) over rows; in float64 as published."""

    TITLE: ClassVar[str] = "StableMax cross-entropy (nats)"

    precision: Literal["float32", "float64"] = "float64"
    """The precision of the loss; logits are computed in the model's own."""

    def each(self, logits: Logits, answers: Answers) -> Float[Tensor, "model row answer"]:
        """Of each answer, in nats."""
        sizes = _positive(logits)
        return sizes.sum(2, keepdim=True).log() - sizes.gather(-1, answers.labels).log()

    def constant(self, table: Table) -> float:
        """Of equal logits: log n_classes."""
        return math.log(table.n_classes)


def _positive(z: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    # each branch sees its own side only, or the other one's infinity would reach the gradient
    above, below = z.clamp(min=0), z.clamp(max=0)
    return torch.where(z >= 0, above + 1, 1 / (1 - below))
