"""Interventions that tell the algorithms apart, and what each does to a network."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from grokscope.explanation.circle import TINY, Circle, left_of, profiles_of
from grokscope.explanation.closed_form import ClosedForm
from grokscope.explanation.form import Form, Terms, fit
from grokscope.explanation.keys import only, without
from grokscope.explanation.output import Errors, by_error
from grokscope.explanation.shape import describe, first_harmonic
from grokscope.explanation.subject import Edit, PreActivation, Subject
from grokscope.explanation.symmetry import Component


def rotation_explained(
    subject: Subject, errors: Errors, form: ClosedForm, circles: Sequence[Circle]
) -> float:
    """How much of what one operand's rotated circles do to the logits the closed form predicts.

    The first operand's embedding is turned on one circle as if the operand were larger by some
    tokens, and stays as it is on all others; once for each circle. The figure is 1 − Σ ‖effect −
    predicted‖² / Σ ‖effect‖² over all of them, so that a circle counts by what it does.
    """
    missed = total = 0.0
    for circle in circles:
        effect, predicted = _rotated(subject, errors, form, circle)
        missed += float((effect - predicted).square().sum())
        total += float(effect.square().sum())
    return 1 - missed / total


def _rotated(
    subject: Subject, errors: Errors, form: ClosedForm, circle: Circle
) -> tuple[Errors, Errors]:
    """Change of the network's logits and of the formula's, by about 0.3 of a turn."""
    tokens = third_of_a_turn(circle.frequency, subject.order)
    tables = subject.embeddings.clone()
    part = subject.symmetry.keep(tables[:1], [circle.frequency])[0] - tables[0].mean(0)
    tables[0] += part.roll(-tokens, 0) - part
    effect = by_error(subject.run(Edit(embeddings=tables)).logits, subject.order) - errors
    return effect, form.shifted(tokens, [circle.frequency]) - form.errors([circle.frequency])


def third_of_a_turn(frequency: int, order: int) -> int:
    """The number of tokens that turns a circle by nearest to 0.3 of a turn."""
    turns = [frequency * step % order / order for step in range(order)]
    return min(range(1, order), key=lambda step: abs(turns[step] - 0.3))


def dependence_left(subject: Subject, circle: Circle, seeds: Sequence[int]) -> float:
    """What shuffled phases leave of a circle's dependence on d: mean over draws.

    The first harmonic of A_k(d) over that before. Phases that are as random as the shuffled ones
    leave about 1, and phases that make a pizza little.
    """
    own = torch.tensor(circle.profile, dtype=torch.float64)
    before = first_harmonic(own, circle.main.k).norm().clamp(min=TINY)
    left = [first_harmonic(_shuffled(subject, circle, s), circle.main.k).norm() for s in seeds]
    return float(torch.stack(left).mean() / before)


def shuffled_index(subject: Subject, circle: Circle, seeds: Sequence[int]) -> float:
    """|ρ₁| of a circle alone with shuffled phases: mean over draws."""
    left = [describe(_shuffled(subject, circle, s), circle.main.k).index for s in seeds]
    return sum(map(abs, left)) / len(left)


def _shuffled(subject: Subject, circle: Circle, seed: int) -> Float64[Tensor, " order"]:
    """A_k(d) of a circle alone once every neuron's two phases are moved apart at random.

    φ_x gets what φ_y loses, so that their sum, which makes the output's phase, stays. Every layer
    may hear the operands themselves, so it is done in all, the first one first.
    """
    component = subject.symmetry.by_key[circle.frequency]
    edit = in_every_layer(
        subject, only(subject, [circle.frequency]), lambda pre: _shuffle(pre, component, seed)
    )
    return _profile_at(subject, subject.run(edit).logits, circle.main.k)


def rectified_index(subject: Subject, circle: Circle) -> float:
    """ρ₁ of a circle alone with |x|/2 in the place of ReLU."""
    edit = replace(only(subject, [circle.frequency]), is_rectified=True)
    return index_at(subject, subject.run(edit).logits, circle.main.k)


def companions_rise(
    subject: Subject,
    logits: Float[Tensor, "row n_outputs"],
    companions: Sequence[Circle],
    partners: Sequence[int],
) -> float:
    """Mean rise of the partners' shape index in the whole network without the companions."""
    edit = without(subject, [circle.frequency for circle in companions])
    bare = subject.run(edit).logits
    rises = [index_at(subject, bare, k) - index_at(subject, logits, k) for k in partners]
    return sum(rises) / len(rises)


def left_without_products(subject: Subject, circle: Circle) -> float:
    """What is left of A_k(d) once a circle's neurons have lost the products of the operands.

    See `left_of`. Done in every layer, the first one first.
    """
    form = Form(terms={circle.frequency: Terms.FIRST}, offsets={})
    bare = in_every_layer(
        subject,
        only(subject, [circle.frequency]),
        lambda pre: fit(pre, subject.symmetry, form).pre,
    )
    profile = _profile_at(subject, subject.run(bare).logits, circle.main.k)
    return left_of(profile, torch.tensor(circle.profile, dtype=torch.float64))


def in_every_layer(
    subject: Subject, edit: Edit, change: Callable[[PreActivation], PreActivation]
) -> Edit:
    """The edit that also changes every layer's neurons, each after those before it."""
    for layer in subject.layers:
        changed = change(subject.run(edit, reads=True).pre[layer])
        edit = replace(edit, pre={**edit.pre, layer: changed})
    return edit


def index_at(subject: Subject, logits: Float[Tensor, "row n_outputs"], k: int) -> float:
    """ρ₁ of A_k(d) in some logits."""
    return describe(_profile_at(subject, logits, k), k).index


def _profile_at(
    subject: Subject, logits: Float[Tensor, "row n_outputs"], k: int
) -> Float64[Tensor, " order"]:
    return profiles_of(subject, logits)[0, :, k - 1]


def _shuffle(
    pre: Float[Tensor, "row *position neuron"], component: Component, seed: int
) -> Float[Tensor, "row *position neuron"]:
    n, basis = component.basis.shape[1], component.basis
    table = pre.double().reshape(n, n, -1, pre.shape[-1])
    stream = torch.Generator().manual_seed(seed)
    angle = 2 * math.pi * torch.rand(pre.shape[-1], generator=stream, dtype=torch.float64)
    x, y = (torch.einsum("ux,xph->uph", basis, table.mean(1 - side)) for side in (0, 1))
    x, y = _turned(x, angle) - x, _turned(y, -angle) - y
    change = [torch.einsum("ux,uph->xph", basis, part) for part in (x, y)]
    return (table + change[0].unsqueeze(1) + change[1]).reshape(pre.shape).to(pre)


def _turned(wave: Float[Tensor, "2 position neuron"], angle: Float[Tensor, " neuron"]) -> Tensor:
    cosine, sine = wave
    return torch.stack(
        [cosine * angle.cos() - sine * angle.sin(), cosine * angle.sin() + sine * angle.cos()]
    )
