"""The logits of a cyclic group's table by the symmetry of their parts.

With s = x + y, d = x − y and the error u = c − s, a function of (x, y, c) has a part in u alone,
the right answer's peak; one in (s, u), a read-out that favours some answers; one in (d, u), such as
the pizza's |cos(w d/2)|; and a rest. What is the same for all c does not matter to a softmax.
"""

import functools
import math

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

Errors = Float64[Tensor, "order order order"]
"""Centred logits as (x, y, u) with u = c − x − y."""


def by_error(logits: Float[Tensor, "row n_outputs"], order: int) -> Errors:
    """Logits of the group's classes in float64, centred over the classes."""
    table = logits[:, :order].double().unflatten(0, (order, order))
    table = table - table.mean(2, keepdim=True)
    x = torch.arange(order, device=table.device)
    return table.gather(2, (x[:, None, None] + x[None, :, None] + x) % order)


def mean_by_difference(errors: Errors) -> Float64[Tensor, "order order"]:
    """Mean over the rows of each d = x − y, as (d, u)."""
    return _mean_by(errors, differences(len(errors)))


def mean_by_sum(errors: Errors) -> Float64[Tensor, "order order"]:
    """Mean over the rows of each s = x + y, as (s, u)."""
    return _mean_by(errors, sums(len(errors)))


def shares(errors: Errors) -> dict[str, float]:
    """Shares of `u`, `su`, `du` and `rest` in the logits' variance; they add up to 1.

    The parts are taken out one after another. For an odd order they are orthogonal; for an even one
    s and d share their parity, and what depends on it counts with (s, u).
    """
    n = len(errors)
    u = errors.mean((0, 1))
    su = mean_by_sum(errors) - u
    rest = errors - u - su[sums(n)]
    du = mean_by_difference(rest)
    rest = rest - du[differences(n)]
    total = errors.square().sum().clamp(min=torch.finfo(torch.float64).tiny)
    parts = {
        "u": n * n * u.square().sum(),
        "su": n * su.square().sum(),
        "du": n * du.square().sum(),
        "rest": rest.square().sum(),
    }
    return {name: float(part / total) for name, part in parts.items()}


def waves(errors: Float64[Tensor, "*row u"]) -> Float64[Tensor, "part *row frequency"]:
    """Cosine and sine coefficients over u, at the frequencies 1 … n//2."""
    n = errors.shape[-1]
    cosine, sine = _waves(n)
    return torch.stack([errors @ cosine.T, errors @ sine.T])


@functools.cache
def _waves(n: int) -> tuple[Float64[Tensor, "frequency n"], Float64[Tensor, "frequency n"]]:
    k = torch.arange(1, n // 2 + 1)
    angle = (torch.outer(k, torch.arange(n)) % n).double() * (2 * math.pi / n)
    # the highest frequency of an even order has one wave of length n instead of two of n/2
    length = torch.where(2 * k == n, n, n / 2).unsqueeze(1)
    sine = angle.sin()
    sine[2 * k == n] = 0
    return angle.cos() / length, sine / length


@functools.cache
def sums(n: int) -> Int[Tensor, "n n"]:
    """Coordinate s = x + y of each row."""
    x = torch.arange(n)
    return (x.unsqueeze(1) + x) % n


@functools.cache
def differences(n: int) -> Int[Tensor, "n n"]:
    """Coordinate d = x − y of each row."""
    x = torch.arange(n)
    return (x.unsqueeze(1) - x) % n


def _mean_by(errors: Errors, which: Int[Tensor, "order order"]) -> Float64[Tensor, "order order"]:
    n = len(errors)
    total = torch.zeros(n, n, dtype=torch.float64)
    return total.index_add_(0, which.flatten(), errors.flatten(0, 1)) / n
