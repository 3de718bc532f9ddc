"""Transformers of two tokens: multiplication in attention (clock), and its absence (pizza).

Clock, after arXiv 2301.05217 and 2306.17844. Head h = 0, 1, 2 of circle k asks with b's circle,
cos(w b + 2πh/3), for a constant in the key, +1 at a's position and −1 at b's. Its pattern at a is
½ + ½ tanh(κ/2 cos(w b + 2πh/3)) ≈ ½ + η cos(w b + 2πh/3), and its value is the circle itself:

    z_h = v_b + pattern_h · (v_a − v_b),    v_x = exp(i w x)

    Σ_h (2/3) exp(−2πih/3) z_h = η (exp(iw(a+b)) − exp(2iwb))       products: second order
    Σ_h (1/3) z_h              = ½ (v_a + v_b)                      first order

Three heads, because the first-order terms of two cannot be told from their products. Neurons read
both sums in random mixtures, first order larger; together they are linear and leave the products.
The square of b comes with them, since b looks at itself; neurons of b alone take it off by the
second harmonic of their ReLU.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from benchmarks.explainer.circles import Circles, draw_frequencies, drawn_circles, flat, prime
from benchmarks.explainer.draws import TURN, normal, number, rotation, spread_phases
from benchmarks.explainer.network import Planted, modular_sum
from benchmarks.explainer.neurons import Neurons, disguised, joined, linear_pairs, unbiased
from benchmarks.explainer.pizza import HARMONIC, pizza_circles, pizza_neurons
from grokscope.models import OneLayerTransformer, Parameters

MIXTURES = 6
"""Pairs of neurons that read one circle's products."""
FIRST_ORDER = 2.0
"""Weight of the first-order terms in what these neurons read; the products have 1."""
PHASE_HEADS = 3
PLAIN_HEADS = 4


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Residual coordinates by what they hold, each block as wide as the circles."""

    circles: Circles
    n_heads: int
    n_blocks: int

    @property
    def width(self) -> int:
        """Coordinates of one block."""
        return 2 * len(self.circles)

    @property
    def d_model(self) -> int:
        """All blocks and the position, rounded up to whole heads."""
        return -(-(self.n_blocks * self.width + 1) // self.n_heads) * self.n_heads

    @property
    def d_head(self) -> int:
        """Width of one head."""
        return self.d_model // self.n_heads

    def zeros(self, *shape: int) -> Float[Tensor, "..."]:
        """An empty weight."""
        return torch.zeros(*shape, dtype=torch.float64)

    def placed(self, rows: Float[Tensor, "width n"], block: int) -> Float[Tensor, "d_model n"]:
        """Reads (or transposed writes) of one block as reads of the residual stream."""
        all_rows = self.zeros(self.d_model, rows.shape[1])
        all_rows[block * self.width : (block + 1) * self.width] = rows
        return all_rows


EMBEDDED, PRODUCTS, ANSWERS, SUMS = range(4)


def clock(stream: Generator) -> Planted:
    """Multiplication in attention at attention rate 1."""
    p = prime(stream)
    circles = drawn_circles(stream, p, draw_frequencies(stream, p, flat))
    plan = Plan(circles=circles, n_heads=PHASE_HEADS * len(circles), n_blocks=4)
    heads = _clock_heads(plan, number(stream, 1.0, 2.0))
    blocks = [_product_neurons(plan, i, stream) for i in range(len(circles))]
    blocks += [_square_neurons(plan, i, stream) for i in range(len(circles))]
    return _transformer(stream, "clock", plan, heads, joined(blocks))


def pizza_transformer(stream: Generator) -> Planted:
    """Pizza after attention that adds up both positions, at attention rate 0."""
    circles = pizza_circles(stream)
    plan = Plan(circles=circles, n_heads=PLAIN_HEADS, n_blocks=3)
    plain = joined([pizza_neurons(circles, i, stream) for i in range(len(circles))])
    layer = unbiased(plan.placed(plain.reads, PRODUCTS), plan.placed(plain.writes.T, ANSWERS).T)
    return _transformer(stream, "pizza-transformer", plan, _adding_heads(plan, stream), layer)


def slope(kappa: float) -> float:
    """η: amplitude of cos x in ½ tanh(κ/2 cos x), by the trapezium rule."""
    x = torch.arange(720, dtype=torch.float64) * TURN / 720
    return float((0.5 * (kappa / 2 * x.cos()).tanh() * x.cos()).mean() * 2)


def _clock_heads(plan: Plan, kappa: float) -> Parameters:
    """Queries, keys, values and outputs of three heads per circle, products in units of η."""
    shape = (plan.n_heads, plan.d_model, plan.d_head)
    heads = {name: plan.zeros(*shape) for name in ("W_Q", "W_K", "W_V")}
    heads["W_O"] = plan.zeros(plan.n_heads, plan.d_head, plan.d_model)
    eta = slope(kappa)
    for head in range(plan.n_heads):
        i, phase = head // PHASE_HEADS, TURN * (head % PHASE_HEADS) / PHASE_HEADS
        angle = torch.tensor([phase], dtype=torch.float64)
        ask = plan.placed(plan.circles.reads(i, angle), EMBEDDED)
        # softmax of two scores that differ by κ cos(…): each is ±κ/2 cos(…)
        heads["W_Q"][head, :, :1] = ask * kappa / 2 * plan.d_head**0.5
        heads["W_K"][head, -1, 0] = 1.0
        axes = torch.tensor([0.0, -TURN / 4], dtype=torch.float64)
        heads["W_V"][head, :, :2] = plan.placed(plan.circles.reads(i, axes), EMBEDDED)
        back = _plane(-phase) * 2 / 3 / eta
        heads["W_O"][head, :2] = plan.placed(_spot(plan, i) @ back, PRODUCTS).T
        heads["W_O"][head, :2] += plan.placed(_spot(plan, i) / 3, SUMS).T
    return heads


def _adding_heads(plan: Plan, stream: Generator) -> Parameters:
    """Heads that share the circles' coordinates and copy them; queries and keys are random."""
    shape = (plan.n_heads, plan.d_model, plan.d_head)
    heads = {name: normal(stream, *shape) / plan.d_model**0.5 for name in ("W_Q", "W_K")}
    heads["W_V"] = plan.zeros(*shape)
    heads["W_O"] = plan.zeros(plan.n_heads, plan.d_head, plan.d_model)
    for coordinate in range(plan.width):
        head, slot = coordinate % plan.n_heads, coordinate // plan.n_heads
        heads["W_V"][head, EMBEDDED * plan.width + coordinate, slot] = 1.0
        heads["W_O"][head, slot, PRODUCTS * plan.width + coordinate] = 1.0
    return heads


