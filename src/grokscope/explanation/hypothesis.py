"""Algorithms that a circle may be part of, each with a closed form.

A hypothesis says by which features a circle is recognised, what the first layer's neurons make of
it, and what the logits are. Both forms are written back into the network before anything is called
explained. Sources: clock, pizza and accompanying circle arXiv 2306.17844; independent phases arXiv
2301.02679 and 2505.18266; exact cosets arXiv 2312.06581.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float64
from torch import Tensor

from grokscope.explanation.circle import Circle, Role
from grokscope.explanation.form import Terms
from grokscope.explanation.thresholds import Bands

Profile = Float64[Tensor, " order"]


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """What limits the algorithms that a network can run."""

    order: int
    can_multiply: bool
    """Whether something before the first neurons can multiply the operands."""


class Hypothesis(ABC):
    """One algorithm."""

    name: ClassVar[str]
    singular: ClassVar[str]
    plural: ClassVar[str]

    @abstractmethod
    def fits(self, circle: Circle, role: Role, architecture: Architecture, bands: Bands) -> bool:
        """Whether the circle looks like it, and the architecture can implement it."""

    @abstractmethod
    def profiles(self, role: Role, order: int) -> list[Profile]:
        """Functions of d whose span holds A_k(d)."""

    def terms(self, circle: Circle, bands: Bands) -> Terms:
        """What the pre-activations of the first layer hold of it."""
        if circle.attention > bands.multiplied:
            return Terms.SQUARED
        return Terms.ALIGNED if circle.one_phase >= bands.same_phase else Terms.FIRST


class Coset(Hypothesis):
    """A frequency that sees its operands modulo a small number only, `Bands.quotient` at most.

    It is constant on the cosets of a subgroup, exactly; few differences are left to have a shape.
    """

    name = "coset"
    singular = "coset circle"
    plural = "coset circles"

    def fits(self, circle: Circle, role: Role, architecture: Architecture, bands: Bands) -> bool:
        """A common divisor, and a profile between the flat one and the pizza."""
        quotient = architecture.order // math.gcd(circle.frequency, architecture.order)
        is_small = quotient <= min(bands.quotient, architecture.order - 1)
        looks = role.shape.r2_mixture >= bands.r2 or role.shape.r2_companion >= bands.r2
        return role.k == circle.frequency and is_small and looks

    def profiles(self, role: Role, order: int) -> list[Profile]:
        """A constant, |cos|, and a first harmonic."""
        return [_flat(order), _pizza(role, order), *_harmonic(role, order)]


class Companion(Hypothesis):
    """A circle at 2k that adds −cos(w_k d) cos(w_k (c − s)): it evens out a pizza's |cos|."""

    name = "companion"
    singular = "second-harmonic companion"
    plural = "second-harmonic companions"

    def fits(self, circle: Circle, role: Role, architecture: Architecture, bands: Bands) -> bool:
        """It feeds half its own frequency, without a constant."""
        return _is_companion(circle, role, architecture, bands)

    def profiles(self, role: Role, order: int) -> list[Profile]:
        """First harmonic of d, cosine and sine."""
        return _harmonic(role, order)


class Line(Hypothesis):
    """A circle that has collapsed to a line: one of cosine and sine is (nearly) missing."""

    name = "line"
    singular = "degenerate line"
    plural = "degenerate lines"

    def fits(self, circle: Circle, role: Role, architecture: Architecture, bands: Bands) -> bool:
        """The embedding has one direction at this frequency."""
        return role.k == circle.frequency and circle.ellipticity < bands.line

    def profiles(self, role: Role, order: int) -> list[Profile]:
        """A constant and |cos|."""
        return [_flat(order), _pizza(role, order)]


class Pizza(Hypothesis):
    """Neurons hear both operands with one phase, so that the answer fades with |cos(w d/2)|."""

    name = "pizza"
    singular = "pizza"
    plural = "pizzas"

    def fits(self, circle: Circle, role: Role, architecture: Architecture, bands: Bands) -> bool:
        """Shape index near 2/3, the |cos| profile, and no use of products."""
        low, high = bands.pizza
        shape, is_own = role.shape, role.k == circle.frequency
        looks = is_own and low <= shape.index <= high and shape.r2_pizza >= bands.pizza_r2
        return looks and circle.attention <= bands.unmultiplied

    def profiles(self, role: Role, order: int) -> list[Profile]:
        """|cos(w (d − d₀)/2)|."""
        return [_pizza(role, order)]


