"""Training rows whose softmax has absorbed all but one logit (arXiv 2501.04697)."""

import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor


def softmax_collapse(
    logits: Float[Tensor, "model row n_outputs"],
    labels: Int[Tensor, " row"],
    rows: Bool[Tensor, "model row"],
    dtype: torch.dtype,
) -> Float64[Tensor, " model"]:
    """Share of rows whose loss is 0 by rounding, so that their gradient is too.

    Formula: share of the rows with Σ_j exp(z_j − max z) = 1 in the loss's precision while the
    label has the largest logit. In types of 16 bits torch adds up in float32 and rounds the sum.

    Unit: 1. Range: [0, 1]. Source: arXiv 2501.04697. NaN where a network has no rows.

    Args:
        logits: on the full table, in the model's own precision.
        labels: what each row says in training.
        rows: the training rows of each network.
        dtype: precision of the loss.
    """
    work = logits.to(dtype)
    top = work.amax(2, keepdim=True)
    alone = (work - top).exp().sum(2) == 1
    said = work.gather(2, labels.expand(len(work), -1).unsqueeze(2))
    collapsed = alone & (said == top).squeeze(2) & rows
    return collapsed.sum(1).double() / rows.sum(1)
