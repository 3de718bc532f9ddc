"""Losses and accuracies of a population on the parts of its table."""

import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor
from torch.nn import functional as F

Rows = Bool[Tensor, "model row"]


def table_metrics(
    logits: Float[Tensor, "model row n_outputs"],
    labels: Int[Tensor, " row"],
    *,
    train: Rows,
    novel: Rows,
    mirrored: Rows,
) -> dict[str, Float64[Tensor, " model"]]:
    """Mean cross entropy (nats) and accuracy on each part of the table, by metric name.

    The parts are `train`, and of the held-out rows the novel ones, the mirrored ones, and both
    together (`test/loss`, `test/acc`). Losses run over all outputs, as in training, and are taken
    in float64: in float32 they would end at 1e-7. A part without rows is NaN. A row whose loss is
    not finite is not answered.

    Args:
        logits: on the full table.
        labels: right class of each row.
        train: training rows of each network.
        novel: held-out rows whose mirror image is held out too.
        mirrored: held-out rows whose mirror image is trained on.

    Returns:
        `train/loss`, `train/acc`, `test/loss`, `test/acc`, `test/loss_novel`, `test/acc_novel`,
        `test/loss_mirrored`, `test/acc_mirrored`.
    """
    loss, right = row_losses(logits, labels)
    parts = {
        "train/{}": train,
        "test/{}": novel | mirrored,
        "test/{}_novel": novel,
        "test/{}_mirrored": mirrored,
    }
    metrics: dict[str, Tensor] = {}
    for name, rows in parts.items():
        metrics[name.format("loss")] = _mean(loss, rows)
        metrics[name.format("acc")] = _mean(right.double(), rows)
    return metrics


def row_losses(
    logits: Float[Tensor, "model row n_outputs"], labels: Int[Tensor, " row"]
) -> tuple[Float64[Tensor, "model row"], Bool[Tensor, "model row"]]:
    """Cross entropy of every row, in nats, and whether the row is answered right.

    The networks are taken one at a time, so that only one table is ever held in float64.
    """
    losses = [F.cross_entropy(network.double(), labels, reduction="none") for network in logits]
    loss = torch.stack(losses)
    right = (logits.argmax(2) == labels) & loss.isfinite()
    return loss, right


def _mean(values: Float64[Tensor, "model row"], rows: Rows) -> Float64[Tensor, " model"]:
    # where, not a product: a loss that is not finite must not leak into other parts
    return torch.where(rows, values, 0.0).sum(1) / rows.sum(1)
