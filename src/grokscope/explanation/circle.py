"""One circle of a network's embedding, looked at alone."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from grokscope.explanation.output import by_error, mean_by_difference, waves
from grokscope.explanation.shape import Shape, describe
from grokscope.explanation.spectrum import ellipticity
from grokscope.explanation.subject import Edit, Subject
from grokscope.explanation.symmetry import Component


@dataclass(frozen=True, kw_only=True)
class Circle:
    """What the network computes from one frequency alone, the others' embeddings at their mean.

    Attributes:
        frequency: f of the embedding, 1 … n//2.
        speaks: the frequency k of the logits that it feeds: f itself, or f/2 (mod n).
        concentration: share of k in the energy of the isolated logits' A(d).
        shape: of A_k(d).
        power: share of f in the embedding's energy.
        ellipticity: 1 for a circle, 0 for a line; the smaller of the two operands'.
        alignment: |mean of e^{i(φ_x − φ_y)}| over neurons, weighted by their amplitudes.
        isolated_accuracy: of the network with this circle alone.
    """

    frequency: int
    speaks: int
    concentration: float
    shape: Shape
    power: float
    ellipticity: float
    alignment: float
    isolated_accuracy: float

    @property
    def is_halved(self) -> bool:
        """Whether it feeds a frequency other than its own."""
        return self.speaks != self.frequency


def isolate(
    subject: Subject, frequency: int, power: float, pre: Float[Tensor, "row *position neuron"]
) -> Circle:
    """Keep one frequency of the embedding and describe what is left.

    Args:
        subject: the network, on a cyclic group.
        frequency: which circle.
        power: its share in the embedding's energy.
        pre: the first layer's pre-activations of the whole network.
    """
    tables = subject.symmetry.keep(subject.embeddings, [frequency])
    logits = subject.run(Edit(embeddings=tables)).logits
    profiles = waves(mean_by_difference(by_error(logits, subject.order)))
    energy = profiles.square().sum((0, 1))
    speaks = int(energy.argmax()) + 1
    component = subject.symmetry.by_key[frequency]
    return Circle(
        frequency=frequency,
        speaks=speaks,
        concentration=float(energy[speaks - 1] / energy.sum().clamp(min=1e-300)),
        shape=describe(profiles[0, :, speaks - 1], speaks),
        power=power,
        ellipticity=min(ellipticity(table, component) for table in subject.embeddings),
        alignment=alignment(pre, component),
        isolated_accuracy=float(subject.is_right(logits).double().mean()),
    )


def alignment(pre: Float[Tensor, "row *position neuron"], component: Component) -> float:
    """How far the neurons hear both operands with one phase difference: 1 all, 0 none.

    R = |Σ a_j b_j e^{i(φ_j − ψ_j)}| / Σ a_j b_j over the neurons j, whose first-order parts are
    a_j cos(w x + φ_j) and b_j cos(w y + ψ_j), at the last position.
    """
    x, y = first_order(pre, component)
    products = x.conj() * y
    total = float(products.abs().sum())
    return float(products.sum().abs()) / total if total > 0 else 0.0


def first_order(
    pre: Float[Tensor, "row *position neuron"], component: Component
) -> tuple[Tensor, Tensor]:
    """Complex amplitude of each neuron's wave in x and in y, at the last position."""
    n = component.basis.shape[1]
    table = pre.double().reshape(n, n, -1, pre.shape[-1])[:, :, -1]
    angle = (component.key * torch.arange(n) % n).double() * (2 * math.pi / n)
    wave = torch.polar(torch.ones_like(angle), -angle) * (2 / n)
    return wave @ table.mean(1).to(wave), wave @ table.mean(0).to(wave)
