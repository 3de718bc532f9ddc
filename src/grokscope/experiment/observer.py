"""Evaluation: every network on the whole table, its metrics at one step.

What is measured here needs no knowledge of the end of the run. The progress measures, which by
their published definition use the final key frequencies, are taken from the checkpoints afterwards.

Networks are measured a few at a time: on a processor what is computed of them then stays near it,
and on any device memory stays bounded. The chunks do not depend on each other.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor

from grokscope.engine import CrossEntropy, Loss
from grokscope.experiment.metrics import Metrics
from grokscope.experiment.stage import Stage
from grokscope.measures.neuron_frequency import is_key_frequency, key_frequencies
from grokscope.measures.norm import logit_scale, weight_norm
from grokscope.measures.progress import Progress, progress_measures
from grokscope.measures.spectrum import (
    embedding_gini,
    embedding_norms,
    embedding_spectrum,
    logit_map_gini,
)
from grokscope.measures.table_loss import table_metrics, target_metrics
from grokscope.models import Model, Parameters
from grokscope.tasks import Split, Table

_CHUNK_NUMBERS = 2.4e6
"""Neurons and logits of the networks of a chunk: enough work for the calls it takes."""
_PIECE_NUMBERS = 1e6
"""Those held at once on a processor: 4 MB in float32, near enough to its cores' own caches."""
_DEVICE_NUMBERS = 1e8
"""Those held at once on an accelerator, which wants few large kernels."""

Chunk = tuple[Parameters, Sequence[int]]
"""Parameters of some networks and their numbers in the run."""

_Found = TypeVar("_Found")


@runtime_checkable
class Each(Protocol):
    """How a function is applied to chunks: `map`, or the `map` of a pool of threads."""

    def __call__(
        self, function: Callable[[Chunk], _Found], chunks: Iterable[Chunk], /
    ) -> Iterable[_Found]:
        """What the function returns for each chunk, in their order."""
        ...


