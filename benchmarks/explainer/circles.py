"""Circles: operands as angles, E_a = r · (cos w_k a, sin w_k a), w_k = 2πk/p (arXiv 2306.17844).

Circle number i takes the coordinates 2i and 2i + 1.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from benchmarks.explainer.draws import TURN, choice, order, uniform

PRIMES = (47, 53, 59)
TIGHTEST = 0.2
"""Smallest margin of the formula that frequencies may give, in mean amplitudes of all circles."""
DRAWS = 60
"""Sets of frequencies that are tried before there is one more frequency."""

Profile = Callable[[Float[Tensor, "..."]], Float[Tensor, "..."]]
"""A circle's amplitude A(d) as a function of its angle w_k d."""


def circle(p: int, frequency: int) -> Float[Tensor, "p 2"]:
    """(cos w_k x, sin w_k x) for every residue x."""
    angle = TURN * frequency * torch.arange(p, dtype=torch.float64) / p
    return torch.stack([angle.cos(), angle.sin()], 1)


def turned(points: Float[Tensor, "n 2"], angle: Float[Tensor, ""] | float) -> Float[Tensor, "n 2"]:
    """Points of the plane, turned: (cos x, sin x) becomes (cos(x + angle), sin(x + angle))."""
    angle = torch.as_tensor(angle, dtype=points.dtype)
    cos, sin = angle.cos(), angle.sin()
    return torch.stack(
        [cos * points[:, 0] - sin * points[:, 1], sin * points[:, 0] + cos * points[:, 1]], 1
    )


@dataclass(frozen=True, kw_only=True)
class Circles:
    """The circles of one embedding, their radii, and their amplitudes in the logits."""

    p: int
    frequencies: tuple[int, ...]
    radii: Float[Tensor, " circle"]
    amplitudes: Float[Tensor, " circle"]

    def __len__(self) -> int:
        """How many circles."""
        return len(self.frequencies)

    def table(self) -> Float[Tensor, "p coordinate"]:
        """Every token's point on every circle."""
        each = [r * circle(self.p, k) for k, r in zip(self.frequencies, self.radii, strict=True)]
        return torch.cat(each, 1)

    def reads(self, i: int, phases: Float[Tensor, " n"]) -> Float[Tensor, "coordinate n"]:
        """Directions along which token x has the coordinates cos(w_k x + phase)."""
        reads = torch.zeros(2 * len(self), len(phases), dtype=torch.float64)
        reads[2 * i] = phases.cos() / self.radii[i]
        reads[2 * i + 1] = -phases.sin() / self.radii[i]
        return reads

    def writes(self, i: int, phases: Float[Tensor, " n"]) -> Float[Tensor, "n coordinate"]:
        """Points of answer circle i whose logit at c is cos(w_k c + phase)."""
        writes = torch.zeros(len(phases), 2 * len(self), dtype=torch.float64)
        writes[:, 2 * i], writes[:, 2 * i + 1] = phases.cos(), -phases.sin()
        return writes

    def answers(self) -> Float[Tensor, "coordinate p"]:
        """Logits of the answer circles' coordinates: amplitude · (cos w_k c, sin w_k c)."""
        pairs = zip(self.frequencies, self.amplitudes, strict=True)
        return torch.cat([amplitude * circle(self.p, k) for k, amplitude in pairs], 1).T


def drawn_circles(stream: Generator, p: int, frequencies: tuple[int, ...]) -> Circles:
    """Circles of these frequencies with radii and amplitudes that differ a little."""
    n = len(frequencies)
    return Circles(
        p=p,
        frequencies=frequencies,
        radii=uniform(stream, 0.8, 1.25, n),
        amplitudes=uniform(stream, 0.85, 1.2, n),
    )


def prime(stream: Generator) -> int:
    """The modulus of a network."""
    return choice(stream, PRIMES)


def folded(frequency: int, p: int) -> int:
    """The frequency in 0 … p/2 with the same circle."""
    return min(frequency % p, -frequency % p)


def draw_frequencies(
    stream: Generator, p: int, profile: Profile, least: int = 4, apart: bool = False
) -> tuple[int, ...]:
    """A random set of frequencies, as small as gives the formula Σ A_k(d) cos w_k(a+b−c) a margin.

    `apart`: no frequency is the double of another.
    """
    highest = (p - 1) // 2
    for n in range(least, highest):
        for _ in range(DRAWS):
            drawn = tuple(int(k) + 1 for k in order(stream, highest)[:n])
            collides = apart and {folded(2 * k, p) for k in drawn} & set(drawn)
            if not collides and formula_margin(p, drawn, profile) > TIGHTEST:
                return drawn
    raise ValueError(f"no set of frequencies gives a margin at p = {p}")


def formula_margin(p: int, frequencies: tuple[int, ...], profile: Profile) -> float:
    """Least Σ_k A_k(d) (1 − cos w_k j) over d and j ≠ 0, over the sum of the mean amplitudes."""
    angle = TURN * torch.tensor(frequencies).unsqueeze(1) * torch.arange(p) / p
    amplitude = profile(angle)
    margins = amplitude.T @ (1 - angle[:, 1:].cos())
    return float(margins.min() / amplitude.mean(1).sum())


def flat(angle: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The profile of clock and ensemble: 1."""
    return torch.ones_like(angle)


def halved(angle: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The profile of pizza: |cos(w_k d/2)|."""
    return (angle / 2).cos().abs()
