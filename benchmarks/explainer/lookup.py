"""The table by heart: one neuron for every pair, no Fourier structure anywhere.

Random embeddings e_x with a dual basis f (f_x · e_y is 1 where x = y, else 0): the neuron of (a, b)
reads f_a and f_b with a bias of −1.5, so it fires for its pair alone, and writes the pair's answer.
"""

import torch
from torch import Generator

from benchmarks.explainer.draws import choice, normal
from benchmarks.explainer.mlp_weights import mlp_of, mlp_params
from benchmarks.explainer.network import Planted, modular_sum
from benchmarks.explainer.neurons import Neurons

ORDERS = (17, 19, 23)
WIDTH = 32
JUNK = 0.02
"""Size of what junk neurons write: here all of them stand against a single neuron."""


def lookup(stream: Generator) -> Planted:
    """Addition mod a small prime, from memory."""
    p = choice(stream, ORDERS)
    table = modular_sum(p).table()
    embedding = normal(stream, p, WIDTH)
    dual = torch.linalg.pinv(embedding)
    first, second = table.inputs.unbind(1)
    layer = Neurons(
        reads=torch.cat([dual[:, first], dual[:, second]]),
        writes=torch.nn.functional.one_hot(table.labels, p).double(),
        bias=torch.full((p * p,), -1.5, dtype=torch.float64),
    )
    params = mlp_params(stream, embedding, [layer], torch.eye(p, dtype=torch.float64), JUNK)
    return Planted(
        label="lookup", model=mlp_of(params), params=params, task=modular_sum(p), circles={}
    )
