"""The measures that can be taken of a kept network, by name, and what each of them needs."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float64
from torch import Tensor

from grokscope.core.errors import SettingError, UsageError
from grokscope.core.settings import check_types, with_settings
from grokscope.measures.active_subnetwork import active_subnetwork, subnetwork_size
from grokscope.measures.competing_circuits import competing_circuits, efficiency
from grokscope.measures.effective_rank import effective_rank
from grokscope.measures.inverse_participation import neuron_ipr
from grokscope.measures.learning_coefficient import Langevin, LearningCoefficient, llc
from grokscope.measures.norm import logit_scale, weight_norm
from grokscope.measures.parallelogram import DELTA, effective_loss, predicted_accuracy, rqi
from grokscope.measures.snapshot import Snapshot
from grokscope.measures.softmax_collapse import softmax_collapse
from grokscope.models import Parameters, Rows

Columns = dict[str, Float64[Tensor, " model"]]
_LINEAR_ROWS = 8
_LINEAR_ERROR = 1e-3


@dataclass(frozen=True, kw_only=True)
class NoSettings:
    """A measure that has nothing to set."""


@dataclass(frozen=True, kw_only=True)
class Closeness:
    """When a parallelogram counts as closed."""

    delta: float = DELTA
    """Largest side, in units of the embedding's scale."""

    def __post_init__(self) -> None:
        check_types(self)
        if not self.delta > 0:
            raise SettingError("delta", "greater than 0", self.delta)


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One measure of networks at one moment.

    Attributes:
        about: what it says, in a line.
        columns: names of its numbers, as in the metric dictionary.
        of: takes it, given a snapshot and settings.
        settings: what can be set, with its defaults.
    """

    about: str
    columns: tuple[str, ...]
    of: Callable[[Snapshot, Any], Columns]
    settings: Any = NoSettings()


def take(name: str, snapshot: Snapshot, options: Mapping[str, Any] | None = None) -> Columns:
    """A measure of every network of a snapshot, by column; NaN for weights that are not finite.

    Raises:
        UsageError: there is no such measure or option, or it needs what the task or model lacks.
        SettingError: an option breaks its rule.
    """
    measure = find(name)
    settings = with_settings(measure.settings, options or {})
    values = [value.reshape(len(value), -1) for value in snapshot.params.values()]
    finite = torch.stack([value.isfinite().all(1) for value in values]).all(0)
    sound = finite.nonzero().flatten().tolist()
    blank = {c: torch.full((len(finite),), torch.nan).double() for c in measure.columns}
    if not sound:
        return blank
    try:
        found = measure.of(snapshot.some(sound), settings)
    except UsageError as error:
        raise UsageError(f"`{name}` cannot be measured. {error}") from error
    return {column: blank[column].index_put((finite,), found[column]) for column in blank}


def find(name: str) -> Measure:
    """A measure by its name.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in MEASURES:
        near = difflib.get_close_matches(name, MEASURES, n=1)
        hint = f"Did you mean `{near[0]}`?" if near else f"There are {', '.join(MEASURES)}."
        raise UsageError(f"There is no measure `{name}`. {hint}")
    return MEASURES[name]


@torch.no_grad()
def _rqi(snapshot: Snapshot, settings: Closeness) -> Columns:
    tables, delta = snapshot.coordinates, settings.delta
    train, novel = snapshot.grid.rows(snapshot.train), snapshot.grid.rows(snapshot.novel)
    return {
        "measure/rqi": rqi(tables, modular=False, delta=delta),
        "measure/rqi_modular": rqi(tables, modular=True, delta=delta),
        "measure/rqi_predicted_acc": predicted_accuracy(tables, train, novel, delta=delta),
        "measure/effective_loss": effective_loss(tables, train, modular=True),
    }


@torch.no_grad()
def _ipr(snapshot: Snapshot, settings: NoSettings) -> Columns:
    return {"measure/ipr": neuron_ipr(snapshot.grid.rows(snapshot.first_layer))}


@torch.no_grad()
def _effective_rank(snapshot: Snapshot, settings: NoSettings) -> Columns:
    return {"measure/effective_rank": effective_rank(snapshot.embeddings)}


@torch.no_grad()
def _softmax_collapse(snapshot: Snapshot, settings: NoSettings) -> Columns:
    snapshot.require_classes()
    kinds = {
        "": snapshot.loss_dtype,
        "_float16": torch.float16,
        "_float32": torch.float32,
        "_float64": torch.float64,
    }
    given = snapshot.logits, snapshot.table.shown, snapshot.train
    return {f"measure/softmax_collapse{k}": softmax_collapse(*given, d) for k, d in kinds.items()}


@torch.no_grad()
def _scale(snapshot: Snapshot, settings: NoSettings) -> Columns:
    return {
        "norm/weights": weight_norm(snapshot.params, snapshot.trained),
        "logit/scale": logit_scale(snapshot.logits),
    }


