"""The frequencies that a network computes with, found by taking them away."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from grokscope.explanation.subject import Edit, Subject, accuracy, cross_entropy
from grokscope.explanation.symmetry import Symmetry
from grokscope.explanation.thresholds import Thresholds

LEAST_POWER = 0.01
"""Components with a hundredth of the embedding's energy are looked at, needed or not."""


def find_keys(
    subject: Subject, power: Float64[Tensor, " component"], thresholds: Thresholds
) -> list[int]:
    """The strongest components that suffice and whose absence leaves chance, the strongest first.

    All with a hundredth of the power, and as many more as it takes. Where nothing less than every
    component does, it is every component.
    """
    order = power.argsort(descending=True).tolist()
    names = [subject.symmetry.components[i].key for i in order]
    visible = sum(power[i] >= LEAST_POWER for i in order)
    for count in range(max(visible, 1), len(names)):
        if _suffice(subject, names[:count], thresholds) and _are_needed(
            subject, names[:count], thresholds
        ):
            return names[:count]
    return names


def only(subject: Subject, keys: Sequence[int]) -> Edit:
    """The embedding with its mean and these components alone."""
    return Edit(embeddings=subject.symmetry.keep(subject.embeddings, list(keys)))


def without(subject: Subject, keys: Sequence[int]) -> Edit:
    """The embedding with these components at their mean."""
    return only(subject, others(subject.symmetry, keys))


def without_at_full_norm(subject: Subject, keys: Sequence[int]) -> Edit:
    """The same, what is left scaled to the norm of the whole around its mean."""
    tables = subject.embeddings
    mean = tables.mean(1, keepdim=True)
    left = subject.symmetry.keep(tables, others(subject.symmetry, keys)) - mean
    norm = (tables - mean).norm(dim=(1, 2), keepdim=True)
    return Edit(
        embeddings=mean + left * norm / left.norm(dim=(1, 2), keepdim=True).clamp(min=1e-30)
    )


def resampled(subject: Subject, keys: Sequence[int], seed: int) -> Edit:
    """Each token's part in these components swapped for another token's, at random."""
    stream = torch.Generator().manual_seed(seed)
    tables = subject.embeddings
    part = subject.symmetry.keep(tables, list(keys)) - tables.mean(1, keepdim=True)
    swapped = torch.stack([table[torch.randperm(len(table), generator=stream)] for table in part])
    return Edit(embeddings=tables - part + swapped)


def others(symmetry: Symmetry, keys: Sequence[int]) -> list[int]:
    """All components but these."""
    return [component.key for component in symmetry.components if component.key not in keys]


def is_chance(subject: Subject, logits: Float[Tensor, "row n_outputs"], limit: float) -> bool:
    """Accuracy of at most `limit`/n, and a cross-entropy of at least half that of guessing."""
    n = subject.order
    at_chance = accuracy(subject, logits) <= limit / n
    return at_chance and cross_entropy(subject, logits) >= 0.5 * math.log(n)


def _suffice(subject: Subject, keys: Sequence[int], thresholds: Thresholds) -> bool:
    return accuracy(subject, subject.run(only(subject, keys)).logits) >= thresholds.grade_a


def _are_needed(subject: Subject, keys: Sequence[int], thresholds: Thresholds) -> bool:
    gone = subject.run(without(subject, keys)).logits
    if not is_chance(subject, gone, thresholds.chance):
        return False
    louder = subject.run(without_at_full_norm(subject, keys)).logits
    return accuracy(subject, louder) <= thresholds.chance / subject.order
