"""Which frequencies a network computes with, read off its neurons (arXiv 2301.05217).

In a network that adds by trigonometric identities, a hidden neuron is a polynomial of degree two
in the waves of a single frequency: constant, cos kx, sin kx, times constant, cos ky, sin ky.
"""

import functools
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from grokscope.algebra.fourier import basis_on, by_frequency, frequency_rows, n_frequencies

LIVE_SHARE = 1e-3
"""A neuron lives when its variance is at least this share of the average neuron's."""


@dataclass(frozen=True, kw_only=True, eq=False)
class NeuronFrequencies:
    """The best frequency of every neuron of a population.

    Attributes:
        frequency: 1 … n//2, the frequency that explains most of the neuron's variance.
        fraction: the share of that variance, in [0, 1]; 0 for a constant neuron.
        live: whether the neuron varies with the inputs by more than a trace (`LIVE_SHARE`).
    """

    frequency: Int[Tensor, "model neuron"]
    fraction: Float[Tensor, "model neuron"]
    live: Bool[Tensor, "model neuron"]


def neuron_frequencies(neurons: Float[Tensor, "model order order neuron"]) -> NeuronFrequencies:
    """The frequency of every neuron, and how much of the neuron it explains.

    Each neuron is centred over the inputs; frequency k explains the energy of its 3 × 3 block of
    the two-dimensional spectrum, rows and columns {constant, cos k, sin k}. All frequencies are
    tried, the highest included; for even n the highest has no sine and its block is 2 × 2.
    """
    explained, energy = _energies(neurons)
    shares = explained / energy.clamp(min=torch.finfo(energy.dtype).tiny).unsqueeze(1)
    fraction, best = shares.max(1)
    live = (energy > 0) & (energy >= LIVE_SHARE * energy.mean(1, keepdim=True))
    return NeuronFrequencies(frequency=best + 1, fraction=fraction, live=live)


def key_frequencies(
    neurons: Float[Tensor, "model order order neuron"],
    *,
    min_neurons: int | None = None,
    min_share: float = 0.02,
    min_fraction: float = 0.5,
) -> list[list[int]]:
    """The frequencies that each network computes with, sorted; empty where none is key.

    They are those of `is_key_frequency`, which says more and takes the same arguments.
    """
    keys = is_key_frequency(
        neurons, min_neurons=min_neurons, min_share=min_share, min_fraction=min_fraction
    )
    return [[k for k, is_key in enumerate(row, 1) if is_key] for row in keys.tolist()]


def is_key_frequency(
    neurons: Float[Tensor, "model order order neuron"],
    *,
    min_neurons: int | None = None,
    min_share: float = 0.02,
    min_fraction: float = 0.5,
) -> Bool[Tensor, "model frequency"]:
    """Whether each network computes with each of the frequencies 1 … n//2.

    A neuron votes for its frequency when it is live and the frequency explains more than
    `min_fraction` of its variance: above one half no second frequency could explain as much. A
    frequency is key with at least `min_neurons` votes, by default two or `min_share` of the live
    neurons, whichever is more. The published code takes the union over all neurons instead, where
    one dead or stray neuron is enough to add a frequency. On tables below about n = 11 the few
    frequencies there are explain much of anything, and a random network may well show some.

    Args:
        neurons: activations of the last hidden layer on the grid.
        min_neurons: least number of votes.
        min_share: least share of the live neurons, where `min_neurons` is None.
        min_fraction: share of variance above which a neuron votes.
    """
    found = neuron_frequencies(neurons)
    votes = found.live & (found.fraction > min_fraction)
    counts = found.frequency.new_zeros(len(neurons), n_frequencies(neurons.shape[1]))
    counts = counts.scatter_add_(1, found.frequency - 1, votes.long())
    if min_neurons is not None:
        return counts >= min_neurons
    share = (min_share * found.live.sum(1).double()).ceil()
    return counts >= share.clamp(min=2).unsqueeze(1)


def _energies(
    neurons: Float[Tensor, "model order order neuron"],
) -> tuple[Float[Tensor, "model frequency neuron"], Float[Tensor, "model neuron"]]:
    """Energy that each frequency explains, and energy in all, of the neurons less their means."""
    n_models, n, _, width = neurons.shape
    centred = neurons.flatten(1, 2)
    centred = centred - centred.mean(1, keepdim=True)
    basis = basis_on(n, neurons.dtype, neurons.device)
    half = (basis @ centred.view(n_models, n, n * width)).view(n_models, n, n, width)
    # a wave along x meets the constant and the two waves of its own frequency along y ...
    by_row = (_own_waves(n, neurons.dtype, neurons.device) @ half).square_().sum(2)
    # ... and the constant along x meets every wave along y
    by_row += (basis @ half[:, 0]).square_()
    return by_frequency(by_row.mT).mT, centred.square().sum(1)


@functools.lru_cache(maxsize=32)
def _own_waves(n: int, dtype: torch.dtype, device: torch.device) -> Float[Tensor, "order 3 order"]:
    """For each basis row the constant and the waves of its frequency, 0 where there is no sine.

    Only these rows of the transform along y are taken: all would cost n/3 times as much.
    """
    basis = basis_on(n, dtype, device)
    own = basis.new_zeros(n, 3, n)
    own[:, 0] = basis[0]
    for k in range(1, n_frequencies(n) + 1):
        waves = basis[frequency_rows(k, n)]
        own[frequency_rows(k, n), 1 : 1 + len(waves)] = waves
    return own
