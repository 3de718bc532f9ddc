"""How strongly a circle speaks up, as a function of the difference of the operands.

A circle's part of the logits is A_k(d) cos(w_k (c − x − y)) with d = x − y. Its shape tells the
algorithms apart (arXiv 2306.17844): a clock's A_k is constant, a pizza's is |cos(w_k (d − d₀)/2)|,
and a second-harmonic companion's is cos(w_k (d − d₀)) without a constant.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor

_ANGLES = 180
_LEAST_BEND = 1e-3


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A profile A_k(d), described.

    Attributes:
        index: ρ₁ = α₁/α₀, first harmonic over constant: 0 for a clock, 2/3 for a pizza, infinite
            for a pure companion.
        offset: d₀ in tokens, in (−n/2k, n/2k]: where a pizza is strongest.
        harmonic_offset: d₀ in tokens of the first harmonic cos(w (d − d₀)), of either sign.
        fraction: m, the pizza's share q/(c + q) in the best fit c + q |cos| with q ≥ 0.
        r2_flat: share of Σ A² that a constant explains.
        r2_pizza: that |cos(w (d − d₀)/2)| explains.
        r2_mixture: that both together explain.
        r2_companion: that cos(w (d − d₀)) explains.
    """

    index: float
    offset: float
    harmonic_offset: float
    fraction: float
    r2_flat: float
    r2_pizza: float
    r2_mixture: float
    r2_companion: float


def describe(profile: Float64[Tensor, " order"], k: int) -> Shape:
    """Fit the closed forms to A_k over all differences d = 0 … n − 1.

    Where A_k is zero everywhere nothing explains it, and every R² is 0.
    """
    n = len(profile)
    turn = _turns(n, k)
    energy = float(profile.square().sum()) or math.inf
    constant, first = float(profile.mean()), first_harmonic(profile, k)
    amplitude = float(first.norm())
    angle, flat_part, pizza_part, r2_mixture = _fit_mixture(profile, turn, energy)
    alone = (turn / 2 - _best_alone(profile, turn)).cos().abs()
    return Shape(
        index=math.copysign(amplitude, constant) / max(abs(constant), 1e-12),
        offset=_wrapped(2 * angle, k, n),
        harmonic_offset=_wrapped(math.atan2(float(first[1]), float(first[0])), k, n),
        fraction=pizza_part / (flat_part + pizza_part) if pizza_part else 0.0,
        r2_flat=constant**2 * n / energy,
        r2_pizza=float((profile @ alone).square() / alone.square().sum() / energy),
        r2_mixture=r2_mixture,
        r2_companion=amplitude**2 * n / 2 / energy,
    )


def first_harmonic(profile: Float64[Tensor, " order"], k: int) -> Float64[Tensor, "2"]:
    """Amplitudes of cos(w_k d) and sin(w_k d) in A_k(d)."""
    turn = _turns(len(profile), k)
    waves = torch.stack([turn.cos(), turn.sin()])
    return 2 / len(profile) * waves @ profile


def _turns(n: int, k: int) -> Float64[Tensor, " n"]:
    return (k * torch.arange(n) % n).double() * (2 * math.pi / n)


def _wrapped(angle: float, k: int, n: int) -> float:
    """An angle of the circle as a number of tokens, the smallest that leads there."""
    angle = math.remainder(angle, 2 * math.pi)
    return angle * n / (2 * math.pi * k)


def _half_angles() -> Float64[Tensor, " angle"]:
    return torch.arange(_ANGLES).double() * (math.pi / _ANGLES)


def _best_alone(profile: Tensor, turn: Tensor) -> float:
    """Half the offset's angle for which |cos| alone explains most."""
    curves = (turn / 2 - _half_angles().unsqueeze(1)).cos().abs()
    explained = (curves @ profile).square() / curves.square().sum(1)
    return _refined(explained)


def _fit_mixture(profile: Tensor, turn: Tensor, energy: float) -> tuple[float, float, float, float]:
    """Half the offset's angle, the constant c, the pizza's q ≥ 0, and what both explain."""
    curves = (turn / 2 - _half_angles().unsqueeze(1)).cos().abs()
    centred = curves - curves.mean(1, keepdim=True)
    # at frequency n/2 there are angles at which |cos| is constant: nothing is left to fit
    length = centred.square().sum(1).clamp(min=_LEAST_BEND * len(profile))
    slope = centred @ profile / length
    explained = torch.where(slope > 0, slope.square() * length, 0.0)
    angle = _refined(explained)
    curve = (turn / 2 - angle).cos().abs()
    centre = curve - curve.mean()
    bend = centre.square().sum().clamp(min=_LEAST_BEND * len(profile))
    q = max(float(centre @ profile / bend), 0.0)
    c = float(profile.mean() - q * curve.mean())
    residual = float((profile - c - q * curve).square().sum())
    return angle, c, q, (float(profile.square().sum()) - residual) / energy


def _refined(explained: Float64[Tensor, " angle"]) -> float:
    """The angle of the largest value, by a parabola through it and its neighbours."""
    best = int(explained.argmax())
    before, here, after = (float(explained[(best + i) % _ANGLES]) for i in (-1, 0, 1))
    bend = before - 2 * here + after
    shift = 0.5 * (before - after) / bend if bend < 0 else 0.0
    return (best + max(-0.5, min(0.5, shift))) * math.pi / _ANGLES
