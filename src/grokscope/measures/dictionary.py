"""The metric dictionary: what every recorded number means.

One entry per column of a run's curves and progress tables, printed by the command line and shown
beside plots. Shapes, errors and edge cases are in the docstrings of the functions.
"""

from dataclasses import dataclass
from typing import Literal

POWER = "arXiv 2201.02177"
NANDA = "arXiv 2301.05217"
OMNIGROK = "arXiv 2210.01117"
LIU = "arXiv 2205.10343"
GROMOV = "arXiv 2301.02679"
MERRILL = "arXiv 2303.11873"
LAU = "arXiv 2308.12108"
VARMA = "arXiv 2309.02390"
PRIETO = "arXiv 2501.04697"
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
        name=name,
        formula=formula,
        unit="nats or the other loss's",
        range="≥ 0",
        source=POWER,
        direction="lower",
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


def _collapse(suffix: str, precision: str) -> Metric:
    formula = "share of training rows with Σ exp(z - max z) = 1 whose label has the largest logit"
    return Metric(
        name=f"measure/softmax_collapse{suffix}",
        formula=f"{formula}, in {precision}",
        unit="1",
        range="[0, 1]",
        source=PRIETO,
        direction="lower",
    )


def _circuit(name: str, formula: str, unit: str = "1", values: str = "about [0, 1]") -> Metric:
    return Metric(
        name=f"measure/circuit_{name}", formula=formula, unit=unit, range=values, source=VARMA
    )


_GENERAL = "mean logits (centred over the classes) of novel rows of the same right answer"
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
    Metric(
        name="measure/rqi",
        formula="share of pairs of rows with i+j = m+n whose embeddings close a parallelogram, "
        "‖E_i+E_j-E_m-E_n‖ < delta · root mean square norm of the centred embeddings",
        unit="1",
        range="[0, 1]",
        source=LIU,
        direction="higher",
    ),
    Metric(
        name="measure/rqi_modular",
        formula="the same for i+j = m+n modulo the order of the group",
        unit="1",
        range="[0, 1]",
        source=LIU,
        direction="higher",
    ),
    Metric(
        name="measure/rqi_predicted_acc",
        formula="share of the novel rows that close a parallelogram with some training row of the "
        "same answer",
        unit="1",
        range="[0, 1]",
        source=LIU,
        direction="higher",
    ),
    Metric(
        name="measure/effective_loss",
        formula="Σ over pairs of training rows of one answer of ‖E_i+E_j-E_m-E_n‖², over the "
        "number of such pairs in the table and over Σ‖E_k‖² of the centred embeddings",
        unit="1",
        range="≥ 0",
        source=LIU,
        direction="lower",
    ),
    Metric(
        name="measure/ipr",
        formula="mean over first-layer neurons and operands of Σ_k|û_k|⁴/(Σ_k|û_k|²)², "
        "|û_k|² the energy of frequency k = 1 … n//2, cosine and sine together",
        unit="1",
        range="[1/(n//2), 1]",
        source=GROMOV,
    ),
    Metric(
        name="measure/effective_rank",
        formula="exp of the entropy of the singular values of the centred embeddings, normalised "
        "to a sum of 1; averaged over the operands",
        unit="directions",
        range="[1, min(tokens-1, d_model)]",
        source="Roy & Vetterli, EUSIPCO 2007",
    ),
    _collapse("", "the loss's own precision"),
    _collapse("_float16", "float16"),
    _collapse("_float32", "float32"),
    _collapse("_float64", "float64"),
    Metric(
        name="measure/llc",
        formula="nβ · (mean loss of SGLD samples around the weights - loss at the weights), on the "
        "training rows, averaged over chains",
        unit="1",
        range="any; 1/2 for a parameter of a regular model",
        source=LAU,
    ),
    Metric(
        name="measure/llc_spread",
        formula="standard deviation of that over chains",
        unit="1",
        range="≥ 0",
        source=LAU,
    ),
    Metric(
        name="measure/active_neurons",
        formula="neurons of the last hidden layer in a minimal set that gives every training row "
        "the network's answer, the others silenced",
        unit="neurons",
        range="0 … width",
        source=MERRILL,
    ),
    Metric(
        name="measure/active_share",
        formula="the same over the width of the layer",
        unit="1",
        range="[0, 1]",
        source=MERRILL,
    ),
    _circuit("generalising", f"share of the training rows' logit variance along g, the {_GENERAL}"),
    _circuit("memorising", "1 - generalising - neither: what is on training rows only"),
    _circuit(
        "neither", "the same share of the variance of novel rows about g, which is on all rows"
    ),
    _circuit("right_generalising", "mean over training rows of g at their label", "nats", "any"),
    _circuit(
        "right_memorising",
        "mean over training rows of the centred logit of their label, less g at it",
        "nats",
        "any",
    ),
    Metric(
        name="measure/efficiency",
        formula="mean over training rows of (logit of the label - largest other logit), over "
        "norm/weights",
        unit="nats",
        range="any",
        source=VARMA,
        direction="higher",
    ),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in _ENTRIES}
"""Every recorded quantity by column name."""
