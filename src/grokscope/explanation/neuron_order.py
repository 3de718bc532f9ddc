"""What kind of functions of the operands a layer's neurons are.

A function of (x, y) over Z_n is a sum of products of waves. Its first order is f(x) + g(y); its
second order are products of one frequency with itself, the sum and the difference; what is left
multiplies different frequencies.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor


def orders(pre: Float[Tensor, "row *position neuron"], order: int) -> Mapping[str, float]:
    """Shares of the neurons' variance over the table, in [0, 1]; they add up to 1.

    Args:
        pre: pre-activations, read at the last position.
        order: n of the group.

    Returns:
        `first`, `second` and `crossed`.
    """
    table = pre.double().reshape(order, order, -1, pre.shape[-1])[:, :, -1]
    centred = table - table.mean((0, 1))
    energy = torch.fft.fft2(centred, dim=(0, 1)).abs().square().sum(2)
    whole = energy.sum()
    total = whole.clamp(min=torch.finfo(torch.float64).tiny)
    first = energy[0].sum() + energy[:, 0].sum()
    k = torch.arange(1, order)
    same = torch.zeros_like(energy, dtype=torch.bool)
    same[k, k] = same[k, order - k] = True
    second = energy[same].sum()
    return {
        "first": float(first / total),
        "second": float(second / total),
        "crossed": float((whole - first - second) / total),
    }
