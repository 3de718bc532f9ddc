"""Progress measures of one network at a time: an ordinary cross entropy for everything taken out.

`reference/fourier.py` has the same in plain loops, for tables of a few rows.
"""

import torch
from torch.nn import functional as F

from reference.fourier import slow_basis


def mean_by_answer(logits: torch.Tensor) -> torch.Tensor:
    """Logits (s, c), averaged over the n inputs with x + y = s."""
    n = len(logits)
    x = torch.arange(n)
    return logits[x, (x.unsqueeze(1) - x) % n].double().mean(1)


def part(mean: torch.Tensor, keys: list[int]) -> torch.Tensor:
    """Projection of (s, c) on the waves of some frequencies of s."""
    n = len(mean)
    basis = torch.tensor(slow_basis(n), dtype=torch.float64)
    chosen = [r for k in keys for r in (2 * k - 1, 2 * k) if r < n]
    return basis[chosen].T @ (basis[chosen] @ mean)


def answers(n: int) -> torch.Tensor:
    x = torch.arange(n)
    return (x.unsqueeze(1) + x) % n


def full_loss(logits: torch.Tensor) -> float:
    n = len(logits)
    return float(F.cross_entropy(logits.double().flatten(0, 1), answers(n).flatten()))


def restricted_loss(logits: torch.Tensor, keys: list[int]) -> float:
    mean = mean_by_answer(logits)
    kept = part(mean, keys) + mean.mean(0)
    return float(F.cross_entropy(kept, torch.arange(len(kept))))


def excluded_loss(logits: torch.Tensor, keys: list[int], train: torch.Tensor) -> float:
    answer = answers(len(logits))[train]
    rest = logits[train].double() - part(mean_by_answer(logits), keys)[answer]
    return float(F.cross_entropy(rest, answer))


def logit_fve(logits: torch.Tensor, keys: list[int]) -> float:
    n = len(logits)
    centred = logits.double() - logits.double().mean(2, keepdim=True)
    angle = torch.arange(n)[:, None, None] + torch.arange(n)[:, None] - torch.arange(n)
    explained = 0.0
    for k in keys:
        wave = (2 * torch.pi * k * angle.double() / n).cos()
        explained += float((wave * centred).sum() ** 2 / wave.square().sum())
    return explained / float(centred.square().sum())