class Clock(Hypothesis):
    """The operands' rotations are multiplied before the neurons: the angle x + y itself."""

    name = "clock"
    singular = "clock"
    plural = "clocks"

    def fits(self, circle: Circle, role: Role, architecture: Architecture, bands: Bands) -> bool:
        """A flat profile, aligned phases, and attention that multiplies."""
        multiplies = architecture.can_multiply and circle.attention > bands.multiplied
        return _is_flat(circle, role, bands) and multiplies and circle.alignment >= bands.aligned

    def profiles(self, role: Role, order: int) -> list[Profile]:
        """A constant."""
        return [_flat(order)]

    def terms(self, circle: Circle, bands: Bands) -> Terms:
        """Products of the operands' waves."""
        return Terms.SQUARED


class Ensemble(Hypothesis):
    """Neurons hear the operands with independent phases; the sum over them is a flat profile."""

    name = "ensemble"
    singular = "independent-phase ensemble"
    plural = "independent-phase ensembles"

    def fits(self, circle: Circle, role: Role, architecture: Architecture, bands: Bands) -> bool:
        """A flat profile without aligned phases."""
        return _is_flat(circle, role, bands) and circle.alignment < bands.aligned

    def profiles(self, role: Role, order: int) -> list[Profile]:
        """A constant."""
        return [_flat(order)]

    def terms(self, circle: Circle, bands: Bands) -> Terms:
        """Each operand with a phase of its own."""
        return Terms.FIRST


class Mixture(Hypothesis):
    """Between the flat profile and the pizza, with the pizza's fraction."""

    name = "mixture"
    singular = "mixture"
    plural = "mixtures"

    def fits(self, circle: Circle, role: Role, architecture: Architecture, bands: Bands) -> bool:
        """A constant and |cos| together explain the profile, at least one of them by products."""
        high = bands.pizza[1] if circle.attention > bands.unmultiplied else bands.pizza[0]
        return _is_between(circle, role, bands) and bands.flat < role.shape.index < high

    def profiles(self, role: Role, order: int) -> list[Profile]:
        """A constant and |cos|."""
        return [_flat(order), _pizza(role, order)]


HYPOTHESES: dict[str, Hypothesis] = {
    hypothesis.name: hypothesis
    for hypothesis in (Companion(), Coset(), Line(), Pizza(), Clock(), Ensemble(), Mixture())
}
"""In the order in which they are tried; the first that fits names the circle."""


def recognise(
    circle: Circle, role: Role, architecture: Architecture, bands: Bands
) -> Hypothesis | None:
    """The hypothesis that fits a circle in one of its roles."""
    found: Sequence[Hypothesis] = [
        h for h in HYPOTHESES.values() if h.fits(circle, role, architecture, bands)
    ]
    return found[0] if found else None


def _is_flat(circle: Circle, role: Role, bands: Bands) -> bool:
    shape = role.shape
    return (
        role.k == circle.frequency and abs(shape.index) <= bands.flat and shape.r2_flat >= bands.r2
    )


def _is_between(circle: Circle, role: Role, bands: Bands) -> bool:
    return role.k == circle.frequency and role.shape.r2_mixture >= bands.r2


def _is_companion(circle: Circle, role: Role, architecture: Architecture, bands: Bands) -> bool:
    doubled = 2 * role.k % architecture.order
    halves = circle.frequency in (doubled, architecture.order - doubled)
    return role.k != circle.frequency and halves and role.shape.r2_companion >= bands.companion_r2


def _flat(order: int) -> Profile:
    return torch.ones(order, dtype=torch.float64)


def _pizza(role: Role, order: int) -> Profile:
    turn = 2 * math.pi * role.k / order * (torch.arange(order).double() - role.shape.offset)
    return (turn / 2).cos().abs()


def _harmonic(role: Role, order: int) -> list[Profile]:
    turn = (role.k * torch.arange(order) % order).double() * (2 * math.pi / order)
    return [turn.cos(), turn.sin()]
