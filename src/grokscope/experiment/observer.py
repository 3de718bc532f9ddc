"""Evaluation: every network on the whole table, its metrics at one step.

What is measured here needs no knowledge of the end of the run. The progress measures, which by
their published definition use the final key frequencies, are taken from the checkpoints afterwards.

Networks are measured a few at a time: on a processor what is computed of them then stays in its
cache, and on any device memory stays bounded. The chunks do not depend on each other.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

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
from grokscope.measures.table_loss import table_metrics
from grokscope.models import Model, Parameters
from grokscope.tasks import Split, Table

_CHUNK_NUMBERS = 2.4e6
"""Neurons and logits held at once on a processor: 10 MB in float32, which its cache may hold."""
_CHUNK_NUMBERS_DEVICE = 1e8
"""The same on an accelerator, where many small kernels would cost more than memory."""

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
        each: what takes chunk after chunk, or several at once.
    """

    def __init__(
        self, model: Model, table: Table, splits: Sequence[Split], each: Each = map
    ) -> None:
        self._model = model
        self._table = table
        self._splits = splits
        self._each = each
        self._stages: dict[torch.device, Stage] = {}

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
        device = params["W_E"].device
        numbers = _CHUNK_NUMBERS if device.type == "cpu" else _CHUNK_NUMBERS_DEVICE
        width = sum(self._model.neuron_to_logit(_part(params, 0, 1)).shape[1:])
        size = max(1, int(numbers / (len(self._table.labels) * width)))
        starts = range(0, len(networks), size)
        return [(_part(params, i, i + size), networks[i : i + size]) for i in starts]

    @torch.no_grad()
    def measure(self, chunk: Chunk) -> Metrics:
        """Metrics of the networks of a chunk, without waiting for the device."""
        (params, networks), model = chunk, self._model
        stage = self._stage(params)
        logits, neurons = model.observe(params, stage.rows(len(networks)))
        columns = table_metrics(logits, stage.labels, stage.parts(networks))
        trained = params.keys() - (model.PER_NETWORK - {"init_scale"})
        columns["norm/weights"] = weight_norm(params, sorted(trained))
        columns["logit/scale"] = logit_scale(logits)
        return Metrics.of(columns | self._fourier(params, neurons))

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

    def _fourier(
        self, params: Parameters, neurons: Float[Tensor, "model row neuron"]
    ) -> dict[str, Tensor]:
        structure, grid = self._table.cyclic, self._stage(params).grid
        if structure is None or grid is None:
            return {}
        norms = embedding_norms(
            self._model.operand_embeddings(params, self._table.d_vocab), structure
        )
        map_to_logits = self._model.neuron_to_logit(params)[:, :, : self._table.n_classes]
        return {
            "fourier/gini_W_E": embedding_gini(norms),
            "fourier/gini_W_L": logit_map_gini(map_to_logits, structure),
            "fourier/spectrum_W_E": embedding_spectrum(norms),
            "fourier/n_key_frequencies": is_key_frequency(grid.rows(neurons)).sum(1).double(),
        }

    def _stage(self, params: Parameters) -> Stage:
        device = params["W_E"].device
        if device not in self._stages:
            self._stages[device] = Stage(self._table, self._splits, device)
        return self._stages[device]


def _part(params: Parameters, start: int, stop: int) -> Parameters:
    return {name: value[start:stop] for name, value in params.items()}
