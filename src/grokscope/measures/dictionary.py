"""The metric dictionary: what every recorded number means.

One entry per column of a run's curves and progress tables, printed by the command line and shown
beside plots. Shapes, errors and edge cases are in the docstrings of the functions.
"""

from dataclasses import dataclass
from typing import Literal

POWER = "arXiv 2201.02177"
NANDA = "arXiv 2301.05217"
OMNIGROK = "arXiv 2210.01117"
GROKSCOPE = "grokscope"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One recorded quantity.

    Attributes:
        name: column name.
        formula: how it is computed.
        unit: what it is counted in; `1` for a pure number.
        range: values that it can take.
        source: where it was introduced.
        direction: whether higher or lower is better, or neither.
    """

    name: str
    formula: str
    unit: str
    range: str
    source: str = GROKSCOPE
    direction: Literal["higher", "lower", "neither"] = "neither"


def _loss(name: str, rows: str) -> Metric:
    formula = (
        f"mean over {rows} of the loss that is trained with, in float64: -log softmax(logits)"
        "[label] over all outputs, unless another loss is chosen"
    )
    return Metric(
        name=name, formula=formula, unit="nats", range="≥ 0", source=POWER, direction="lower"
    )


def _accuracy(name: str, rows: str) -> Metric:
    formula = (
        f"share of {rows} whose largest logit is the label's; of real targets 1 - L / L0, where L "
        "is the mean squared error and L0 that of the best constant"
    )
    return Metric(
        name=name, formula=formula, unit="1", range="[0, 1]", source=POWER, direction="higher"
    )


def _within(name: str, rows: str) -> Metric:
    formula = f"share of {rows} whose mean squared error is below the task's tolerance"
    return Metric(
        name=name, formula=formula, unit="1", range="[0, 1]", source=OMNIGROK, direction="higher"
    )


_OOD = "the rows that the task holds out as out of its distribution"
_TRAINED = "the training rows (by the labels that they are trained on, noise included)"
_ENTRIES = (
    Metric(name="network", formula="index of the network in its run", unit="1", range="0, 1, 2, …"),
    Metric(name="step", formula="optimizer steps taken before", unit="steps", range="0, 1, 2, …"),
    Metric(
        name="wall_seconds",
        formula="time in training and evaluation since the run began, pauses left out",
        unit="s",
        range="≥ 0",
        direction="lower",
    ),
    _loss("train/loss", _TRAINED),
    _accuracy("train/acc", _TRAINED),
    _loss("test/loss", "all held-out rows"),
    _accuracy("test/acc", "all held-out rows"),
    _loss("test/loss_novel", "the held-out rows whose mirror image (b, a) is not trained on"),
    _accuracy("test/acc_novel", "the held-out rows whose mirror image (b, a) is not trained on"),
    _loss("test/loss_mirrored", "the held-out rows whose mirror image (b, a) is trained on"),
    _accuracy("test/acc_mirrored", "the held-out rows whose mirror image (b, a) is trained on"),
    _loss("test/loss_ood", _OOD),
    _accuracy("test/acc_ood", _OOD),
    _within("train/within", "the training rows"),
    _within("test/within", "all held-out rows"),
    _within("test/within_novel", "the held-out rows whose mirror image is not trained on"),
    _within("test/within_mirrored", "the held-out rows whose mirror image is trained on"),
    Metric(
        name="norm/weights",
        formula="√(sum of the squares of all trained parameters)",
        unit="1",
        range="≥ 0",
        source=OMNIGROK,
    ),
    Metric(
        name="logit/scale",
        formula="root mean square over all rows and outputs of logit - mean logit of the row",
        unit="nats",
        range="≥ 0",
    ),
    Metric(
        name="fourier/gini_W_E",
        formula="Gini coefficient of the norms of W_E along the n rows of the Fourier basis, "
        "averaged over the operand slots",
        unit="1",
        range="[0, (n-1)/n]",
        source=NANDA,
    ),
    Metric(
        name="fourier/gini_W_L",
        formula="Gini coefficient of the norms of the neuron-to-logit map along the n rows of the "
        "Fourier basis over the classes",
        unit="1",
        range="[0, (n-1)/n]",
        source=NANDA,
    ),
    Metric(
        name="fourier/spectrum_W_E",
        formula="norm of W_E along cos(2πkx/n) and sin(2πkx/n) together, k = 1 … n//2, averaged "
        "over the operand slots",
        unit="1",
        range="≥ 0, one per frequency",
        source=NANDA,
    ),
    Metric(
        name="fourier/n_key_frequencies",
        formula="number of frequencies that each explain more than half the variance of at least "
        "2 neurons and of at least 2 % of the live neurons",
        unit="1",
        range="0 … n//2",
        source=NANDA,
    ),
    Metric(
        name="progress/restricted_loss",
        formula="cross entropy on all rows of the logits' projection on cos and sin of 2πk(x+y)/n "
        "over the key frequencies k, plus the mean per class of the rest",
        unit="nats",
        range="≥ 0",
        source=NANDA,
        direction="lower",
    ),
    Metric(
        name="progress/excluded_loss",
        formula="cross entropy on the training rows of the logits without that projection, all "
        "key frequencies taken out together",
        unit="nats",
        range="≥ 0",
        source=NANDA,
    ),
    Metric(
        name="progress/excluded_loss_by_frequency",
        formula="cross entropy on the training rows of the logits without that projection, one "
        "key frequency taken out at a time",
        unit="nats",
        range="≥ 0, one per key frequency",
        source=NANDA,
    ),
    Metric(
        name="progress/full_loss",
        formula="cross entropy on all rows of the logits as they are, over the group's classes",
        unit="nats",
        range="≥ 0",
        source=NANDA,
        direction="lower",
    ),
    Metric(
        name="progress/logit_fve",
        formula="share of the variance of the logits, centred over the classes of each row, that "
        "cos(2πk(x+y-c)/n) over the key frequencies k explains",
        unit="1",
        range="[0, 1]",
        source=NANDA,
        direction="higher",
    ),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _ENTRIES}
"""Every recorded quantity by column name."""