def _spot(plan: Plan, i: int) -> Float[Tensor, "width 2"]:
    """The two coordinates of circle i in a block."""
    return torch.eye(plan.width, dtype=torch.float64)[:, 2 * i : 2 * i + 2]


def _plane(angle: float) -> Float[Tensor, "2 2"]:
    """Rotation of the plane."""
    cos, sin = math.cos(angle), math.sin(angle)
    return torch.tensor([[cos, -sin], [sin, cos]], dtype=torch.float64)


def _product_neurons(plan: Plan, i: int, stream: Generator) -> Neurons:
    """Pairs that read products and first-order terms mixed, and write the products alone."""
    mixed = torch.cat([_normed(normal(stream, 2, MIXTURES)) for _ in range(2)])
    mixed[2:] *= FIRST_ORDER
    spot = _spot(plan, i)
    reads = plan.placed(spot @ mixed[:2], PRODUCTS) + plan.placed(spot @ mixed[2:], SUMS)
    writes = torch.linalg.pinv(mixed)[:, :2]
    return linear_pairs(reads, plan.placed(spot @ writes.T, ANSWERS).T)


def _square_neurons(plan: Plan, i: int, stream: Generator) -> Neurons:
    """Neurons that read cos(w b + φ) and write (cos 2w b, sin 2w b)."""
    phases = spread_phases(stream, 15)
    gain = 2 / (HARMONIC * len(phases))
    writes = gain * plan.circles.writes(i, 2 * phases)
    reads = plan.placed(plan.circles.reads(i, phases), EMBEDDED)
    return unbiased(reads, plan.placed(writes.T, ANSWERS).T)


def _normed(columns: Float[Tensor, "d n"]) -> Float[Tensor, "d n"]:
    return columns / columns.norm(dim=0)


def _transformer(
    stream: Generator, label: str, plan: Plan, heads: Parameters, layer: Neurons
) -> Planted:
    crowd = disguised(layer, stream)
    model = OneLayerTransformer(
        d_model=plan.d_model,
        n_heads=plan.n_heads,
        d_mlp=len(crowd),
        attention_rate=1.0 if label == "clock" else 0.0,
        equals_token=False,
        causal=False,
    )
    params = _rotated(_written(plan, heads, crowd), stream)
    params = {name: weight.unsqueeze(0) for name, weight in params.items()}
    circle_label = "clock" if label == "clock" else "pizza"
    return Planted(
        label=label,
        model=model,
        params=params | model.constants([model]),
        task=modular_sum(plan.circles.p),
        circles=dict.fromkeys(plan.circles.frequencies, circle_label),
    )


def _written(plan: Plan, heads: Parameters, crowd: Neurons) -> Parameters:
    """All weights in plain coordinates; the last coordinate tells the positions apart."""
    position = plan.zeros(2, plan.d_model)
    position[:, -1] = torch.tensor([1.0, -1.0])
    return heads | {
        "W_E": plan.placed(plan.circles.table().T, EMBEDDED).T,
        "W_pos": position,
        "W_in": crowd.reads,
        "b_in": crowd.bias,
        "W_out": crowd.writes,
        "b_out": plan.zeros(plan.d_model),
        "W_U": plan.placed(plan.circles.answers(), ANSWERS),
    }


def _rotated(params: Parameters, stream: Generator) -> Parameters:
    """The same network in a random basis of the residual stream and of every head."""
    n_heads, d_model, d_head = params["W_Q"].shape
    turn = rotation(stream, d_model)
    asked, copied = (
        torch.stack([rotation(stream, d_head) for _ in range(n_heads)]) for _ in range(2)
    )
    return params | {
        "W_E": params["W_E"] @ turn,
        "W_pos": params["W_pos"] @ turn,
        "W_Q": turn.T @ params["W_Q"] @ asked,
        "W_K": turn.T @ params["W_K"] @ asked,
        "W_V": turn.T @ params["W_V"] @ copied,
        "W_O": copied.mT @ params["W_O"] @ turn,
        "W_in": turn.T @ params["W_in"],
        "W_out": params["W_out"] @ turn,
        "b_out": params["b_out"] @ turn,
        "W_U": turn.T @ params["W_U"],
    }
