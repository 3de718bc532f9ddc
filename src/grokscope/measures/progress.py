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

from grokscope.algebra.fourier import basis_on, n_frequencies
from grokscope.measures.grid import by_answer
from grokscope.measures.logit_fit import logit_fve

Frequencies = Sequence[Sequence[int]]
"""Key frequencies of each network."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Progress:
    """The progress measures of a population, one value per network.

    Attributes:
        restricted_loss: loss on all rows of the key frequencies' part of the logits alone. To that
            part the mean over the inputs of what was taken away is added for each class, as in the
            published code. It falls as the circuit forms, before the memorised part is gone. It is
            no proof of a circuit by itself: a table learned by heart that raises the right logit on
            some rows also has, on average over the inputs, a part along every frequency.
        excluded_loss: loss on training rows without all the key frequencies together; NaN without
            such rows. It rises as the network comes to lean on the circuit in place of what it
            memorised.
        excluded_loss_by_frequency: the same without one key frequency at a time, in their order
            (the published code's vector).
        full_loss: loss on all rows of the logits as they are.
        logit_fve: explained variance of the logits, see `logit_fve`.
    """

    restricted_loss: Float64[Tensor, " model"]
    excluded_loss: Float64[Tensor, " model"]
    excluded_loss_by_frequency: list[Float64[Tensor, " _key"]]
    full_loss: Float64[Tensor, " model"]
    logit_fve: Float64[Tensor, " model"]

    @classmethod
    def join(cls, parts: Sequence["Progress"]) -> "Progress":
        """The measures of several populations, one after the other."""
        return cls(
            restricted_loss=torch.cat([part.restricted_loss for part in parts]),
            excluded_loss=torch.cat([part.excluded_loss for part in parts]),
            excluded_loss_by_frequency=[r for p in parts for r in p.excluded_loss_by_frequency],
            full_loss=torch.cat([part.full_loss for part in parts]),
            logit_fve=torch.cat([part.logit_fve for part in parts]),
        )


def progress_measures(
    logits: Float[Tensor, "model order order order"],
    frequencies: Frequencies,
    train: Bool[Tensor, "model order order"],
) -> Progress:
    """All progress measures of a population.

    A table in float64 is held for every network: large populations are best taken a few at a time.

    Args:
        logits: on the grid, as (model, x, y, c).
        frequencies: key frequencies of each network.
        train: training rows on the grid.
    """
    n = logits.shape[1]
    table, trained = by_answer(logits).double(), by_answer(train)
    keys = _padded(frequencies).to(logits.device)
    mean = table.mean(2)
    parts = _parts(mean, keys)
    losses = _losses_without(table, parts)
    kept = torch.where(trained.unsqueeze(1), losses, 0.0).sum((2, 3))
    excluded = kept / trained.sum((1, 2)).unsqueeze(1)
    chosen = (keys.unsqueeze(2) == torch.arange(1, n_frequencies(n) + 1, device=keys.device)).any(1)
    return Progress(
        restricted_loss=_mean_loss(parts[:, _TOGETHER] + mean.mean(1, keepdim=True)),
        excluded_loss=excluded[:, _TOGETHER],
        excluded_loss_by_frequency=[
            row[_SINGLY : _SINGLY + len(own)]
            for row, own in zip(excluded, frequencies, strict=True)
        ],
        full_loss=losses[:, _NOTHING].mean((1, 2)),
        logit_fve=logit_fve(table, chosen),
    )


# What is taken away: nothing, all key frequencies, and then each of them.
_NOTHING, _TOGETHER, _SINGLY = 0, 1, 2


def _padded(frequencies: Frequencies) -> Int[Tensor, "model key"]:
    """The key frequencies of each network, 0 where it has fewer than others."""
    most = max((len(keys) for keys in frequencies), default=0)
    return torch.tensor([[*keys] + [0] * (most - len(keys)) for keys in frequencies]).long()


def _parts(
    mean: Float64[Tensor, "model order order"], keys: Int[Tensor, "model key"]
) -> Float64[Tensor, "model group order order"]:
    """Logits (s, c) of nothing, of all key frequencies, and of each: projections of `mean`."""
    n = mean.shape[1]
    basis = basis_on(n, mean.dtype, mean.device)
    waves = torch.cat([basis, basis.new_zeros(1, n)])
    along = torch.cat([basis @ mean, mean.new_zeros(len(mean), 1, n)], 1)
    # two rows for each frequency; the row of zeros where there is no sine, or no frequency
    rows = torch.stack([2 * keys - 1, 2 * keys], 2)
    rows = torch.where((keys.unsqueeze(2) > 0) & (rows < n), rows, n)
    models = torch.arange(len(mean), device=mean.device)[:, None, None]
    singly = waves[rows].mT @ along[models, rows]
    together = singly.sum(1, keepdim=True)
    return torch.cat([torch.zeros_like(together), together, singly], 1)


def _losses_without(
    table: Float64[Tensor, "model order order order"],
    parts: Float64[Tensor, "model group order order"],
) -> Float64[Tensor, "model group order order"]:
    """Loss of each row (s, i) without each part in turn.

    With logits z and a part p the loss is log Σ exp(z_c - z_s) exp(p_s - p_c), where s is the right
    answer: the first factor is the same for every part and the second for all n rows of one s, so
    that all parts together take one exponential per logit and a matrix product. The answer's own
    term is 1; what is too small for float64 is too small to count beside it.
    """
    own = table.diagonal(dim1=1, dim2=3).mT
    terms = (table - own.unsqueeze(3)).exp_()
    own_parts = parts.diagonal(dim1=2, dim2=3)
    weights = (own_parts.unsqueeze(3) - parts).exp_()
    losses = torch.einsum("msic,mgsc->mgsi", terms, weights).log_()
    # a loss of more than some 700 nats overflows here: those networks are taken the long way
    broken = (~losses.sum((1, 2, 3)).isfinite()).nonzero().flatten()
    for i in broken.tolist():
        rest = table[i].unsqueeze(0) - parts[i].unsqueeze(2)
        losses[i] = rest.logsumexp(3) - rest.diagonal(dim1=1, dim2=3).mT
    return losses


def _mean_loss(logits: Float64[Tensor, "model order order"]) -> Float64[Tensor, " model"]:
    """Mean loss of logits (s, c) where s is the right answer."""
    return (logits.logsumexp(2) - logits.diagonal(dim1=1, dim2=2)).mean(1)
