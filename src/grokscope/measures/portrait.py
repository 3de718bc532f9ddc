"""Pictures of a circuit: embeddings on the circle of one frequency, and maps of neurons."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from grokscope.algebra.fourier import fourier_basis, frequency_rows
from grokscope.measures.neuron_frequency import neuron_frequencies


@dataclass(frozen=True, kw_only=True, eq=False)
class EmbeddingCircle:
    """An embedding seen along the two directions of one frequency.

    Attributes:
        frequency: 1 … n//2.
        points: position of each coordinate's token, in units of the embedding.
        share: this frequency's share of the embedding's energy, the constant not counted.
    """

    frequency: int
    points: Float[Tensor, "order axis"]
    share: float


@dataclass(frozen=True, kw_only=True, eq=False)
class NeuronMaps:
    """Some neurons of one network as functions of (x, y).

    Attributes:
        index: which neuron.
        frequency: its frequency.
        fraction: the share of its variance that the frequency explains.
        maps: its activation on the grid.
    """

    index: Int[Tensor, " neuron"]
    frequency: Int[Tensor, " neuron"]
    fraction: Float[Tensor, " neuron"]
    maps: Float[Tensor, "neuron order order"]


def embedding_circle(embedding: Float[Tensor, "order d_model"], frequency: int) -> EmbeddingCircle:
    """Project an embedding on the plane of one frequency's cosine and sine directions.

    The directions are what the Fourier transform over the tokens gives in d_model, made orthonormal
    in that order, so distances in the plane are true. The embedding is centred first. Where there
    is no sine (frequency n/2), or it points the same way, the second axis is 0.

    Args:
        embedding: rows in the order of the group's coordinates.
        frequency: 1 … n//2.
    """
    centred = embedding - embedding.mean(0)
    basis = fourier_basis(len(centred)).to(centred)
    found = basis[frequency_rows(frequency, len(centred))] @ centred
    cosine, sine = found[0], found[1] if len(found) == 2 else torch.zeros_like(found[0])
    floor = 100 * torch.finfo(centred.dtype).eps * centred.norm()
    first = _unit(cosine, floor)
    second = _unit(sine - (sine @ first) * first, floor)
    points = centred @ torch.stack([first, second], 1)
    share = found.square().sum() / centred.square().sum()
    return EmbeddingCircle(frequency=frequency, points=points, share=float(share))


def neuron_maps(neurons: Float[Tensor, "order order neuron"], count: int) -> NeuronMaps:
    """The clearest neurons of one network, sorted by frequency, the clearest of each first.

    Every frequency gives its best neuron before any gives its second, so that small choices still
    show all frequencies. Neurons that do not live are left out; there may be fewer than `count`.
    """
    found = neuron_frequencies(neurons.unsqueeze(0))
    alive = torch.nonzero(found.live[0]).flatten()
    frequency, fraction = found.frequency[0, alive], found.fraction[0, alive]
    order = fraction.argsort(descending=True, stable=True)
    same = frequency[order].unsqueeze(1) == frequency[order]
    rank = same.tril(-1).sum(1)
    best = order[rank.argsort(stable=True)][:count]
    shown = best[frequency[best].argsort(stable=True)]
    return NeuronMaps(
        index=alive[shown],
        frequency=frequency[shown],
        fraction=fraction[shown],
        maps=neurons[:, :, alive[shown]].permute(2, 0, 1),
    )


def _unit(vector: Float[Tensor, " d_model"], floor: Float[Tensor, ""]) -> Tensor:
    """The vector at length one, or 0 when it is no longer than rounding errors."""
    length = vector.norm()
    return vector / length if length > floor else torch.zeros_like(vector)
