"""Rotary positions (arXiv 2104.09864): pairs of neighbouring columns turned by angles."""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

BASE = 10_000.0

Turns = tuple[Float[Tensor, "context d_head"], Float[Tensor, "context d_head"]]
"""Cosines and sines, each pair's twice."""


@cache  # for ever: a CUDA graph does not keep what it reads
def turns(n_ctx: int, d_head: int, base: float, dtype: torch.dtype, device: torch.device) -> Turns:
    """Of position t and pair i the angle t · base^(−2i/d_head)."""
    pair = torch.arange(d_head // 2, dtype=torch.float64)
    angle = torch.arange(n_ctx).unsqueeze(1) * base ** (-2 * pair / d_head)
    angle = angle.repeat_interleave(2, 1)
    return angle.cos().to(device, dtype), angle.sin().to(device, dtype)


def rotated(
    x: Float[Tensor, "*batch pos head d_head"],
    turns: Turns,
    position: Int[Tensor, "*batch pos"] | None = None,
) -> Float[Tensor, "*batch pos head d_head"]:
    """Queries or keys turned by their positions, 0, 1, … where none are given."""
    cos, sin = (part if position is None else part[position] for part in turns)
    first, second = x.unflatten(-1, (-1, 2)).unbind(-1)
    quarter = torch.stack([-second, first], -1).flatten(-2)
    return x * cos.unsqueeze(-2) + quarter * sin.unsqueeze(-2)
