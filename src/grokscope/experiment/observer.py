"""Evaluation: every network on the whole table, its metrics at one step.

What is measured here needs no knowledge of the end of the run. The progress measures, which by
their published definition use the final key frequencies, are taken from the checkpoints afterwards.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from grokscope.measures.grid import mask_to_grid, neurons_to_grid, to_grid
from grokscope.measures.neuron_frequency import key_frequencies
from grokscope.measures.norm import logit_scale, weight_norm
from grokscope.measures.progress import Progress, progress_measures
from grokscope.measures.spectrum import embedding_gini, embedding_spectrum, logit_map_gini
from grokscope.measures.table_loss import table_metrics
from grokscope.models import Model, Parameters, Rows
from grokscope.tasks import Split, Table

_CHUNK_NUMBERS = 3e7
"""Activations held at once while evaluating: about 120 MB in float32."""


@dataclass(frozen=True, kw_only=True)
class Masks:
    """The parts of the table as one row of booleans per network."""

    train: Bool[Tensor, "model row"]
    novel: Bool[Tensor, "model row"]
    mirrored: Bool[Tensor, "model row"]

    @classmethod
    def of(cls, splits: Sequence[Split], n_rows: int) -> "Masks":
        """Masks of the splits, in their order."""

        def mask(rows: Sequence[Int[Tensor, " _"]]) -> Bool[Tensor, "model row"]:
            whole = torch.zeros(len(rows), n_rows, dtype=torch.bool)
            for line, part in zip(whole, rows, strict=True):
                line[part] = True
            return whole

        return cls(
            train=mask([split.train for split in splits]),
            novel=mask([split.novel for split in splits]),
            mirrored=mask([split.mirrored for split in splits]),
        )


class Observer:
    """Measures stacks of networks of one model on one table."""

    def __init__(self, model: Model, table: Table, splits: Sequence[Split]) -> None:
        self._model = model
        self._table = table
        self._masks = Masks.of(splits, len(table.labels))

    def metrics(self, params: Parameters, networks: Sequence[int]) -> list[dict[str, Any]]:
        """One row of metric columns per network; `networks` are their numbers in the run."""
        rows: list[dict[str, Any]] = []
        for part, some in self._chunks(params, networks):
            rows += self._rows(self._measure(part, some), len(some))
        return rows

    @torch.no_grad()
    def key_frequencies(self, params: Parameters, networks: Sequence[int]) -> list[list[int]]:
        """Key frequencies of each network; none where the task has no group."""
        found: list[list[int]] = []
        for part, some in self._chunks(params, networks):
            found += self._keys(self._model.neurons(part, self._rows_of(len(some), part)))
        return found

    @torch.no_grad()
    def progress(
        self, params: Parameters, network: int, frequencies: Sequence[int]
    ) -> Progress | None:
        """Progress measures of one network (a stack of one) with the given key frequencies."""
        structure = self._table.cyclic
        if structure is None:
            return None
        logits = self._model.readout(params, self._rows_of(1, params))
        logits = to_grid(logits, self._table.inputs, structure)
        mask = self._masks.train[[network]].to(logits.device)
        train = mask_to_grid(mask, self._table.inputs, structure)
        return progress_measures(logits, [frequencies], train)

    def _chunks(
        self, params: Parameters, networks: Sequence[int]
    ) -> Iterator[tuple[Parameters, Sequence[int]]]:
        width = sum(self._model.neuron_to_logit(_first(params)).shape[1:])
        size = max(1, int(_CHUNK_NUMBERS / (len(self._table.labels) * width)))
        for start in range(0, len(networks), size):
            part = {name: value[start : start + size] for name, value in params.items()}
            yield part, networks[start : start + size]

    def _rows_of(self, n_models: int, params: Parameters) -> Rows:
        return Rows(self._table.inputs.to(params["W_E"].device).expand(n_models, -1, -1))

    @torch.no_grad()
    def _measure(self, params: Parameters, networks: Sequence[int]) -> dict[str, Any]:
        rows, chosen = self._rows_of(len(networks), params), list(networks)
        logits = self._model.readout(params, rows)
        metrics: dict[str, Any] = dict(
            table_metrics(
                logits,
                self._table.labels.to(logits.device),
                train=self._masks.train[chosen].to(logits.device),
                novel=self._masks.novel[chosen].to(logits.device),
                mirrored=self._masks.mirrored[chosen].to(logits.device),
            )
        )
        constants = self._model.constants([self._model])
        metrics["norm/weights"] = weight_norm(params, [n for n in params if n not in constants])
        metrics["logit/scale"] = logit_scale(logits)
        return metrics | self._fourier(params, rows)

    def _fourier(self, params: Parameters, rows: Rows) -> dict[str, Any]:
        structure = self._table.cyclic
        if structure is None:
            return {}
        embeddings = self._model.operand_embeddings(params, self._table.d_vocab)
        map_to_logits = self._model.neuron_to_logit(params)[:, :, : self._table.n_classes]
        keys = self._keys(self._model.neurons(params, rows))
        return {
            "fourier/gini_W_E": embedding_gini(embeddings, structure),
            "fourier/gini_W_L": logit_map_gini(map_to_logits, structure),
            "fourier/spectrum_W_E": embedding_spectrum(embeddings, structure),
            "fourier/n_key_frequencies": torch.tensor([float(len(k)) for k in keys]),
        }

    def _keys(self, neurons: Tensor) -> list[list[int]]:
        structure = self._table.cyclic
        if structure is None:
            return [[] for _ in neurons]
        return key_frequencies(neurons_to_grid(neurons, self._table.inputs, structure))

    def _rows(self, metrics: dict[str, Tensor], count: int) -> list[dict[str, Any]]:
        plain = {name: value.tolist() for name, value in metrics.items()}
        return [{name: values[i] for name, values in plain.items()} for i in range(count)]


def _first(params: Parameters) -> Parameters:
    return {name: value[:1] for name, value in params.items()}
