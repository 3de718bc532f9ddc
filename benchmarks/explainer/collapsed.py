"""Two hidden layers: the sum is computed by pizza, then decoded with an uneven table.

The first layer makes the points y_k = A_k(d) (cos w_k s, sin w_k s) of s = a + b by pizza circles
and companions, so that A_k is nearly flat. The second layer passes y_k on for the logits
cos w_k(s − c), and reads y_k with random neurons from which a ridge regression decodes a table
G(s, c): random, and never so much above G(s, s) that it does harm. A large part of the logits is
then a function of s alone. There are no biases, so a circle that is left alone stays pizza.
"""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from benchmarks.explainer.circles import Circles, circle, halved
from benchmarks.explainer.draws import TURN, normal, number
from benchmarks.explainer.mlp_weights import mlp_of, mlp_params, same_width
from benchmarks.explainer.network import Planted, modular_sum
from benchmarks.explainer.neurons import Neurons, joined, linear_pairs, unbiased
from benchmarks.explainer.pizza import (
    CANCELLING,
    companion_circles,
    companion_neurons,
    pizza_neurons,
)

PAIRS = 5
"""Pairs of second-layer neurons that pass one circle on."""
READERS = 160
"""Second-layer neurons that decode the table."""
RIDGE = 1e-3
"""Of the decoding, in units of the mean square of its neurons."""
SHARES = (0.12, 0.3)
"""Part of the logits' variance that the uneven table gets."""
ALLOWED = 0.4
"""Part of the margin between two classes that the table may take away."""
ROUNDS = 100


def collapsed(stream: Generator) -> Planted:
    """Addition mod p by a network that ends as a function of a + b."""
    circles, n = companion_circles(stream, least=5)
    first = [pizza_neurons(circles, i, stream) for i in range(n)]
    first += [companion_neurons(circles, i, 1.0, stream) for i in range(n)]
    answers = circles.answers()[: 2 * n]
    second = joined([_passing(answers, stream), _uneven(circles, answers, stream)])
    compute = joined(first)
    layers = same_width([replace(compute, writes=compute.writes[:, : 2 * n]), second], stream)
    params = mlp_params(stream, circles.table(), layers, torch.eye(circles.p, dtype=torch.float64))
    labels = ["pizza"] * n + ["companion"] * n
    return Planted(
        label="collapsed",
        model=mlp_of(params),
        params=params,
        task=modular_sum(circles.p),
        circles=dict(zip(circles.frequencies, labels, strict=True)),
    )


def _passing(answers: Float[Tensor, "coordinate p"], stream: Generator) -> Neurons:
    """Random pairs of each circle that together are the linear map to the logits."""
    blocks: list[Neurons] = []
    for at in range(0, len(answers), 2):
        reads = torch.zeros(len(answers), PAIRS, dtype=torch.float64)
        reads[at : at + 2] = normal(stream, 2, PAIRS)
        blocks.append(linear_pairs(reads, torch.linalg.pinv(reads) @ answers))
    return joined(blocks)


def _uneven(circles: Circles, answers: Float[Tensor, "coordinate p"], stream: Generator) -> Neurons:
    """Random readers of all circles at once, with writes that decode a random table."""
    p = circles.p
    points = _sum_points(circles, len(answers) // 2)
    reads = normal(stream, len(answers), READERS)
    readers = unbiased(reads, reads.new_zeros(READERS, p))
    post = readers.post(points.flatten(0, 1))
    by_sum = post.unflatten(0, (p, p)).mean(0)
    ridge = RIDGE * post.square().mean() * torch.eye(READERS, dtype=torch.float64)
    decode = torch.linalg.solve(post.T @ post / len(post) + ridge, by_sum.T / p)
    table = _harmless(by_sum @ decode, points.mean(0) @ answers, stream)
    return replace(readers, writes=decode @ table)


def _harmless(
    smoother: Float[Tensor, "s s"], right: Float[Tensor, "s c"], stream: Generator
) -> Float[Tensor, "s c"]:
    """A random table that does no harm once it is `smoother` @ table: decoded as well as can be.

    Alternates between a given size and what each entry may exceed the right answer's by.
    """
    share = number(stream, *SHARES)
    size = (share / (1 - share)) ** 0.5 * _spread(right)
    most = ALLOWED * (right.diagonal().unsqueeze(1) - right)
    table = -normal(stream, *right.shape).abs()
    table.fill_diagonal_(0)
    for _ in range(ROUNDS):
        table = table * size / _spread(smoother @ table)
        decoded = smoother @ table
        excess = decoded - decoded.diagonal().unsqueeze(1) - most
        table = table - 1.8 * excess.clamp(min=0)
    return table


def _sum_points(circles: Circles, n: int) -> Float[Tensor, "d s coordinate"]:
    """What the first layer writes, with A_k(d) = |cos(w_k d/2)| − c cos w_k d."""
    points: list[Tensor] = []
    for k in circles.frequencies[:n]:
        angle = TURN * k * torch.arange(circles.p, dtype=torch.float64) / circles.p
        amplitude = halved(angle) - CANCELLING * angle.cos()
        points.append(amplitude[:, None, None] * circle(circles.p, k))
    return torch.cat(points, 2)


def _spread(logits: Float[Tensor, "s c"]) -> Float[Tensor, ""]:
    """RMS of logits centred over the classes."""
    return (logits - logits.mean(1, keepdim=True)).square().mean().sqrt()
