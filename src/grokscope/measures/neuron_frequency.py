"""Which frequencies a network computes with, read off its neurons (arXiv 2301.05217).

In a network that adds by trigonometric identities, a hidden neuron is a polynomial of degree two
in the waves of a single frequency: constant, cos kx, sin kx, times constant, cos ky, sin ky.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from grokscope.algebra.fourier import fourier_basis, frequency_rows, n_frequencies

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
    shares, energies = zip(*(_shares(network) for network in neurons), strict=True)
    energy = torch.stack(energies)
    fraction, best = torch.stack(shares).max(1)
    live = (energy > 0) & (energy >= LIVE_SHARE * energy.mean(1, keepdim=True))
    return NeuronFrequencies(frequency=best + 1, fraction=fraction, live=live)


def key_frequencies(
    neurons: Float[Tensor, "model order order neuron"],
    *,
    min_neurons: int | None = None,
    min_share: float = 0.02,
    min_fraction: float = 0.5,
) -> list[list[int]]:
    """The frequencies that each network computes with, sorted.

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

    Returns:
        One list per network, empty where no frequency is key.
    """
    found = neuron_frequencies(neurons)
    votes = found.live & (found.fraction > min_fraction)
    keys: list[list[int]] = []
    for frequency, vote, live in zip(found.frequency, votes, found.live, strict=True):
        needed = min_neurons or max(2, math.ceil(min_share * int(live.sum())))
        counts = torch.bincount(frequency[vote])
        keys.append(torch.nonzero(counts >= needed).flatten().tolist())
    return keys


def _shares(
    neurons: Float[Tensor, "order order neuron"],
) -> tuple[Float[Tensor, "frequency neuron"], Float[Tensor, " neuron"]]:
    """Share of variance per frequency, and the variance summed over inputs, of one network."""
    n, _, width = neurons.shape
    centred = neurons - neurons.mean((0, 1))
    energy = centred.square().sum((0, 1))
    basis = fourier_basis(n).to(neurons)
    half = (basis @ centred.reshape(n, n * width)).view(n, n, width)
    # a wave along x meets the constant and the two waves of its own frequency along y ...
    columns, frequency = _block_columns(n)
    right = torch.cat([basis, basis.new_zeros(1, n)])[columns]
    by_row = torch.bmm(right, half).square().sum(1)
    # ... and the constant along x meets every wave along y
    by_row = by_row + (basis @ half[0]).square()
    explained = by_row.new_zeros(n_frequencies(n), width).index_add_(0, frequency, by_row[1:])
    return explained / energy.clamp(min=torch.finfo(energy.dtype).tiny), energy


def _block_columns(n: int) -> tuple[Int[Tensor, "order 3"], Int[Tensor, " wave"]]:
    """Basis rows of each basis row's block (n where there is no third), and its frequency - 1.

    Only these columns of the transform along y are taken: all would cost n/3 times as much.
    """
    columns = torch.zeros(n, 3, dtype=torch.int64)
    frequency = torch.zeros(n, dtype=torch.int64)
    for k in range(1, n_frequencies(n) + 1):
        waves = frequency_rows(k, n)
        first, last = waves.start, waves.stop - 1
        columns[waves] = torch.tensor([0, first, last if last > first else n])
        frequency[waves] = k - 1
    return columns, frequency[1:]