class Observer:
    """Measures stacks of networks of one model on one table.

    Args:
        model: of all networks.
        table: of all networks.
        splits: of every network of the run.
        loss: that they are trained with.
        each: what takes chunk after chunk, or several at once.
    """

    def __init__(
        self, model: Model, table: Table, splits: Sequence[Split], loss: Loss, each: Each = map
    ) -> None:
        self._model = model
        self._table = table
        self._splits = splits
        self._loss = loss
        self._constant = loss.constant(table)
        self._each = each
        self._stages: dict[tuple[torch.device, torch.dtype], Stage] = {}

    def metrics(self, params: Parameters, networks: Sequence[int]) -> Metrics:
        """Metrics of each network, without waiting for the device.

        Args:
            params: of a stack of any size.
            networks: their numbers in the run.
        """
        return Metrics.join(list(self._each(self.measure, self.chunks(params, networks))))

    def key_frequencies(self, params: Parameters, networks: Sequence[int]) -> list[list[int]]:
        """Key frequencies of each network; none where the task has no group."""
        found = self._each(self._keys, self.chunks(params, networks))
        return [keys for part in found for keys in part]

    def progress(
        self, params: Parameters, networks: Sequence[int], frequencies: Sequence[Sequence[int]]
    ) -> Progress | None:
        """Progress measures with each network's key frequencies; None where there is no group."""
        if self._table.cyclic is None:
            return None
        own = dict(zip(networks, frequencies, strict=True))

        def measure(chunk: Chunk) -> Progress:
            return self._progress(chunk, [own[network] for network in chunk[1]])

        return Progress.join(list(self._each(measure, self.chunks(params, networks))))

    def chunks(self, params: Parameters, networks: Sequence[int]) -> list[Chunk]:
        """A stack cut into parts that are best measured on their own, in any order or at once."""
        return self._cut((params, networks), _CHUNK_NUMBERS)

    @torch.no_grad()
    def measure(self, chunk: Chunk) -> Metrics:
        """Metrics of the networks of a chunk, without waiting for the device."""
        pieces = [self._of_activations(piece) for piece in self._cut(chunk, _PIECE_NUMBERS)]
        columns = {name: torch.cat([piece[name] for piece in pieces]) for name in pieces[0]}
        return Metrics.of(columns | self._of_weights(chunk[0]))

    def _cut(self, chunk: Chunk, numbers: float) -> list[Chunk]:
        """Parts of a chunk with about so many neurons and logits on the whole table."""
        (params, networks), on_processor = chunk, _any(chunk[0]).device.type == "cpu"
        width = sum(self._model.neuron_to_logit(_part(params, 0, 1)).shape[1:])
        most = numbers if on_processor else _DEVICE_NUMBERS
        size = max(1, int(most / (len(self._table.labels) * width)))
        starts = range(0, len(networks), size)
        return [(_part(params, i, i + size), networks[i : i + size]) for i in starts]

    def _of_activations(self, piece: Chunk) -> dict[str, Tensor]:
        (params, networks), stage = piece, self._stage(piece[0])
        logits, neurons = self._model.observe(params, stage.rows(len(networks)))
        columns = self._fit(logits, stage, stage.parts(networks))
        columns["logit/scale"] = logit_scale(logits)
        if stage.grid is not None:
            keys = is_key_frequency(stage.grid.rows(neurons))
            columns["fourier/n_key_frequencies"] = keys.sum(1).double()
        return columns

    def _fit(self, logits: Tensor, stage: Stage, parts: Tensor) -> dict[str, Tensor]:
        """Losses and accuracies."""
        if stage.targets is not None:
            tolerance = self._table.tolerance
            return target_metrics(logits, stage.targets, parts, self._constant, tolerance)
        is_usual = isinstance(self._loss, CrossEntropy)  # a look has it in passing
        row_loss = None if is_usual else self._loss.rows
        return table_metrics(logits, stage.labels, parts, stage.noisy, row_loss)

    def _of_weights(self, params: Parameters) -> dict[str, Tensor]:
        model, structure = self._model, self._table.cyclic
        trained = params.keys() - model.CONSTANTS
        columns: dict[str, Tensor] = {"norm/weights": weight_norm(params, sorted(trained))}
        if structure is not None:
            embeddings = model.operand_embeddings(params, self._table.d_vocab)
            norms = embedding_norms(embeddings, structure)
            map_to_logits = model.neuron_to_logit(params)[:, :, : self._table.n_classes]
            columns["fourier/gini_W_E"] = embedding_gini(norms)
            columns["fourier/gini_W_L"] = logit_map_gini(map_to_logits, structure)
            columns["fourier/spectrum_W_E"] = embedding_spectrum(norms)
        return columns

    @torch.no_grad()
    def _keys(self, chunk: Chunk) -> list[list[int]]:
        params, networks = chunk
        stage = self._stage(params)
        if stage.grid is None:
            return [[] for _ in networks]
        neurons = self._model.neurons(params, stage.rows(len(networks)))
        return key_frequencies(stage.grid.rows(neurons))

    @torch.no_grad()
    def _progress(self, chunk: Chunk, frequencies: Sequence[Sequence[int]]) -> Progress:
        params, networks = chunk
        stage = self._stage(params)
        assert stage.grid is not None
        logits, _ = self._model.observe(params, stage.rows(len(networks)))
        train = stage.parts(networks)[:, 0]
        return progress_measures(stage.grid.logits(logits), frequencies, stage.grid.rows(train))

    def _stage(self, params: Parameters) -> Stage:
        one = _any(params)
        key = (one.device, one.dtype)
        if key not in self._stages:
            self._stages[key] = Stage(self._table, self._splits, *key)
        return self._stages[key]


def _any(params: Parameters) -> Tensor:
    """A weight, for what all have in common."""
    return next(value for name, value in params.items() if name.startswith("W_"))


def _part(params: Parameters, start: int, stop: int) -> Parameters:
    return {name: value[start:stop] for name, value in params.items()}
