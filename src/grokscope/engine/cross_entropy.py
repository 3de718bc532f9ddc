"""Cross-entropy.

In float32 the cross-entropy of a confident network is a multiple of 1.2e-7 and its gradient dies
(arXiv 2501.04697); float64 delays that from a logit gap of about 17 to one of about 37.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from grokscope.engine.answers import Answers
from grokscope.engine.loss import Logits, Loss
from grokscope.models.columns import own_columns
from grokscope.tasks import Table


@dataclass(frozen=True, kw_only=True)
class CrossEntropy(Loss):
    """Mean cross-entropy over rows, in nats."""

    TITLE: ClassVar[str] = "cross-entropy (nats)"

    def each(self, logits: Logits, answers: Answers) -> Float[Tensor, "model row answer"]:
        """−log softmax of each answer."""
        return -logits.log_softmax(-1).gather(-1, answers.labels)

    def constant(self, table: Table) -> float:
        """Of equal logits: log n_classes."""
        return math.log(table.n_classes)

    def __call__(
        self, logits: Logits, answers: Answers | Int[Tensor, "model row"]
    ) -> Float[Tensor, " model"]:
        """One mean per network, over all outputs; the same as the mean of `each`, faster."""
        given = answers if isinstance(answers, Answers) else Answers.plain(answers, self.dtype)
        return cast(Tensor, _MeanLoss.apply(logits, given, self.dtype))


class _MeanLoss(Function):
    """Σ over answers of share · cross-entropy, with its backward in place.

    Columns that are only there to fill cache lines take part with a probability of 0, so that
    nothing is copied on the way.

    Differentiable once, not twice.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, answers: Answers, dtype: torch.dtype) -> Tensor:  # noqa: ANN401
        complete, n_outputs = own_columns(logits), logits.shape[2]
        _unseen(complete, n_outputs).fill_(-torch.inf)
        log_probs = torch.log_softmax(complete, -1, dtype=dtype)
        ctx.save_for_backward(log_probs)
        ctx.answers, ctx.dtype, ctx.n_outputs = answers, logits.dtype, n_outputs
        return -(log_probs.gather(-1, answers.labels) * answers.shares).sum((1, 2))

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any,  # noqa: ANN401
        *gradients: Tensor,
    ) -> tuple[Tensor, None, None]:
        (log_probs,), answers = ctx.saved_tensors, ctx.answers
        factor, unseen = gradients[0].view(-1, 1, 1), _unseen(log_probs, ctx.n_outputs)
        unseen.fill_(0)  # exp(-inf) takes five times as long
        by_logit = log_probs.exp_().mul_(answers.totals * factor)
        by_answer = (answers.shares * -factor).expand_as(answers.labels)
        by_logit.scatter_add_(-1, answers.labels, by_answer)
        unseen.fill_(0)
        return by_logit.to(ctx.dtype)[..., : ctx.n_outputs], None, None


def _unseen(columns: Tensor, n_outputs: int) -> Tensor:
    return columns[..., n_outputs:]
