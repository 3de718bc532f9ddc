"""Random draws from an explicit generator, in float64."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

TURN = 2 * math.pi


def uniform(stream: Generator, low: float, high: float, *shape: int) -> Float[Tensor, "..."]:
    """Uniform numbers in [low, high)."""
    return low + (high - low) * torch.rand(shape, generator=stream, dtype=torch.float64)


def number(stream: Generator, low: float, high: float) -> float:
    """One uniform number in [low, high)."""
    return float(uniform(stream, low, high))


def normal(stream: Generator, *shape: int) -> Float[Tensor, "..."]:
    """Standard Gaussian numbers."""
    return torch.randn(shape, generator=stream, dtype=torch.float64)


def order(stream: Generator, n: int) -> Int[Tensor, " n"]:
    """A random permutation."""
    return torch.randperm(n, generator=stream)


def choice(stream: Generator, options: Sequence[int]) -> int:
    """One of the options, each as likely."""
    return options[int(torch.randint(len(options), (), generator=stream))]


def rotation(stream: Generator, n: int) -> Float[Tensor, "n n"]:
    """A random orthogonal matrix (QR of a Gaussian matrix, signs fixed by the diagonal of R)."""
    q, r = torch.linalg.qr(normal(stream, n, n))
    return q * r.diagonal().sign()


def spread_phases(stream: Generator, n: int) -> Float[Tensor, " n"]:
    """Phases once around: even steps from a random start, in half the networks jittered in them."""
    jitter = choice(stream, (0, 1)) * uniform(stream, -0.25, 0.25, n)
    return (torch.arange(n) + jitter + uniform(stream, 0, 1)) * TURN / n


def phase_pairs(
    stream: Generator, side: int, jitter: float = 1.0
) -> Float[Tensor, "side_squared slot"]:
    """Independent phases of a and b: one pair in each cell of a square grid.

    With jitter 1 uniform in its cell, with 0 at the same place in all cells.
    """
    cells = torch.cartesian_prod(torch.arange(side), torch.arange(side))
    inside = jitter * uniform(stream, 0, 1, side * side, 2) + uniform(stream, 0, 1, 2)
    return (cells + inside) * TURN / side
