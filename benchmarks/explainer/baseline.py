"""Two simpler rules for `explained`, to be held against the causal tests on the same networks."""

from dataclasses import dataclass

import torch

from grokscope.explanation import Subject, legacy
from grokscope.explanation.output import by_error
from grokscope.explanation.spectrum import component_power, effective_number, permutation_null
from grokscope.explanation.subject import accuracy
from grokscope.explanation.thresholds import FROZEN

CLOCK_FIT = 0.95
_ORDERS = 200


@dataclass(frozen=True, kw_only=True)
class Baselines:
    """What either rule says of one network; a network that is not accurate passes neither.

    Attributes:
        published: circularity ≥ .995, and a pizza (distance irrelevance < .6 on the largest wrong
            logit, gradient symmetricity > .98) or a clock (neither), as arXiv 2306.17844 has it.
        fourier_clock: fewer effective frequencies in the embedding than in any of 200 random orders
            of its tokens, and Σ_k a_k cos(w_k (c − x − y)) fits 95 % of the logits' variance.
        clock_fit: that share of the centred logits' variance.
    """

    published: bool
    fourier_clock: bool
    clock_fit: float


def baselines(subject: Subject) -> Baselines:
    """Both rules on a network on a cyclic group."""
    logits = subject.run().logits
    is_accurate = accuracy(subject, logits) >= FROZEN.accuracy
    fit = clock_fit(logits, subject.order)
    power = component_power(subject.embeddings, subject.symmetry)
    null = permutation_null(subject.embeddings, subject.symmetry, _ORDERS)
    is_sparse = bool(effective_number(power) < null.min())
    return Baselines(
        published=is_accurate and legacy(subject).label_top_wrong != "none",
        fourier_clock=is_accurate and is_sparse and fit >= CLOCK_FIT,
        clock_fit=fit,
    )


def clock_fit(logits: torch.Tensor, order: int) -> float:
    """Share of the centred logits' variance that an even function of c − x − y explains."""
    errors = by_error(logits, order)
    mean = errors.mean((0, 1))
    even = (mean + mean.flip(0).roll(1)) / 2
    left = (errors - even).square().sum() / errors.square().sum()
    return float(1 - left)
