"""The logits of a network whose read-out favours some answers: features that every class weighs.

A neuron that hears both operands with one phase is 2 cos(w d/2) cos(w s/2 + φ) before a ReLU and
|cos(w d/2)| (1/π + ½ cos(w s/2 + φ) ± (2/3π) cos(w s + 2φ) ∓ (2/15π) cos(2 w s + 4φ) …) behind it:
the circle's profile P(d), alone and times the waves of s at w and 2w (the term in w s/2 is linear
in the embeddings). A read-out that is a circle too keeps the waves of s at w and turns them into
cos(w (c − s)). One that is not, as in narrow and in deep networks, weighs every feature by class.
What no class is favoured in is fitted first, so that each circle is credited with its own part.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor

from grokscope.explanation.closed_form import ClosedForm, EquivariantForm, Term
from grokscope.explanation.output import Errors, differences, sums

_OWN_HARMONICS = (0, 1, 2)
_RIDGE = 1e-3
"""Keeps features that are nearly one another's sum from large weights that cancel."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Feature:
    """P(d) times a wave of s: cos or sin of m w_k s."""

    circle: int
    """Frequency of the embedding."""
    profile: Float64[Tensor, " order"]
    frequency: int
    """m k, 0 for no wave."""
    is_sine: bool = False

    def table(self, tokens: int) -> Float64[Tensor, "order order"]:
        """Values as (x, y), with the first operand larger by some tokens."""
        n = len(self.profile)
        turn = (self.frequency * (sums(n) + tokens) % n).double() * (2 * math.pi / n)
        wave = turn.sin() if self.is_sine else turn.cos()
        return self.profile[(differences(n) + tokens) % n] * wave


@dataclass(frozen=True, kw_only=True, eq=False)
class ReadOutForm(ClosedForm):
    """An equivariant form, and what each class gets of the features beside it."""

    equivariant: EquivariantForm
    features: tuple[Feature, ...]
    weights: Float64[Tensor, "feature order"]
    """Centred over the classes."""
    bias: Float64[Tensor, " order"]
    n_parameters: int
    """Those of the equivariant form, a weight for each feature and class, and the bias."""

    def shifted(self, tokens: int, keep: Sequence[int] | None = None) -> Errors:
        """The bias belongs to no circle, so that it is there only with all of them."""
        n = len(self.bias)
        logits = (
            self.bias.expand(n, n, n) if keep is None else torch.zeros(n, n, n, dtype=torch.float64)
        )
        chosen = [i for i, f in enumerate(self.features) if keep is None or f.circle in keep]
        if chosen:
            tables = torch.stack([self.features[i].table(tokens) for i in chosen], 2)
            logits = logits + tables @ self.weights[chosen]
        return self.equivariant.shifted(tokens, keep) + logits.gather(2, _answers(n))


def fit_readout(errors: Errors, equivariant: EquivariantForm) -> ReadOutForm:
    """Ridge regression of what the equivariant form leaves, class by class, on its features.

    The penalty is a thousandth of what a feature of size 1 in every row weighs.
    """
    n, left = len(errors), errors - equivariant.errors()
    features = tuple(_features(equivariant.terms))
    logits = torch.zeros_like(errors).scatter(2, _answers(n), left).flatten(0, 1)
    columns = torch.stack([torch.ones(n, n).double(), *(f.table(0) for f in features)], 2)
    columns = columns.flatten(0, 1)
    penalty = _RIDGE * n * n * torch.eye(columns.shape[1], dtype=torch.float64)
    weights = torch.linalg.solve(columns.T @ columns + penalty, columns.T @ logits)
    return ReadOutForm(
        equivariant=equivariant,
        features=features,
        weights=weights[1:],
        bias=weights[0],
        n_parameters=equivariant.n_parameters + weights.numel(),
    )


def _features(terms: Sequence[Term]) -> Iterator[Feature]:
    """What neurons make of a circle at its own frequency; of others their wave of s alone."""
    for term in terms:
        is_flat = bool((term.profile == term.profile[0]).all())  # without a wave it is the bias
        for m in _OWN_HARMONICS[is_flat:] if term.k == term.circle else (1,):
            for is_sine in (False, True) if m else (False,):
                yield Feature(
                    circle=term.circle,
                    profile=term.profile,
                    frequency=m * term.k,
                    is_sine=is_sine,
                )


def _answers(n: int) -> Tensor:
    """The class c = s + u as (x, y, u)."""
    return (sums(n).unsqueeze(2) + torch.arange(n)) % n
