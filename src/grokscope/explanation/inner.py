"""What the last layer of a deep network is handed of one circle: the sum, as others made it.

A deep network's read-out may hide how its first layers add the operands. What they say is read as
the logits are, in the pre-activations of the last layer instead: Σ_s h(d, s) e^{−i w_k s} is a
profile over d times one complex number a neuron, where the neurons agree on what the sum is.
"""

import math

import torch
from jaxtyping import Complex128, Float, Float64
from torch import Tensor

from grokscope.explanation.output import differences, sums


def inner_profile(
    pre: Float[Tensor, "row *position neuron"], order: int, k: int
) -> tuple[Float64[Tensor, " order"], float]:
    """The profile over d that most of the neurons share, and how much of their variance it is.

    Args:
        pre: pre-activations, read at the last position.
        order: n of the group.
        k: frequency of the sum.
    """
    table = pre.double().reshape(order, order, -1, pre.shape[-1])[:, :, -1]
    waves = _waves_of_sum(table, k)
    left, values, _ = torch.linalg.svd(waves, full_matrices=False)
    profile = _as_real(left[:, 0]) * values[0]
    variance = (table - table.mean((0, 1))).square().sum()
    return profile, float(2 * order * values[0] ** 2 / variance.clamp(min=1e-300))


def _waves_of_sum(
    table: Float64[Tensor, "order order neuron"], k: int
) -> Complex128[Tensor, "order neuron"]:
    """Complex amplitude of e^{i w_k s} for each difference and neuron."""
    n = len(table)
    turn = (k * sums(n) % n).double() * (2 * math.pi / n)
    turned = table * torch.polar(torch.ones_like(turn), -turn).unsqueeze(2)
    found = torch.zeros(n, table.shape[2], dtype=turned.dtype)
    return found.index_add_(0, differences(n).flatten(), turned.flatten(0, 1)) / n


def _as_real(direction: Complex128[Tensor, " order"]) -> Float64[Tensor, " order"]:
    """A profile is real but for one phase; with a mean that is not negative."""
    phase = direction.square().sum().angle() / 2
    real = (direction * torch.polar(torch.ones_like(phase), -phase)).real
    return real if real.mean() >= 0 else -real
