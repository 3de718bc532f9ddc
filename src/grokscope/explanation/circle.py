"""One circle of a network's embedding, looked at alone."""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Complex, Float, Float64
from torch import Tensor

from grokscope.explanation.inner import inner_profile
from grokscope.explanation.output import Errors, by_error, mean_by_difference, waves
from grokscope.explanation.shape import Shape, describe
from grokscope.explanation.spectrum import ellipticity
from grokscope.explanation.stability import halves, index_interval
from grokscope.explanation.subject import Edit, Pattern, Site, Subject, Trace
from grokscope.explanation.symmetry import Component

LEAST_SHARE = 0.05
LEAST_FLOOR = 0.05
"""Smallest value of a profile, over its largest, from which it has a floor."""
TINY = torch.finfo(torch.float64).tiny


@dataclass(frozen=True, kw_only=True)
class Role:
    """What a circle says about one frequency of the logits.

    Attributes:
        k: that frequency.
        share: of the energy of A(d) in the isolated network's logits, over all frequencies.
        shape: of A_k(d).
    """

    k: int
    share: float
    shape: Shape


@dataclass(frozen=True, kw_only=True)
class Circle:
    """What the network computes from one frequency alone, the others' embeddings at their mean.

    Attributes:
        frequency: f of the embedding, 1 … n//2.
        roles: the frequencies of the logits that it feeds, the strongest first: f, f/2 (mod n).
        power: share of f in the embedding's energy.
        ellipticity: 1 for a circle, 0 for a line; the smaller of the two operands'.
        alignment: R, see `align`.
        alignment_halves: R in two random halves of the neurons.
        one_phase: share of the first-order part of the neurons' variance that one phase and one
            amplitude for both operands explain, ½ to 1, see `one_phase`.
        phase_offset: d₀ in tokens between the operands' phases in the neurons.
        attention: ‖A − A′‖/‖A‖ in the main role, where A′ is with constant attention: 0 where
            attention does not multiply the operands.
        constant_left: what constant attention leaves of A, see `left_of`, NaN without attention.
        profile: A_k(d) in the main role.
        index_interval: 95 % bootstrap interval of the main role's ρ₁, over the sums.
        inner: the main role as the last of several layers is handed it, `None` with one layer; its
            share is of that layer's variance.
    """

    frequency: int
    roles: tuple[Role, ...]
    power: float
    ellipticity: float
    alignment: float
    alignment_halves: tuple[float, float]
    one_phase: float
    phase_offset: float
    attention: float
    constant_left: float
    profile: tuple[float, ...]
    index_interval: tuple[float, float]
    inner: Role | None

    @property
    def main(self) -> Role:
        """The role that it speaks loudest in."""
        return self.roles[0]

    @property
    def offset(self) -> float:
        """Tokens d₀ between the operands' phases."""
        shape = self.main.shape
        return shape.offset if self.main.k == self.frequency else shape.harmonic_offset


def isolate(subject: Subject, frequency: int, power: float, trace: Trace) -> Circle:
    """Keep one frequency of the embedding and describe what is left.

    Args:
        subject: the network, on a cyclic group.
        frequency: which circle.
        power: its share in the embedding's energy.
        trace: of the whole network, with its first layer and its attention.
    """
    edit = Edit(embeddings=subject.symmetry.keep(subject.embeddings, [frequency]))
    alone = subject.run(edit, reads=len(subject.layers) > 1)
    component = subject.symmetry.by_key[frequency]
    errors = unbiased_errors(subject, alone.logits)
    profiles = waves(mean_by_difference(errors))
    found = roles(profiles)
    constant = _under_constant_attention(subject, edit, trace, found[0].k)
    own = profiles[0, :, found[0].k - 1]
    x, y = first_order(trace.pre[subject.layers[0]], component)
    products = x.conj() * y
    aligned, phase_offset = align(products, component)
    return Circle(
        frequency=frequency,
        roles=found,
        power=power,
        ellipticity=min(ellipticity(table, component) for table in subject.embeddings),
        alignment=aligned,
        alignment_halves=halves(products),
        one_phase=one_phase(x, y),
        phase_offset=phase_offset,
        attention=0.0 if constant is None else _change(own, constant),
        constant_left=math.nan if constant is None else left_of(constant, own),
        profile=tuple(own.tolist()),
        index_interval=index_interval(errors, found[0].k),
        inner=_inner_role(subject, alone, found[0].k),
    )


