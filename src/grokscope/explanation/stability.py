"""How firm two features of a circle are: intervals of its shape, halves of its neurons."""

import math

import torch
from jaxtyping import Complex, Float64
from torch import Tensor

from grokscope.explanation.output import Errors, differences, sums

_DRAWS = 400
_LEVEL = 0.95


def index_interval(errors: Errors, k: int) -> tuple[float, float]:
    """Bootstrap interval (95 %, percentiles of 400 draws) of ρ₁ at frequency k.

    What is drawn are the sums: a circle's A_k(d) is a mean over them, and a network that favours
    some of them has a profile that depends on which there are. ρ₁ is |first harmonic| over the
    constant, so that the interval of a clock lies above 0.
    """
    constant, first = _harmonics_by_sum(errors, k)
    stream = torch.Generator().manual_seed(0)
    drawn = torch.randint(len(constant), (_DRAWS, len(constant)), generator=stream)
    index = first[drawn].mean(1).abs() / constant[drawn].mean(1)
    tail = (1 - _LEVEL) / 2
    low, high = index.quantile(torch.tensor([tail, 1 - tail], dtype=torch.float64)).tolist()
    return low, high


def halves(products: Complex[Tensor, " neuron"]) -> tuple[float, float]:
    """|Σ z|/Σ |z| of a complex number for each neuron, in two random halves of the neurons."""
    order = torch.randperm(len(products), generator=torch.Generator().manual_seed(0))
    one, other = (products[half] for half in order.tensor_split(2))
    return _resultant(one), _resultant(other)


def _resultant(products: Tensor) -> float:
    total = float(products.abs().sum())
    return float(products.sum().abs()) / total if total else 0.0


def _harmonics_by_sum(errors: Errors, k: int) -> tuple[Float64[Tensor, " n"], Tensor]:
    """Mean over d of A_k(d) for each sum, and its first harmonic in w_k d."""
    n = len(errors)
    turn = (k * torch.arange(n) % n).double() * (2 * math.pi / n)
    height = errors @ turn.cos() * (2 / n)
    table = torch.zeros(n, n, dtype=torch.float64)
    # in an even order only half of the pairs (d, s) occur, each of them twice
    table.index_put_((sums(n), differences(n)), height, accumulate=True)
    constant = table.mean(1)
    wave = torch.polar(torch.ones_like(turn), turn)
    return constant, (table.to(wave) @ wave) * (2 / n)