@torch.no_grad()
def _circuits(snapshot: Snapshot, settings: NoSettings) -> Columns:
    snapshot.require_classes()
    table, inside = snapshot.table, snapshot.members
    logits = snapshot.logits[:, inside, : table.n_classes]
    train, novel = snapshot.train[:, inside], snapshot.novel[:, inside]
    found = competing_circuits(logits, table.labels[inside], table.shown[inside], train, novel)
    columns = {f"measure/circuit_{name}": values for name, values in vars(found).items()}
    norms = weight_norm(snapshot.params, snapshot.trained)
    margin = efficiency(snapshot.logits, table.shown, snapshot.train, norms)
    return columns | {"measure/efficiency": margin}


@torch.no_grad()
def _active_subnetwork(snapshot: Snapshot, settings: NoSettings) -> Columns:
    snapshot.require_classes()
    neurons = snapshot.model.neurons(snapshot.params, snapshot.rows)
    to_logits = snapshot.model.neuron_to_logit(snapshot.params)
    rest = snapshot.logits - neurons @ to_logits
    _require_linear(snapshot, rest)
    size = subnetwork_size(active_subnetwork(neurons, to_logits, rest, snapshot.train)).double()
    return {
        "measure/active_neurons": size,
        "measure/active_share": size / neurons.shape[2],
    }


def _require_linear(snapshot: Snapshot, rest: Tensor) -> None:
    """Compare what is left without neurons with a forward pass that silences the last layer."""
    posts: list[str] = []
    inputs = snapshot.rows.inputs[:, :_LINEAR_ROWS]
    snapshot.model.forward(snapshot.params, inputs, lambda name, _: posts.append(name))
    last = [name for name in posts if name.partition("_")[0] == "post"][-1:]
    silent = snapshot.model.forward(
        snapshot.params, inputs, lambda name, value: value * 0 if name in last else None
    )
    error = (silent - rest[:, :_LINEAR_ROWS]).abs().amax((1, 2))
    scale = 1 + snapshot.logits[:, :_LINEAR_ROWS].abs().amax((1, 2))
    if not last or (error > _LINEAR_ERROR * scale).any():
        name = snapshot.model.name
        raise UsageError(f"The logits of the model ({name}) are not linear in its last neurons.")


def _llc(snapshot: Snapshot, settings: Langevin) -> Columns:
    counts = snapshot.train.sum(1).tolist()
    value = torch.empty(len(counts), dtype=torch.float64)
    spread = value.clone()
    for count in set(counts):
        same = [i for i, own in enumerate(counts) if own == count]
        found = _llc_of_equals(snapshot.some(same), settings, count)
        value[same], spread[same] = found.value, found.spread
    return {"measure/llc": value, "measure/llc_spread": spread}


def _llc_of_equals(snapshot: Snapshot, settings: Langevin, n_rows: int) -> LearningCoefficient:
    """Of networks with as many training rows; the rows of a full batch are prepared once."""
    own = torch.stack([row.nonzero().squeeze(1) for row in snapshot.train])
    numbers, inputs = own.repeat_interleave(settings.chains, 0), snapshot.inputs
    whole = Rows(inputs[numbers])

    def loss(params: Parameters, batch: Tensor | None) -> Tensor:
        chosen = numbers if batch is None else numbers.gather(1, batch)
        rows = whole if batch is None else Rows(inputs[chosen])
        return snapshot.loss(snapshot.model.readout(params, rows), chosen)

    return llc(
        snapshot.params,
        loss,
        seeds=snapshot.seeds,
        n_rows=n_rows,
        settings=settings,
        trained=snapshot.trained,
    )


MEASURES: dict[str, Measure] = {
    "active_subnetwork": Measure(
        about="how few neurons give the training answers",
        columns=("measure/active_neurons", "measure/active_share"),
        of=_active_subnetwork,
    ),
    "circuits": Measure(
        about="shares of the logits that generalise, memorise, or neither; logits per norm",
        columns=(
            "measure/circuit_generalising",
            "measure/circuit_memorising",
            "measure/circuit_neither",
            "measure/circuit_right_generalising",
            "measure/circuit_right_memorising",
            "measure/efficiency",
        ),
        of=_circuits,
    ),
    "effective_rank": Measure(
        about="directions that the embeddings use",
        columns=("measure/effective_rank",),
        of=_effective_rank,
    ),
    "ipr": Measure(
        about="how few frequencies a first-layer neuron listens to",
        columns=("measure/ipr",),
        of=_ipr,
    ),
    "llc": Measure(
        about="local learning coefficient of the training loss",
        columns=("measure/llc", "measure/llc_spread"),
        of=_llc,
        settings=Langevin(),
    ),
    "rqi": Measure(
        about="parallelograms that the embeddings close, and the accuracy they foretell",
        columns=(
            "measure/rqi",
            "measure/rqi_modular",
            "measure/rqi_predicted_acc",
            "measure/effective_loss",
        ),
        of=_rqi,
        settings=Closeness(),
    ),
    "scale": Measure(
        about="logit scale beside weight norm",
        columns=("norm/weights", "logit/scale"),
        of=_scale,
    ),
    "softmax_collapse": Measure(
        about="training rows whose loss is 0 by rounding",
        columns=(
            "measure/softmax_collapse",
            "measure/softmax_collapse_float16",
            "measure/softmax_collapse_float32",
            "measure/softmax_collapse_float64",
        ),
        of=_softmax_collapse,
    ),
}
"""Every measure by name."""
