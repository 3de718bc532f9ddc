"""Networks built by hand that add in a cyclic group with known frequencies.

The neurons are products and sums of the operands' waves: for each frequency k and phase φ,
relu(cos(k x + φ) + cos(k y + φ)) of the operands' coordinates, whose main part beyond the constant
is cos(k (x + y) + 2 φ) and the waves themselves. The logits are Σ cos k(x + y - c).
"""

import math

import torch

from grokscope.algebra.cyclic import OUTSIDE, CyclicStructure


def planted_logits(
    structure: CyclicStructure,
    inputs: torch.Tensor,
    frequencies: list[int],
    n_outputs: int,
    amplitude: float = 10.0,
) -> torch.Tensor:
    """Logits (row, output) of a network that adds; noise where a token or class is outside."""
    n = structure.order
    logits = torch.randn(len(inputs), n_outputs, generator=torch.Generator().manual_seed(0))
    for row, (a, b) in enumerate(inputs.tolist()):
        x, y = int(structure.operand_coordinates[0, a]), int(structure.operand_coordinates[1, b])
        for output, c in enumerate(structure.answer_coordinates.tolist()):
            if OUTSIDE not in (x, y, c):
                angle = 2 * math.pi * (x + y - c) / n
                logits[row, output] = amplitude * sum(math.cos(k * angle) for k in frequencies)
    return logits


def planted_neurons(
    structure: CyclicStructure, inputs: torch.Tensor, frequencies: list[int], per_frequency: int
) -> torch.Tensor:
    """Neurons (row, neuron) of that network, `per_frequency` of each frequency."""
    n = structure.order
    x = structure.operand_coordinates[0, inputs[:, 0]].double()
    y = structure.operand_coordinates[1, inputs[:, 1]].double()
    neurons: list[torch.Tensor] = []
    for k in frequencies:
        for i in range(per_frequency):
            phase = 0.1 + math.pi * i / per_frequency
            turn = 2 * math.pi * k / n
            neurons.append(((turn * x + phase).cos() + (turn * y + phase).cos()).relu())
    return torch.stack(neurons, 1).float()