def _inner_role(subject: Subject, alone: Trace, k: int) -> Role | None:
    if len(subject.layers) == 1:
        return None
    profile, share = inner_profile(alone.pre[subject.layers[-1]], subject.order, k)
    return Role(k=k, share=share, shape=describe(profile, k))


def profiles_of(
    subject: Subject, logits: Float[Tensor, "row n_outputs"]
) -> Float64[Tensor, "part order frequency"]:
    """A_k(d), and what the sine of w_k (c − x − y) holds, for every k."""
    return waves(mean_by_difference(unbiased_errors(subject, logits)))


def unbiased_errors(subject: Subject, logits: Float[Tensor, "row n_outputs"]) -> Errors:
    """Logits as (x, y, u) without what a class gets in every row.

    In an even order, where d and s have one parity, that would look like a part of frequency n/2.
    """
    return by_error(logits - logits.mean(0, keepdim=True), subject.order)


def left_of(changed: Float64[Tensor, " order"], own: Float64[Tensor, " order"]) -> float:
    """What an intervention leaves of a profile: of its smallest value, 0 where that turns negative.

    Of its norm where it has no floor, `LEAST_FLOOR` of its largest value.
    """
    floor = float(own.min())
    if floor >= LEAST_FLOOR * float(own.abs().max()) > 0:
        return max(float(changed.min()), 0.0) / floor
    return float(changed.norm() / own.norm().clamp(min=TINY))


def _change(own: Float64[Tensor, " order"], constant: Float64[Tensor, " order"]) -> float:
    return float((own - constant).norm() / own.norm().clamp(min=TINY))


def constant_attention(trace: Trace) -> dict[Site, Pattern]:
    """Every attention pattern at its mean over all rows: attention without the operands."""
    return {site: p.mean(0, keepdim=True).expand_as(p) for site, p in trace.patterns.items()}


def _under_constant_attention(
    subject: Subject, edit: Edit, trace: Trace, k: int
) -> Float64[Tensor, " order"] | None:
    if not subject.attention:
        return None
    logits = subject.run(replace(edit, patterns=constant_attention(trace))).logits
    return profiles_of(subject, logits)[0, :, k - 1]


def roles(profiles: Float64[Tensor, "part order frequency"]) -> tuple[Role, ...]:
    """Every frequency that holds at least 5 % of the energy, at most three of them."""
    energy = profiles.square().sum((0, 1))
    share = energy / energy.sum().clamp(min=TINY)
    loudest = share.argsort(descending=True)[:3].tolist()
    chosen = [i for rank, i in enumerate(loudest) if rank == 0 or share[i] >= LEAST_SHARE]
    return tuple(
        Role(k=i + 1, share=float(share[i]), shape=describe(profiles[0, :, i], i + 1))
        for i in chosen
    )


def align(products: Complex[Tensor, " neuron"], component: Component) -> tuple[float, float]:
    """How far the neurons hear both operands with one phase difference, and which.

    R = |Σ a_j b_j e^{i(ψ_j − φ_j)}| / Σ a_j b_j over the neurons j, whose first-order parts are
    a_j cos(w x + φ_j) and b_j cos(w y + ψ_j), at the last position: 1 all, 0 none. The angle of the
    sum is w d₀; d₀ is given in tokens. What is given is a_j b_j e^{i(ψ_j − φ_j)}.
    """
    total, mean = float(products.abs().sum()), products.sum()
    if total == 0:
        return 0.0, 0.0
    turns = float(mean.angle()) / (2 * math.pi)
    return float(mean.abs()) / total, turns * component.basis.shape[1] / component.key


def one_phase(x: Complex[Tensor, " neuron"], y: Complex[Tensor, " neuron"]) -> float:
    """Share of the waves' energy that is left if both operands have the same, but for one offset.

    Args:
        x: complex amplitudes of the neurons' waves in the first operand.
        y: in the second.
    """
    energy = float(x.abs().square().sum() + y.abs().square().sum())
    return 0.5 + float((x.conj() * y).sum().abs()) / energy if energy else 1.0


def first_order(
    pre: Float[Tensor, "row *position neuron"], component: Component
) -> tuple[Tensor, Tensor]:
    """Complex amplitude of each neuron's wave in x and in y, at the last position."""
    n = component.basis.shape[1]
    table = pre.double().reshape(n, n, -1, pre.shape[-1])[:, :, -1]
    angle = (component.key * torch.arange(n) % n).double() * (2 * math.pi / n)
    wave = torch.polar(torch.ones_like(angle), -angle) * (2 / n)
    return wave @ table.mean(1).to(wave), wave @ table.mean(0).to(wave)
