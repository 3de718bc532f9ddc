"""Losses and accuracies of a population on the parts of its table."""

import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor

PARTS = ("train/{}", "test/{}", "test/{}_novel", "test/{}_mirrored")
"""Metric names of the parts of a table; `test` is the novel and the mirrored rows together."""


def table_metrics(
    logits: Float[Tensor, "model row n_outputs"],
    labels: Int[Tensor, " row"],
    parts: Bool[Tensor, "model part row"],
    noisy: Int[Tensor, " row"] | None = None,
) -> dict[str, Float64[Tensor, " model"]]:
    """Mean cross entropy (nats) and accuracy on each part of the table, by metric name.

    Losses run over all outputs, as in training, and are taken in float64: in float32 they would end
    at 1e-7. A part without rows is NaN. A row whose loss is not finite is not answered.

    Args:
        logits: on the full table.
        labels: right class of each row.
        parts: rows of each of `PARTS`.
        noisy: what the rows say when they are trained on, where that is not always the right class;
            the training part is measured by it, as in training.

    Returns:
        `train/loss`, `train/acc`, `test/loss`, `test/acc`, `test/loss_novel`, `test/acc_novel`,
        `test/loss_mirrored`, `test/acc_mirrored`.
    """
    values = _row_values(logits, labels).unsqueeze(2)
    if noisy is not None:
        learned = _row_values(logits, noisy).unsqueeze(2)
        values = torch.cat([learned, values.expand(-1, -1, len(PARTS) - 1, -1)], 2)
    # where, not a product: a loss that is not finite must not leak into other parts
    sums = torch.where(parts.unsqueeze(1), values, 0.0).sum(3)
    means = (sums / parts.sum(2).unsqueeze(1)).unbind(1)
    return {
        name.format(quantity): column
        for quantity, means_of in zip(("loss", "acc"), means, strict=True)
        for name, column in zip(PARTS, means_of.unbind(1), strict=True)
    }


def _row_values(
    logits: Float[Tensor, "model row n_outputs"], labels: Int[Tensor, " row"]
) -> Float64[Tensor, "model 2 row"]:
    loss, right = row_losses(logits, labels)
    return torch.stack([loss, right.double()], 1)


def row_losses(
    logits: Float[Tensor, "model row n_outputs"], labels: Int[Tensor, " row"]
) -> tuple[Float64[Tensor, "model row"], Bool[Tensor, "model row"]]:
    """Cross entropy of every row, in nats, and whether the row is answered right.

    Of several equal largest logits the first one is the answer. One table per network is held in
    float64: large populations are best taken a few networks at a time.
    """
    # with rows last, every reduction over the outputs runs along whole vectors of rows
    columns = logits.mT.contiguous()
    top = columns.amax(1, keepdim=True)
    work = columns.double().sub_(top)
    distance = work.gather(1, labels.expand(len(logits), 1, -1)).squeeze(1)  # 0 at the top
    loss = work.exp_().sum(1).log_() - distance
    # a look at the outputs before the label costs a tenth of an argmax
    outputs = torch.arange(columns.shape[1], device=logits.device).unsqueeze(1)
    before = torch.where(outputs < labels, 0.0, -torch.inf).to(logits.dtype)
    tied = (columns + before).amax(1) == top.squeeze(1)
    return loss, (distance == 0) & ~tied & loss.isfinite()
