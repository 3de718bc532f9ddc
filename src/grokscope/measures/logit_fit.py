"""How well cos w_k(x + y - c) over a few frequencies describes the logits (arXiv 2301.05217)."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from grokscope.algebra.fourier import n_frequencies
from grokscope.measures.grid import by_answer


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
    sums, energy = _sums_by_error(by_answer(logits.unsqueeze(0)))
    waves, length = _waves(len(logits), logits.device)
    chosen = [k - 1 for k in frequencies]
    waves, length = waves[:, chosen], length[:, chosen]
    product = waves @ sums[0]
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
    table: Float[Tensor, "model order order order"], keys: Bool[Tensor, "model frequency"]
) -> Float64[Tensor, " model"]:
    """Share of the logits' variance that the cosines of the key frequencies explain together.

    The logits are centred over the classes of each row. 0 without key frequencies, NaN when all
    logits of every row are equal.

    Args:
        table: logits as (model, s, i, c), see `by_answer`.
        keys: whether each frequency 1 … n//2 is key.
    """
    sums, energy = _sums_by_error(table)
    waves, length = _waves(table.shape[1], table.device)
    fve = (sums @ waves[0].T).square() / (length[0] * energy.unsqueeze(1))
    return torch.where(keys, fve, 0.0).sum(1)


def _sums_by_error(
    table: Float[Tensor, "model order order order"],
) -> tuple[Float64[Tensor, "model order"], Float64[Tensor, " model"]]:
    """Centred logits summed over each value of x + y - c (mod n), and their energy."""
    n = table.shape[1]
    centred = table.double()
    centred = centred - centred.mean(3, keepdim=True)
    answer = torch.arange(n, device=table.device)
    classes = (answer - answer.unsqueeze(1)) % n
    sums = centred.sum(2)[:, answer, classes].sum(2)
    return sums, torch.linalg.vector_norm(centred, dim=(1, 2, 3)).square()


@functools.lru_cache(maxsize=32)
def _waves(
    n: int, device: torch.device
) -> tuple[Float64[Tensor, "wave frequency order"], Float64[Tensor, "wave frequency"]]:
    """Cosine and sine of 2πkd/n for every k, and their squared lengths over all n³ triples."""
    angle = torch.arange(n).double() * (2 * math.pi / n)
    turns = torch.arange(1, n_frequencies(n) + 1).double().unsqueeze(1)
    waves = torch.stack([(turns * angle).cos(), (turns * angle).sin()])
    length = (waves.square().sum(2) * n**2).clamp(min=1)
    # the sine of the highest frequency of an even n vanishes: nothing to fit
    waves[waves.abs() < 1e-9] = 0
    return waves.to(device), length.to(device)
