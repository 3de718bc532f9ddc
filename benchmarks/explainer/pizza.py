"""Pizza: |cos(w_k(a−b)/2)| cos w_k(a+b−c) from a sum of circles and ReLU (arXiv 2306.17844).

A neuron reads cos(w a + φ) + cos(w b + φ) = 2 cos(w(a−b)/2) cos(w(a+b)/2 + φ). The second harmonic
of its ReLU is (4/3π) |cos(w(a−b)/2)| cos(w(a+b) + 2φ), which an output cos(w c + 2φ) picks out of a
sum over φ (arXiv 2412.03773 reads the sum as an integral).
"""

import math

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from benchmarks.explainer.circles import (
    Circles,
    circle,
    draw_frequencies,
    drawn_circles,
    flat,
    folded,
    halved,
    prime,
    turned,
)
from benchmarks.explainer.draws import TURN, choice, spread_phases, uniform
from benchmarks.explainer.mlp_weights import mlp_of, mlp_params
from benchmarks.explainer.network import Planted, modular_sum
from benchmarks.explainer.neurons import Neurons, joined, linear_pairs, unbiased

PHASES = (15, 17, 19)
"""Neurons of one circle; odd, so that the next harmonic that the sum picks up is the 28th or so."""
HARMONIC = 2 / (3 * math.pi)
"""Amplitude of cos 2x in ReLU(cos x)."""
CANCELLING = 4 / (3 * math.pi)
"""Amplitude of cos x in |cos(x/2)|, whose mean is 2/π."""


def pizza(stream: Generator) -> Planted:
    """The plain kind: every circle pizza."""
    circles = pizza_circles(stream)
    layer = joined([pizza_neurons(circles, i, stream) for i in range(len(circles))])
    return _sum_mlp(stream, circles, layer, dict.fromkeys(circles.frequencies, "pizza"))


def pizza_circles(stream: Generator) -> Circles:
    """Circles whose |cos| profiles leave no distance a−b without an answer."""
    p = prime(stream)
    return drawn_circles(stream, p, draw_frequencies(stream, p, halved))


def pizza_neurons(circles: Circles, i: int, stream: Generator) -> Neurons:
    """Neurons that write |cos(w(a−b)/2)| · (cos w(a+b), sin w(a+b)) to answer circle i."""
    phases = spread_phases(stream, choice(stream, PHASES))
    gain = 1 / (HARMONIC * len(phases))
    return unbiased(circles.reads(i, phases), gain * circles.writes(i, 2 * phases))


def pizza_offset(stream: Generator) -> Planted:
    """Tokens of their own for a and b, whose circles start α and β apart.

    The neurons then see |cos((w(a−b) + α−β)/2)| and cos(w(a+b) + α+β): the answer circle is turned
    by α+β, and d0 = (β−α)/w tokens, which is defined up to the period p/k.
    """
    circles = pizza_circles(stream)
    alpha, beta = uniform(stream, 0, TURN, 2, len(circles))
    embedding = torch.cat([_turned_table(circles, angles) for angles in (alpha, beta)])
    layer = joined([pizza_neurons(circles, i, stream) for i in range(len(circles))])
    answers = _turned_answers(circles, alpha + beta)
    params = mlp_params(stream, embedding, [layer], answers)
    return Planted(
        label="pizza-offset",
        model=mlp_of(params, separate_vocab=True),
        params=params,
        task=modular_sum(circles.p),
        circles=dict.fromkeys(circles.frequencies, "pizza"),
        offsets=_offsets(circles, beta - alpha),
    )


def companion(stream: Generator) -> Planted:
    """Pizza and, at twice each frequency, a circle that goes through linearly.

    It writes −c cos w(a−b) · (cos w(a+b), sin w(a+b)), with c near 4/3π: where that is cancelled,
    the logits' amplitude is nearly flat.
    """
    circles, n = companion_circles(stream)
    blocks = [pizza_neurons(circles, i, stream) for i in range(n)]
    strengths = uniform(stream, 0.85, 1.1, n).tolist()
    blocks += [companion_neurons(circles, i, c, stream) for i, c in enumerate(strengths)]
    labels = ["pizza"] * n + ["companion"] * n
    return _sum_mlp(
        stream,
        circles,
        joined(blocks),
        dict(zip(circles.frequencies, labels, strict=True)),
        "companion",
    )


def companion_circles(stream: Generator, least: int = 4) -> tuple[Circles, int]:
    """Circles for pizza, then as many at twice their frequencies; and the number of the first."""
    p = prime(stream)
    base = draw_frequencies(stream, p, flat, least, apart=True)
    doubles = tuple(folded(2 * k, p) for k in base)
    return drawn_circles(stream, p, base + doubles), len(base)


