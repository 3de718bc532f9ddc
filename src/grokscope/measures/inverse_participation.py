"""How few frequencies a neuron listens to (arXiv 2301.02679)."""

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from grokscope.algebra.fourier import basis_on, by_frequency


def ipr(
    maps: Float[Tensor, "model vector order"],
) -> Float64[Tensor, "model vector"]:
    """Inverse participation ratio of functions on Z_n in the Fourier basis.

    Formula: Σ_k |û_k|⁴ / (Σ_k |û_k|²)², |û_k|² being the energy of cosine and sine of frequency
    k = 1 … n//2 together; the constant is left out. Where k and −k are counted apart, as by a
    complex transform, the value is half of this.

    Unit: 1. Range: [1/(n//2), 1]: 1 for a wave of one frequency, about 4/n for noise.
    Source: arXiv 2301.02679. NaN for a constant.
    """
    n = maps.shape[2]
    waves = maps.double() @ basis_on(n, torch.float64, maps.device).T
    energy = by_frequency(waves.square())
    wave_energy, whole = energy.sum(2), waves.square().sum(2)
    ratio = energy.square().sum(2) / wave_energy.square()
    return torch.where(wave_energy > _rounding(maps.dtype) * whole, ratio, torch.nan)


def neuron_ipr(
    neurons: Float[Tensor, "model order order neuron"],
) -> Float64[Tensor, " model"]:
    """Mean inverse participation ratio of neurons, as functions of one operand each.

    A neuron's map of both operands is averaged over one of them, which for a first layer of
    one-hot or embedded operands leaves its weights for the other; the ratios of both operands
    count alike. Constant neurons are left out, silent ones are not: their ratio is of whatever is
    left of them.

    Unit: 1. Range: [1/(n//2), 1]. Source: arXiv 2301.02679. NaN where all are constant.

    Args:
        neurons: pre-activations of a layer on the grid of coordinates.
    """
    maps = neurons.double()
    by_operand = torch.cat([maps.mean(2), maps.mean(1)], 2)
    # a map that hears one operand alone leaves rounding errors for the other
    varies = by_operand.var(1, correction=0) > _rounding(neurons.dtype) * maps.square().mean(
        (1, 2)
    ).repeat(1, 2)
    ratios = torch.where(varies, ipr(by_operand.mT), torch.nan)
    return ratios.nanmean(1)


def _rounding(dtype: torch.dtype) -> float:
    """What rounding leaves of 0, as a share of the energy."""
    return (10 * torch.finfo(dtype).eps) ** 2
