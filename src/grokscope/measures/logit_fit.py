"""How well cos w_k(x + y - c) over a few frequencies describes the logits (arXiv 2301.05217)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from grokscope.measures.grid import mean_by_answer


@dataclass(frozen=True, kw_only=True, eq=False)
class LogitFit:
    """Least-squares coefficients of one network's logits on the waves of x + y - c.

    Attributes:
        frequencies: those that were fitted.
        cosine: coefficient of cos(2πk(x + y - c)/n), in logits.
        sine: coefficient of sin(2πk(x + y - c)/n): zero in a network that peaks at the answer.
        cosine_fve: share of the logits' variance that each cosine explains.
        sine_fve: share that each sine explains.
    """

    frequencies: list[int]
    cosine: Float64[Tensor, " key"]
    sine: Float64[Tensor, " key"]
    cosine_fve: Float64[Tensor, " key"]
    sine_fve: Float64[Tensor, " key"]


def logit_fit(logits: Float[Tensor, "order order order"], frequencies: Sequence[int]) -> LogitFit:
    """Fit one network's logits, centred over the classes of each row.

    The waves are orthogonal over the n³ triples, so each coefficient is a projection of its own;
    it depends on the sum of the logits over each value of x + y - c only.

    Args:
        logits: on the grid, as (x, y, c).
        frequencies: those to fit, each in 1 … n//2.
    """
    n = len(logits)
    sums, energy = _sums_by_error(logits)
    angle = torch.arange(n).double() * (2 * math.pi / n)
    turns = torch.tensor(list(frequencies), dtype=torch.float64).unsqueeze(1)
    waves = torch.stack([(turns * angle).cos(), (turns * angle).sin()]).to(sums.device)
    length = (waves.square().sum(2) * n**2).clamp(min=1)
    # the sine of the highest frequency of an even n vanishes: nothing to fit
    waves[waves.abs() < 1e-9] = 0
    product = waves @ sums
    fve = product.square() / (length * energy)
    cosine, sine = product / length
    return LogitFit(
        frequencies=list(frequencies),
        cosine=cosine,
        sine=sine,
        cosine_fve=fve[0],
        sine_fve=fve[1],
    )


def logit_fve(
    logits: Float[Tensor, "model order order order"], frequencies: Sequence[Sequence[int]]
) -> Float64[Tensor, " model"]:
    """Share of the logits' variance that the cosines of the key frequencies explain together.

    The logits are centred over the classes of each row. 0 without key frequencies, NaN when all
    logits of every row are equal.
    """
    fits = (logit_fit(network, keys) for network, keys in zip(logits, frequencies, strict=True))
    return torch.stack([fit.cosine_fve.sum() for fit in fits])


def _sums_by_error(
    logits: Float[Tensor, "order order order"],
) -> tuple[Float64[Tensor, " order"], Float64[Tensor, ""]]:
    """Centred logits summed over each value of x + y - c (mod n), and their energy."""
    n = len(logits)
    centred = logits.double()
    centred = centred - centred.mean(2, keepdim=True)
    answer = torch.arange(n, device=logits.device)
    classes = (answer - answer.unsqueeze(1)) % n
    sums = mean_by_answer(centred)[answer, classes].sum(1) * n
    return sums, centred.square().sum()