def companion_neurons(circles: Circles, i: int, strength: float, stream: Generator) -> Neurons:
    """Pairs that read cos(2w a + ψ) + cos(2w b + ψ) and write −c cos(w c + ψ) / their number.

    c is `strength` times what cancels; the companion is in the second half of the circles.
    Where 2k was folded to p − 2k its angle runs backwards: the phase that is read changes sign.
    """
    phases = spread_phases(stream, choice(stream, (3, 5)))
    backwards = 2 * circles.frequencies[i] > circles.p // 2
    reads = circles.reads(len(circles) // 2 + i, -phases if backwards else phases)
    # the sum over ψ leaves half, and 2 cos w(a−b) cos(w(a+b) + ψ) has a 2
    each = strength * CANCELLING / len(phases)
    return linear_pairs(reads, -each * circles.writes(i, phases))


def line(stream: Generator) -> Planted:
    """Pizza with one degenerate circle, of which the embedding has cos(w a + φ) alone.

    Its neurons write |cos(w a + φ) + cos(w b + φ)| to the output cos(w c + 2φ), less its mean: half
    of the second harmonic is pizza, the rest answers a+b+c and is kept too weak to do harm.
    """
    p = prime(stream)
    rest = draw_frequencies(stream, p, halved)
    spare = [k for k in range(1, (p + 1) // 2) if k not in rest]
    circles = drawn_circles(stream, p, (choice(stream, spare), *rest))
    angle = uniform(stream, 0, TURN, 1)
    table = circles.table()
    across = turned(table[:, :2], angle)[:, 0]
    # the point on the line through the circle's centre at −φ
    table[:, 0], table[:, 1] = across * angle.cos(), -across * angle.sin()
    blocks = [pizza_neurons(circles, i, stream) for i in range(1, len(circles))]
    layer = joined([*blocks, _line_neurons(circles, angle, stream)])
    labels = dict.fromkeys(circles.frequencies, "pizza") | {circles.frequencies[0]: "line"}
    return _sum_mlp(stream, circles, layer, labels, "line", table)


LINE_AMPLITUDE = 0.3
"""Of the line's pizza part, where that of a circle is 1."""


def _line_neurons(circles: Circles, angle: Float[Tensor, " 1"], stream: Generator) -> Neurons:
    """Pairs ReLU(x) + ReLU(−x) = |x| and a constant neuron that takes off the mean, 8/π²."""
    gains = uniform(stream, 0.6, 1.4, 5)
    reads = circles.reads(0, angle) * gains
    strength = LINE_AMPLITUDE / CANCELLING
    writes = strength * circles.writes(0, 2 * angle)
    pairs = (writes / gains.sum()).repeat(5, 1)
    constant = Neurons(
        reads=reads.new_zeros(len(reads), 1),
        writes=-8 / math.pi**2 * writes,
        bias=reads.new_ones(1),
    )
    return joined([unbiased(torch.cat([reads, -reads], 1), torch.cat([pairs, pairs])), constant])


def _sum_mlp(
    stream: Generator,
    circles: Circles,
    layer: Neurons,
    labels: dict[int, str],
    label: str = "pizza",
    table: Float[Tensor, "p coordinate"] | None = None,
) -> Planted:
    embedding = circles.table() if table is None else table
    params = mlp_params(stream, embedding, [layer], circles.answers())
    return Planted(
        label=label,
        model=mlp_of(params),
        params=params,
        task=modular_sum(circles.p),
        circles=labels,
    )


def _turned_table(circles: Circles, angles: Float[Tensor, " circle"]) -> Float[Tensor, "p 2n"]:
    pairs = circles.table().unflatten(1, (-1, 2)).unbind(1)
    return torch.cat([turned(each, angle) for each, angle in zip(pairs, angles, strict=True)], 1)


def _turned_answers(circles: Circles, angles: Float[Tensor, " circle"]) -> Float[Tensor, "2n p"]:
    each = [
        amplitude * turned(circle(circles.p, k), angle)
        for k, amplitude, angle in zip(circles.frequencies, circles.amplitudes, angles, strict=True)
    ]
    return torch.cat(each, 1).T


def _offsets(circles: Circles, angles: Float[Tensor, " circle"]) -> dict[int, float]:
    """The angles as tokens, in [0, p/k)."""
    return {
        k: float(angle) % TURN * circles.p / (TURN * k)
        for k, angle in zip(circles.frequencies, angles, strict=True)
    }
