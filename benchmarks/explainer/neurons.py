"""Hidden neurons in plain coordinates, and the disguise that makes them look trained.

A layer reads coordinates, adds a bias, takes the ReLU and writes coordinates.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from benchmarks.explainer.draws import normal, order

JUNK_SHARE = 0.2
JUNK_WRITES = 0.1
"""Size of what a junk neuron writes, in units of what a neuron with a purpose writes."""


@dataclass(frozen=True, kw_only=True)
class Neurons:
    """ReLU neurons of one layer."""

    reads: Float[Tensor, "d_in neuron"]
    writes: Float[Tensor, "neuron d_out"]
    bias: Float[Tensor, " neuron"]

    def __len__(self) -> int:
        """How many neurons."""
        return len(self.bias)

    def post(self, x: Float[Tensor, "row d_in"]) -> Float[Tensor, "row neuron"]:
        """Activations."""
        return torch.relu(x @ self.reads + self.bias)


def unbiased(reads: Float[Tensor, "d_in neuron"], writes: Float[Tensor, "neuron d_out"]) -> Neurons:
    """Neurons without bias."""
    return Neurons(reads=reads, writes=writes, bias=reads.new_zeros(reads.shape[1]))


def linear_pairs(reads: Float[Tensor, "d_in pair"], writes: Float[Tensor, "pair d_out"]) -> Neurons:
    """A linear map by pairs of neurons, ReLU(x) − ReLU(−x) = x."""
    return unbiased(torch.cat([reads, -reads], 1), torch.cat([writes, -writes]))


def joined(blocks: Sequence[Neurons]) -> Neurons:
    """All neurons of several blocks in one layer."""
    return Neurons(
        reads=torch.cat([block.reads for block in blocks], 1),
        writes=torch.cat([block.writes for block in blocks]),
        bias=torch.cat([block.bias for block in blocks]),
    )


def disguised(neurons: Neurons, stream: Generator, junk: float = JUNK_WRITES) -> Neurons:
    """The same neurons among 20 % junk, in random order."""
    crowd = joined([neurons, _junk(neurons, stream, junk)])
    shuffle = order(stream, len(crowd))
    return Neurons(
        reads=crowd.reads[:, shuffle], writes=crowd.writes[shuffle], bias=crowd.bias[shuffle]
    )


def _junk(neurons: Neurons, stream: Generator, size: float) -> Neurons:
    """Neurons with random reads of typical size and random writes that are small, but not zero."""
    n = -(-len(neurons) // round(1 / JUNK_SHARE))
    reads = normal(stream, len(neurons.reads), n)
    writes = normal(stream, n, neurons.writes.shape[1])
    return Neurons(
        reads=reads * _size(neurons.reads, 0) / len(neurons.reads) ** 0.5,
        writes=writes * size * _size(neurons.writes, 1) / writes.shape[1] ** 0.5,
        bias=0.3 * normal(stream, n) * _size(neurons.reads, 0),
    )


def _size(vectors: Float[Tensor, "..."], dim: int) -> Float[Tensor, ""]:
    """Root mean square length of the vectors along `dim`."""
    return vectors.square().sum(dim).mean().sqrt()
