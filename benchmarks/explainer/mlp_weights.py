"""From neurons in plain coordinates to the parameters of an embedding MLP, in a rotated basis."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from benchmarks.explainer.draws import rotation
from benchmarks.explainer.neurons import JUNK_WRITES, Neurons, disguised
from grokscope.models import EmbeddingMLP, Parameters

SPARE = 4
"""Directions of the residual stream that hold nothing."""


def mlp_params(
    stream: Generator,
    embedding: Float[Tensor, "token coordinate"],
    layers: Sequence[Neurons],
    answers: Float[Tensor, "d_out n_classes"],
    junk: float = JUNK_WRITES,
) -> Parameters:
    """Weights of a stack of one.

    Every layer's neurons write the coordinates that the next layer reads, or `answers` as logits.
    The first layer reads one operand's coordinates (a sum) or a's, then b's (concatenated).
    """
    d = embedding.shape[1] + SPARE
    turn = rotation(stream, d)[: embedding.shape[1]]
    crowds = [disguised(layer, stream, junk) for layer in layers]
    slots = crowds[0].reads.unflatten(0, (-1, embedding.shape[1]))
    params = {"W_E": embedding @ turn, "W_in": (turn.T @ slots).flatten(0, 1)}
    params["b_in"] = crowds[0].bias
    for i, (before, after) in enumerate(pairwise(crowds), start=1):
        params[f"W_hidden_{i}"] = before.writes @ after.reads
        params[f"b_hidden_{i}"] = after.bias
    params["W_U"] = crowds[-1].writes @ answers
    return {name: weight.unsqueeze(0) for name, weight in params.items()}


def mlp_of(params: Parameters, *, separate_vocab: bool = False) -> EmbeddingMLP:
    """The model that has these parameters."""
    d, n_in = params["W_E"].shape[2], params["W_in"].shape[1]
    return EmbeddingMLP(
        d_model=d,
        d_hidden=params["W_in"].shape[2],
        n_hidden_layers=1 + ("W_hidden_1" in params),
        combine="sum" if n_in == d else "concat",
        separate_vocab=separate_vocab,
    )


def same_width(layers: Sequence[Neurons], stream: Generator) -> list[Neurons]:
    """Layers of one width: the narrower ones get copies of their own neurons, writes shared out."""
    width = max(map(len, layers))
    return [_widened(layer, width, stream) for layer in layers]


def _widened(layer: Neurons, width: int, stream: Generator) -> Neurons:
    which = torch.arange(width) % len(layer)
    copies = torch.bincount(which, minlength=len(layer)).to(layer.bias)
    share = torch.rand(width, generator=stream, dtype=torch.float64) + 0.5
    total = torch.zeros_like(copies).index_add(0, which, share)
    return Neurons(
        reads=layer.reads[:, which],
        writes=layer.writes[which] * (share / total[which]).unsqueeze(1),
        bias=layer.bias[which],
    )
