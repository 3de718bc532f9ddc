"""What a look finds in one network at a time, as plainly as it can be said."""

import math

import torch
from torch.nn import functional as F

from reference.fourier import slow_basis, slow_gini


def table_metrics(
    logits: torch.Tensor, labels: torch.Tensor, parts: dict[str, torch.Tensor]
) -> dict[str, float]:
    """Mean loss and accuracy of one network on each named part of the table."""
    loss = F.cross_entropy(logits.double(), labels, reduction="none")
    right = (logits.argmax(1) == labels) & loss.isfinite()
    metrics: dict[str, float] = {}
    for name, rows in parts.items():
        metrics[name.format("loss")] = float(loss[rows].mean())
        metrics[name.format("acc")] = float(right[rows].double().mean())
    return metrics


def logit_scale(logits: torch.Tensor) -> float:
    return math.sqrt(float(logits.double().var(dim=1, correction=0).mean()))


def neuron_shares(neurons: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Of one network's neurons (x, y, neuron): share of variance per frequency, and variance."""
    n = len(neurons)
    basis = torch.tensor(slow_basis(n), dtype=torch.float64)
    centred = neurons.double() - neurons.double().mean((0, 1))
    spectrum = torch.einsum("ux,xyh,vy->uvh", basis, centred, basis).square()
    energy = centred.square().sum((0, 1))
    shares = []
    for k in range(1, n // 2 + 1):
        block = [0, *(r for r in (2 * k - 1, 2 * k) if r < n)]
        shares.append(spectrum[block][:, block].sum((0, 1)) / energy.clamp(min=1e-300))
    return torch.stack(shares), energy


def key_frequencies(
    neurons: torch.Tensor, min_share: float = 0.02, min_fraction: float = 0.5
) -> list[int]:
    """The frequencies that at least two live neurons, and 2 % of them, vote for."""
    shares, energy = neuron_shares(neurons)
    live = (energy > 0) & (energy >= 1e-3 * energy.mean())
    fraction, best = shares.max(0)
    votes = best[live & (fraction > min_fraction)] + 1
    needed = max(2, math.ceil(min_share * int(live.sum())))
    return torch.nonzero(torch.bincount(votes) >= needed).flatten().tolist()


def embedding_norms(table: torch.Tensor) -> torch.Tensor:
    """Norm of one embedding (coordinate, d_model) along every row of the Fourier basis."""
    basis = torch.tensor(slow_basis(len(table)), dtype=torch.float64)
    return (basis @ table.double()).norm(dim=1)


def spectrum(norms: torch.Tensor) -> list[float]:
    """Norm per frequency, cosine and sine together."""
    n = len(norms)
    rows = [[r for r in (2 * k - 1, 2 * k) if r < n] for k in range(1, n // 2 + 1)]
    return [math.sqrt(sum(float(norms[r]) ** 2 for r in block)) for block in rows]


def gini(values: torch.Tensor) -> float:
    return slow_gini(values.tolist())
