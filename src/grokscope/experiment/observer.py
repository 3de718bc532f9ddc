"""Evaluation: every network on the whole table, its metrics at one step.

What is measured here needs no knowledge of the end of the run. The progress measures, which by
their published definition use the final key frequencies, are taken from the checkpoints afterwards.

Networks are measured a few at a time: on a processor what is computed of them then stays in its
cache, and on any device memory stays bounded. The chunks do not depend on each other.
"""

from collections.abc import Sequence

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

_CHUNK_NUMBERS = 1.2e6
"""Neurons and logits held at once on a processor: 5 MB in float32, about what its cache holds."""
_CHUNK_NUMBERS_DEVICE = 1e8
"""The same on an accelerator, where many small kernels would cost more than memory."""

Chunk = tuple[Parameters, Sequence[int]]
"""Parameters of some networks and their numbers in the run."""


class Observer:
    """Measures stacks of networks of one model on one table."""

    def __init__(self, model: Model, table: Table, splits: Sequence[Split]) -> None:
        self._model = model
        self._table = table
        self._splits = splits
        self._stages: dict[torch.device, Stage] = {}

    def metrics(self, params: Parameters, networks: Sequence[int]) -> Metrics:
        """Metrics of a stack of any size; `networks` are their numbers in the run."""
        return Metrics.join([self.measure(*chunk) for chunk in self.chunks(params, networks)])

    def chunks(self, params: Parameters, networks: Sequence[int]) -> list[Chunk]:
        """A stack cut into parts that are best measured on their own, in any order or at once."""
        device = params["W_E"].device
        numbers = _CHUNK_NUMBERS if device.type == "cpu" else _CHUNK_NUMBERS_DEVICE
        width = sum(self._model.neuron_to_logit(_part(params, 0, 1)).shape[1:])
        size = max(1, int(numbers / (len(self._table.labels) * width)))
        starts = range(0, len(networks), size)
        return [(_part(params, i, i + size), networks[i : i + size]) for i in starts]

    @torch.no_grad()
    def measure(self, params: Parameters, networks: Sequence[int]) -> Metrics:
        """Metrics of a chunk, without waiting for the device."""
        stage, model = self._stage(params), self._model
        logits, neurons = model.observe(params, stage.rows(len(networks)))
        columns = table_metrics(logits, stage.labels, stage.parts(networks))
        trained = params.keys() - (model.PER_NETWORK - {"init_scale"})
        columns["norm/weights"] = weight_norm(params, sorted(trained))
        columns["logit/scale"] = logit_scale(logits)
        return Metrics.of(columns | self._fourier(params, neurons))

    @torch.no_grad()
    def key_frequencies(self, params: Parameters, networks: Sequence[int]) -> list[list[int]]:
        """Key frequencies of each network; none where the task has no group."""
        found: list[list[int]] = []
        for part, some in self.chunks(params, networks):
            stage = self._stage(part)
            if stage.grid is None:
                return [[] for _ in networks]
            neurons = self._model.neurons(part, stage.rows(len(some)))
            found += key_frequencies(stage.grid.rows(neurons))
        return found

    @torch.no_grad()
    def progress(
        self, params: Parameters, networks: Sequence[int], frequencies: Sequence[Sequence[int]]
    ) -> Progress | None:
        """Progress measures of a chunk with each network's key frequencies; None without group."""
        stage = self._stage(params)
        if stage.grid is None:
            return None
        logits = self._model.readout(params, stage.rows(len(networks)))
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
