"""Random numbers that are functions of a key and a counter, computed by integer operations.

There is no state to keep: what is drawn at a step can be drawn again, so a run can be resumed at
any step, and the operations can be part of a recorded one. Each number is SplitMix64's output
function (doi 10.1145/2660193.2660195) of a start that depends on key and stream, plus the counter
times the golden ratio.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

_GOLDEN = 0x9E3779B97F4A7C15 - 2**64  # integers of 64 bits with a sign, which wrap around
_FACTORS = (0xBF58476D1CE4E5B9 - 2**64, 0x94D049BB133111EB - 2**64)
_SHIFTS = (30, 27)
_HALF = 2**32


def step_key(seed: Int[Tensor, " model"], step: Int[Tensor, " model"]) -> Int[Tensor, " model"]:
    """The key of one step of each network."""
    return _mixed(_mixed(seed + _GOLDEN) + step * _GOLDEN)


def uniform_bits(key: Int[Tensor, " model"], n: int, stream: int) -> Int[Tensor, "model {n}"]:
    """64 random bits each.

    Args:
        key: of each network.
        n: how many.
        stream: numbers of different streams have nothing to do with each other.
    """
    start = _mixed(key + _wrapped((2 * stream + 1) * _FACTORS[1])).unsqueeze(1)
    counter = torch.arange(1, n + 1, device=key.device)
    return _mixed(start + counter * _GOLDEN)


def uniform(
    key: Int[Tensor, " model"], n: int, stream: int, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "model {n}"]:
    """Uniform in [0, 1), in steps of 2⁻²⁴."""
    high, low = _halves(key, n, stream)
    both = torch.cat([high, low], 1)[:, :n]
    return torch.bitwise_right_shift(both, 8).to(dtype) * 2.0**-24


def gaussian(
    key: Int[Tensor, " model"], n: int, stream: int, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "model {n}"]:
    """Standard normal, by the method of Box and Muller; at most 6.7 in absolute value."""
    high, low = _halves(key, n, stream)
    radius = high.to(dtype).add_(0.5).div_(_HALF).log_().mul_(-2).clamp_(min=0).sqrt_()
    angle = low.to(dtype).mul_(2 * math.pi / _HALF)
    return torch.cat([angle.cos().mul_(radius), angle.sin_().mul_(radius)], 1)[:, :n]


def _halves(
    key: Int[Tensor, " model"], n: int, stream: int
) -> tuple[Int[Tensor, "model half"], Int[Tensor, "model half"]]:
    """Two numbers of 32 bits from each of 64."""
    bits = uniform_bits(key, (n + 1) // 2, stream)
    return _shifted(bits, 32), torch.bitwise_and(bits, _HALF - 1)


def _mixed(bits: Int[Tensor, "..."]) -> Int[Tensor, "..."]:
    """A bijection in which each bit depends on all; in place."""
    for shift, factor in zip(_SHIFTS, _FACTORS, strict=True):
        bits.bitwise_xor_(_shifted(bits, shift)).mul_(factor)
    return bits.bitwise_xor_(_shifted(bits, 31))


def _shifted(bits: Int[Tensor, "..."], by: int) -> Int[Tensor, "..."]:
    """To the right, with zeros from the left."""
    return torch.bitwise_right_shift(bits, by).bitwise_and_(2 ** (64 - by) - 1)


def _wrapped(number: int) -> int:
    return (number + 2**63) % 2**64 - 2**63
