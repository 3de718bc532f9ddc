"""Orders of neurons that were made by hand."""

import math

import pytest
import torch

from grokscope.explanation.neuron_order import orders


def wave(k: int, values: torch.Tensor, n: int, phase: float = 0.3) -> torch.Tensor:
    return (2 * math.pi * k * values / n + phase).cos()


@pytest.mark.parametrize("n", [13, 12])
def test_shares_of_each_order(n: int):
    x = torch.arange(n).double().unsqueeze(1).expand(n, n)
    y = x.T
    alone = wave(2, x, n)  # variance 1/2, a product of two 1/4
    same = wave(3, x, n) * wave(3, y, n, 1.0)
    crossed = wave(1, x, n) * wave(4, y, n)
    neurons = torch.stack([5 + alone, alone + 2 * same, same + crossed], 2)
    found = orders(neurons.flatten(0, 1), n)
    total = 0.5 + (0.5 + 1.0) + (0.25 + 0.25)
    assert found == pytest.approx(
        {k: v / total for k, v in {"first": 1.0, "second": 1.25, "crossed": 0.25}.items()}
    )


def test_neurons_that_say_nothing_have_no_order():
    assert set(orders(torch.zeros(49, 1, 3), 7).values()) == {0.0}
