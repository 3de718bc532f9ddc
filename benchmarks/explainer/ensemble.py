"""Concatenated operands: neurons with independent phases, and their mixture with pizza.

A neuron reads cos(w a + φ_a) + cos(w b + φ_b) and writes cos(w c + φ_a + φ_b) (arXiv 2301.02679,
there with squares). Over independent phases only cos w(a+b−c) is left, with a flat amplitude; where
φ_a = φ_b the amplitude is that of pizza.
"""

import math

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from benchmarks.explainer.circles import Circles, draw_frequencies, drawn_circles, flat, prime
from benchmarks.explainer.draws import choice, number, phase_pairs, spread_phases
from benchmarks.explainer.mlp_weights import mlp_of, mlp_params
from benchmarks.explainer.network import Planted, modular_sum
from benchmarks.explainer.neurons import Neurons, joined, unbiased
from benchmarks.explainer.pizza import HARMONIC

SIDES = (9, 10, 11)
"""Side of the grid of phase pairs; its square is the number of one circle's neurons."""
MOST_ALIGNED, LEAST_ALIGNED = 0.65, 0.35

COSETS = {12: (4, 3), 30: (15, 10, 6), 60: (20, 15, 12)}
"""Composite moduli and frequencies of coprime orders, whose cosets fix a residue (CRT)."""


def ensemble(stream: Generator) -> Planted:
    """Independent phases in every circle."""
    p = prime(stream)
    circles = drawn_circles(stream, p, draw_frequencies(stream, p, flat))
    pairs = [phase_pairs(stream, choice(stream, SIDES)) for _ in circles.frequencies]
    return _concatenated(stream, "ensemble", circles, pairs)


def small_ensemble(stream: Generator, p: int, n_circles: int, side: int) -> Planted:
    """An ensemble of given sizes, so that several fit into one stack."""
    circles = drawn_circles(stream, p, draw_frequencies(stream, p, flat, n_circles))
    pairs = [phase_pairs(stream, side) for _ in circles.frequencies]
    return _concatenated(stream, "ensemble", circles, pairs)


def mixture(stream: Generator) -> Planted:
    """In every circle some neurons are aligned and the others are not."""
    p = prime(stream)
    circles = drawn_circles(stream, p, draw_frequencies(stream, p, flat))
    pairs: list[Tensor] = []
    fractions: dict[int, float] = {}
    for k in circles.frequencies:
        free = phase_pairs(stream, choice(stream, SIDES))
        share = number(stream, LEAST_ALIGNED, MOST_ALIGNED)
        aligned = spread_phases(stream, round(len(free) * share / (1 - share)))
        pairs.append(torch.cat([free, aligned.unsqueeze(1).expand(-1, 2)]))
        fractions[k] = len(aligned) / len(pairs[-1])
    return _concatenated(stream, "mixture", circles, pairs, fractions)


def coset(stream: Generator) -> Planted:
    """A composite modulus: each circle has few points, and its neurons are constant on cosets.

    So few points average nothing out, and the phases lie on an even grid.
    The Chinese remainder theorem, exactly (arXiv 2505.18266 calls it that where it is approximate).
    """
    p = choice(stream, (12, 30, 60, 60))
    units = {k: [k * m for m in range(1, p // k) if _same_order(m, p // k)] for k in COSETS[p]}
    drawn = tuple(choice(stream, [k for k in of if k <= p // 2]) for of in units.values())
    circles = drawn_circles(stream, p, drawn)
    pairs = [phase_pairs(stream, choice(stream, SIDES), jitter=0) for _ in drawn]
    return _concatenated(stream, "coset", circles, pairs)


def _same_order(multiple: int, order: int) -> bool:
    return math.gcd(multiple, order) == 1


def _concatenated(
    stream: Generator,
    label: str,
    circles: Circles,
    pairs: list[Float[Tensor, "neuron slot"]],
    fractions: dict[int, float] | None = None,
) -> Planted:
    layer = joined([_neurons(circles, i, phases) for i, phases in enumerate(pairs)])
    params = mlp_params(stream, circles.table(), [layer], circles.answers())
    return Planted(
        label=label,
        model=mlp_of(params),
        params=params,
        task=modular_sum(circles.p),
        circles=dict.fromkeys(circles.frequencies, label),
        fractions=fractions or {},
    )


def _neurons(circles: Circles, i: int, phases: Float[Tensor, "neuron slot"]) -> Neurons:
    first, second = phases.unbind(1)
    gain = 1 / (HARMONIC * len(phases))
    reads = torch.cat([circles.reads(i, first), circles.reads(i, second)])
    return unbiased(reads, gain * circles.writes(i, first + second))
