"""The published measures of clock and pizza in plain loops, in float64.

`forward` takes two embedded operands, vectors of one row, and gives that row's logits.
"""

import cmath
import itertools
import math
import random
from collections.abc import Callable

import torch

Forward = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Triple = tuple[int, int, int]


def slow_triples(p: int) -> list[Triple]:
    """The published 100 triples."""
    triples = list(itertools.product(range(p), repeat=3))
    random.Random(42).shuffle(triples)
    return triples[:100]


def slow_cosine(forward: Forward, tables: torch.Tensor, triple: Triple) -> float:
    """Of the two gradients of one logit of one row."""
    a, b, c = triple
    first = tables[0, a].clone().requires_grad_()
    second = tables[1, b].clone().requires_grad_()
    forward(first, second)[c].backward()
    assert first.grad is not None
    assert second.grad is not None
    x, y = first.grad.tolist(), second.grad.tolist()
    dot = sum(i * j for i, j in zip(x, y, strict=True))
    return dot / math.sqrt(sum(i * i for i in x)) / math.sqrt(sum(i * i for i in y))


def slow_distance_irrelevance(values: list[list[float]]) -> float:
    """Of one number per (a, b): mean over a − b of the deviation over a + b, over that of all."""
    p = len(values)
    deviations = [deviation([values[(d + b) % p][b] for b in range(p)]) for d in range(p)]
    return sum(deviations) / p / deviation([value for row in values for value in row])


def deviation(numbers: list[float]) -> float:
    """Of a whole population."""
    mean = sum(numbers) / len(numbers)
    return math.sqrt(sum((x - mean) ** 2 for x in numbers) / len(numbers))


def slow_circularity(table: torch.Tensor) -> float:
    """Principal components from the covariance's eigenvectors, frequencies one by one."""
    p = len(table)
    centred = table - table.mean(0)
    _, directions = torch.linalg.eigh(centred.T @ centred)
    total = 0.0
    for component in range(1, 5):
        v = (centred @ directions[:, -component]).tolist()
        shares: list[float] = []
        for k in range(1, p):
            wave = sum(v[j] * cmath.exp(2j * math.pi * j * k / p) for j in range(p))
            shares.append(2 / (p * sum(x * x for x in v)) * abs(wave) ** 2)
        total += min(max(shares), 1.0)
    return total / 4
