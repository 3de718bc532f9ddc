"""Losses, one value per network.

In float32 the cross-entropy of a confident network is a multiple of 1.2e-7 and its gradient dies
(arXiv 2501.04697); float64 delays that from a logit gap of about 17 to one of about 37.
"""

from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from grokscope.core.settings import check_types
from grokscope.engine.answers import Answers
from grokscope.models.columns import own_columns


@dataclass(frozen=True, kw_only=True)
class CrossEntropy:
    """Mean cross-entropy over rows, in nats."""

    precision: Literal["float32", "float64"] = "float32"
    """The precision of the loss; logits are computed in the model's own."""

    def __post_init__(self) -> None:
        check_types(self)

    def __call__(
        self,
        logits: Float[Tensor, "model row n_outputs"],
        labels: Int[Tensor, "model row"] | Answers,
    ) -> Float[Tensor, " model"]:
        """One mean per network, over all outputs."""
        dtype = getattr(torch, self.precision)
        answers = labels if isinstance(labels, Answers) else Answers.plain(labels, dtype)
        return cast(Tensor, _MeanLoss.apply(logits, answers, dtype))


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
