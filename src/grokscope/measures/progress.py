"""Progress measures: the losses of the trigonometric part of a network, and of the rest.

Nanda et al. (arXiv 2301.05217) split the logits by the frequency of their dependence on x + y.
The part of frequency k is the projection on two directions over the n² inputs,
(cos kx cos ky - sin kx sin ky) and (sin kx cos ky + cos kx sin ky). Both are functions of s = x + y
alone, the cosine and sine of ks, so the projection works on the logits averaged over each s: n × n
numbers per network in place of n³.

All losses are mean cross entropies in nats over the n classes of the group, in float64. With no
key frequency the restricted loss is that of the mean logits, and nothing is excluded.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor
from torch.nn import functional as F

from grokscope.algebra.fourier import fourier_basis, frequency_rows
from grokscope.measures.grid import mean_by_answer
from grokscope.measures.logit_fit import logit_fve

Frequencies = Sequence[Sequence[int]]
"""Key frequencies of each network."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Progress:
    """The progress measures of a population, one value per network.

    Attributes:
        restricted_loss: loss on all rows of the key frequencies' part of the logits.
        excluded_loss: loss on training rows without that part.
        excluded_loss_by_frequency: the same without one key frequency at a time, in their order.
        full_loss: loss on all rows of the logits as they are.
        logit_fve: explained variance of the logits, see `logit_fve`.
    """

    restricted_loss: Float64[Tensor, " model"]
    excluded_loss: Float64[Tensor, " model"]
    excluded_loss_by_frequency: list[Float64[Tensor, " _key"]]
    full_loss: Float64[Tensor, " model"]
    logit_fve: Float64[Tensor, " model"]


def progress_measures(
    logits: Float[Tensor, "model order order order"],
    frequencies: Frequencies,
    train: Bool[Tensor, "model order order"],
) -> Progress:
    """All progress measures of a population.

    Args:
        logits: on the grid, as (model, x, y, c).
        frequencies: key frequencies of each network.
        train: training rows on the grid.
    """
    return Progress(
        restricted_loss=restricted_loss(logits, frequencies),
        excluded_loss=excluded_loss(logits, frequencies, train),
        excluded_loss_by_frequency=excluded_loss_by_frequency(logits, frequencies, train),
        full_loss=full_loss(logits),
        logit_fve=logit_fve(logits, frequencies),
    )


def full_loss(
    logits: Float[Tensor, "model order order order"],
    rows: Bool[Tensor, "model order order"] | None = None,
) -> Float64[Tensor, " model"]:
    """Mean cross entropy over the group's classes, on all rows or on some; NaN on none."""
    n = logits.shape[-1]
    chosen = rows if rows is not None else torch.ones_like(logits[..., 0], dtype=torch.bool)
    answer = _answers(n, logits.device)
    losses = [
        F.cross_entropy(network[kept].double(), answer[kept])
        for network, kept in zip(logits, chosen, strict=True)
    ]
    return torch.stack(losses)


def restricted_loss(
    logits: Float[Tensor, "model order order order"], frequencies: Frequencies
) -> Float64[Tensor, " model"]:
    """Loss on all rows of the key frequencies' part of the logits alone.

    To that part the mean over the inputs of what was taken away is added for each class, as in the
    published code. It falls as the circuit forms, before the memorised part is gone. It is no proof
    of a circuit by itself: a table learned by heart that raises the right logit on some rows also
    has, on average over the inputs, a part along every frequency.
    """
    losses: list[Tensor] = []
    for network, keys in zip(logits, frequencies, strict=True):
        mean = mean_by_answer(network)
        kept = _part(mean, keys) + mean.mean(0)
        losses.append(F.cross_entropy(kept, torch.arange(len(kept), device=kept.device)))
    return torch.stack(losses)


def excluded_loss(
    logits: Float[Tensor, "model order order order"],
    frequencies: Frequencies,
    train: Bool[Tensor, "model order order"],
) -> Float64[Tensor, " model"]:
    """Loss on training rows without all the key frequencies together; NaN without such rows.

    It rises as the network comes to lean on the circuit in place of what it memorised.
    """
    together = [[keys] for keys in frequencies]
    losses = [
        _excluded(network, groups, kept)
        for network, groups, kept in zip(logits, together, train, strict=True)
    ]
    return torch.cat(losses)


def excluded_loss_by_frequency(
    logits: Float[Tensor, "model order order order"],
    frequencies: Frequencies,
    train: Bool[Tensor, "model order order"],
) -> list[Float64[Tensor, " _key"]]:
    """Loss on training rows without one key frequency at a time (the published code's vector)."""
    return [
        _excluded(network, [[k] for k in keys], kept)
        for network, keys, kept in zip(logits, frequencies, train, strict=True)
    ]


def _excluded(
    logits: Float[Tensor, "order order order"],
    groups: Sequence[Sequence[int]],
    train: Bool[Tensor, "order order"],
) -> Float64[Tensor, " group"]:
    """One network's loss without each group of frequencies in turn."""
    answer = _answers(len(logits), logits.device)[train]
    trained, mean = logits[train].double(), mean_by_answer(logits)
    losses = [F.cross_entropy(trained - _part(mean, keys)[answer], answer) for keys in groups]
    return torch.stack(losses) if losses else mean.new_empty(0)


def _part(
    mean: Float64[Tensor, "order order"], keys: Sequence[int]
) -> Float64[Tensor, "order order"]:
    """Logits (s, c) of the given frequencies: the projection of `mean` on their waves."""
    n = len(mean)
    basis = fourier_basis(n).to(mean.device)
    rows = torch.cat([basis[:0], *(basis[frequency_rows(k, n)] for k in keys)])
    return rows.T @ (rows @ mean)


def _answers(n: int, device: torch.device) -> Int[Tensor, "order order"]:
    x = torch.arange(n, device=device)
    return (x.unsqueeze(1) + x) % n
