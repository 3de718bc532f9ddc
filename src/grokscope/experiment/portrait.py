"""What one trained network looks like: its embedding on circles, its neurons as maps."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from grokscope.experiment.config import Config
from grokscope.measures.grid import neurons_to_grid
from grokscope.measures.portrait import EmbeddingCircle, NeuronMaps, embedding_circle, neuron_maps
from grokscope.measures.spectrum import coordinate_embeddings
from grokscope.models import Parameters, Rows

NEURONS_SHOWN = 12


@dataclass(frozen=True, kw_only=True)
class Portrait:
    """Pictures of one network, as numbers."""

    order: int
    """Order n of the task's group; maps are n × n over its coordinates."""
    circles: Sequence[EmbeddingCircle]
    """The first operand's embedding at each key frequency."""
    neurons: NeuronMaps


@torch.no_grad()
def draw_portrait(
    config: Config, params: Parameters, frequencies: Sequence[int]
) -> Portrait | None:
    """Draw a stack of one; `None` where the task has no group."""
    table = config.task.table()
    if table.cyclic is None:
        return None
    rows = Rows(table.inputs.unsqueeze(0))
    neurons = neurons_to_grid(config.model.neurons(params, rows), table.inputs, table.cyclic)
    embeddings = config.model.operand_embeddings(params, table.d_vocab)
    first = coordinate_embeddings(embeddings, table.cyclic)[0, 0]
    return Portrait(
        order=table.cyclic.order,
        circles=[embedding_circle(first, k) for k in frequencies],
        neurons=neuron_maps(neurons[0], NEURONS_SHOWN),
    )
