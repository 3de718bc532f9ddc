"""The logits as a formula: a handful of numbers per circle, compared with the network itself."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from grokscope.explanation.output import (
    Errors,
    differences,
    mean_by_difference,
    waves,
)

_TINY = torch.finfo(torch.float64).tiny


@dataclass(frozen=True, kw_only=True, eq=False)
class Term:
    """One circle's part: coefficient · profile(d) · cos(w_k (c − x − y))."""

    circle: int
    """Frequency of the embedding."""
    k: int
    """Frequency of the logits."""
    profile: Float64[Tensor, " order"]
    coefficient: float = 0.0


class ClosedForm(ABC):
    """A formula for the centred logits."""

    n_parameters: int
    """Fitted numbers."""

    @abstractmethod
    def shifted(self, tokens: int, keep: Sequence[int] | None = None) -> Errors:
        """The formula with the first operand of some circles moved, of all where none is given.

        Nothing but what those circles say is in the answer.
        """

    def errors(self, keep: Sequence[int] | None = None) -> Errors:
        """The formula's centred logits as (x, y, u), of some circles only where given."""
        return self.shifted(0, keep)


@dataclass(frozen=True, kw_only=True, eq=False)
class EquivariantForm(ClosedForm):
    """Terms with fitted coefficients: no class is favoured."""

    order: int
    terms: tuple[Term, ...]
    n_parameters: int

    def shifted(self, tokens: int, keep: Sequence[int] | None = None) -> Errors:
        """Sum of the terms, as functions of d and u."""
        n, shift = self.order, torch.arange(self.order) + tokens
        by_difference = torch.zeros(n, n, dtype=torch.float64)
        for term in self.terms:
            if keep is None or term.circle in keep:
                wave = cosine(n, term.k).roll(tokens)
                by_difference += term.coefficient * torch.outer(term.profile[shift % n], wave)
        return by_difference[differences(n)]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How a closed form stands to the network, not to the right answers."""

    share: float
    """Rows on which both have the same largest logit."""
    variance: float
    """Share of the centred logits' variance that the form explains."""
    gap: float
    """How sure both are where they differ: how far the form puts the network's answer below its
    own, plus how far the network puts the form's below its own, each in standard deviations of its
    logits; the largest over rows. Near ties are small, a row that the network knows by heart is
    not. 0 where they agree on every row."""
    certified: float
    """Share of the differences d whose rows are right because of the form, see `certify`."""


def fit(errors: Errors, terms: Sequence[Term]) -> EquivariantForm:
    """Least squares of A_k(d) on the profiles of the circles that feed each k."""
    n = len(errors)
    profiles = waves(mean_by_difference(errors))[0]
    fitted: list[Term] = []
    for k in sorted({term.k for term in terms}):
        own = [term for term in terms if term.k == k]
        columns = torch.stack([term.profile for term in own], 1)
        target = profiles[:, k - 1 : k]
        coefficients = torch.linalg.lstsq(columns, target, driver="gelsd").solution[:, 0]
        fitted += [
            replace(term, coefficient=float(c)) for term, c in zip(own, coefficients, strict=True)
        ]
    return EquivariantForm(order=n, terms=tuple(fitted), n_parameters=len(fitted))


def compare(errors: Errors, form: ClosedForm) -> Agreement:
    """Agreement of a form with a network's centred logits (x, y, u)."""
    formula = form.errors()
    same = errors.argmax(2) == formula.argmax(2)
    left = (errors - formula).square().sum() / errors.square().sum()
    return Agreement(
        share=float(same.double().mean()),
        variance=float(1 - left),
        gap=_gap(errors, formula),
        certified=float(certify(errors, formula).double().mean()),
    )


def _gap(errors: Errors, formula: Errors) -> float:
    return float((_lead(formula, errors) + _lead(errors, formula)).max())


def _lead(own: Errors, other: Errors) -> Float64[Tensor, "order order"]:
    """How far each row's largest logit is above that of the other's answer."""
    chosen = own.gather(2, other.argmax(2, keepdim=True)).squeeze(2)
    return (own.amax(2) - chosen) / own.std().clamp(min=_TINY)


def certify(errors: Errors, formula: Errors) -> Bool[Tensor, " order"]:
    """Whether the formula's margin outweighs all that it leaves, for each difference d.

    The rows of a difference d are right because of the formula if its smallest margin of the right
    answer over them exceeds twice the largest deviation of any of their logits from the formula.
    """
    n = len(errors)
    margin = formula[:, :, 0] - formula[:, :, 1:].amax(2)
    deviation = (errors - formula).abs().amax(2)
    which = differences(n).flatten()
    smallest = torch.full((n,), math.inf, dtype=torch.float64)
    smallest = smallest.scatter_reduce(0, which, margin.flatten(), "amin")
    largest = torch.zeros(n, dtype=torch.float64)
    largest = largest.scatter_reduce(0, which, deviation.flatten(), "amax")
    return smallest > 2 * largest


def cosine(n: int, k: int) -> Float64[Tensor, " n"]:
    """Compute cos(2πku/n) for u = 0 … n − 1."""
    return ((k * torch.arange(n) % n).double() * (2 * math.pi / n)).cos()
