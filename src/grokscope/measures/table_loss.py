"""Losses and accuracies of a population on the parts of its table."""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor

PARTS = ("train/{}", "test/{}", "test/{}_novel", "test/{}_mirrored", "test/{}_ood")
"""Metric names of the parts of a table; `test` is the novel and the mirrored rows together, and the
last part is there only where a task has rows out of its distribution."""

RowLoss = Callable[
    [Float[Tensor, "model row n_outputs"], Int[Tensor, " row"]], Float64[Tensor, "model row"]
]
Parts = Bool[Tensor, "model part row"]


def table_metrics(
    logits: Float[Tensor, "model row n_outputs"],
    labels: Int[Tensor, " row"],
    parts: Parts,
    noisy: Int[Tensor, " row"] | None = None,
    row_loss: RowLoss | None = None,
) -> dict[str, Float64[Tensor, " model"]]:
    """Mean loss and accuracy on each part of the table, by metric name.

    Losses run over all outputs, as in training, and are taken in float64: in float32 they would end
    at 1e-7. A part without rows is NaN. A row whose loss is not finite is not answered.

    Args:
        logits: on the full table.
        labels: right class of each row.
        parts: rows of each of `PARTS`.
        noisy: what the rows say when they are trained on, where that is not always the right class;
            the training part is measured by it, as in training.
        row_loss: the loss of each row, in float64; cross entropy (nats) where it is None.

    Returns:
        `train/loss`, `train/acc`, `test/loss`, `test/acc`, `test/loss_novel`, `test/acc_novel`,
        `test/loss_mirrored`, `test/acc_mirrored`; and `test/loss_ood`, `test/acc_ood` where there
        is a fifth part.
    """
    values = _row_values(logits, labels, row_loss).unsqueeze(2)
    if noisy is not None:
        learned = _row_values(logits, noisy, row_loss).unsqueeze(2)
        values = torch.cat([learned, values.expand(-1, -1, parts.shape[1] - 1, -1)], 2)
    return _means(values, parts, ("loss", "acc"))


def target_metrics(
    outputs: Float[Tensor, "model row target"],
    targets: Float[Tensor, "row target"],
    parts: Parts,
    constant: float,
    tolerance: float | None,
) -> dict[str, Float64[Tensor, " model"]]:
    """The same of real targets: mean squared error, and 1 − L / L₀ in the place of accuracy.

    Args:
        outputs: on the full table.
        targets: what they should be.
        parts: rows of each of `PARTS`.
        constant: L₀, the loss of the best constant.
        tolerance: mean squared error below which a row counts as right; `train/within` and so on
            are the shares of such rows, where there is one.
    """
    loss = (outputs.double() - targets.double()).square().mean(2)
    explained = 1 - loss / constant
    quantities, values = ("loss", "acc"), [loss, explained]
    if tolerance is not None:
        quantities, values = (*quantities, "within"), [*values, (loss < tolerance).double()]
    return _means(torch.stack(values, 1).unsqueeze(2), parts, quantities)


def _means(
    values: Float64[Tensor, "model quantity _ row"], parts: Parts, quantities: tuple[str, ...]
) -> dict[str, Float64[Tensor, " model"]]:
    # where, not a product: a loss that is not finite must not leak into other parts
    sums = torch.where(parts.unsqueeze(1), values, 0.0).sum(3)
    means = (sums / parts.sum(2).unsqueeze(1)).unbind(1)
    return {
        name.format(quantity): column
        for quantity, means_of in zip(quantities, means, strict=True)
        for name, column in zip(PARTS, means_of.unbind(1), strict=False)
    }


def _row_values(
    logits: Float[Tensor, "model row n_outputs"],
    labels: Int[Tensor, " row"],
    row_loss: RowLoss | None,
) -> Float64[Tensor, "model 2 row"]:
    loss, right = row_losses(logits, labels)
    if row_loss is not None:
        loss = row_loss(logits, labels)
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
