"""Neurons that are constant on the cosets of a subgroup, after Stander et al., arXiv 2312.06581.

A first-layer neuron adds a function of x and one of y. For each of the two, C_H is the variance
left within the cosets of H over the whole variance: 0 for a function that tells cosets apart and
nothing else. Left and right cosets of all proper subgroups but the trivial one are tried.

A small subgroup's cosets lie within a larger one's, so the smallest C_H is always found at a small
subgroup. A function is therefore given the largest subgroup on whose cosets it is constant; where
there is none, the one whose C_H is smallest in units of a random function's.

With many subgroups some fit anything: networks keep most of their answers when every neuron is made
constant on the best of the cosets of a group whose elements were put in a random order. Only
neurons that are constant as they are count, and the same search over scrambled cosets is the
control.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor

from grokscope.algebra.coset import left_cosets, right_cosets
from grokscope.algebra.group import Group
from grokscope.algebra.subgroup import Subgroup, subgroup_classes
from grokscope.explanation.subject import Edit, Site

_DEAD = 1e-4
"""Neurons with less than this of the mean energy in an operand do not hear it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Cosets:
    """The cosets of one side of one subgroup, as the projector on functions constant on them."""

    subgroup: Subgroup
    place: int
    """Of its conjugacy class among `subgroup_classes`."""
    projector: Float64[Tensor, "order order"]


@dataclass(frozen=True, kw_only=True, eq=False)
class CosetReading:
    """The parts of all neurons of a layer in x and in y (`side`), and their cosets.

    Attributes:
        parts: first-order functions of each operand, without their mean.
        mean: over all rows.
        concentration: smallest C_H of each.
        chosen: place of its cosets among `cosets`.
        at_chosen: C_H there.
        alive: neurons that hear both operands.
    """

    site: Site
    cosets: Sequence[Cosets]
    parts: Float64[Tensor, "side order neuron"]
    mean: Float64[Tensor, " neuron"]
    concentration: Float64[Tensor, "side neuron"]
    chosen: Int[Tensor, "side neuron"]
    at_chosen: Float64[Tensor, "side neuron"]
    alive: Bool[Tensor, " neuron"]

    def below(self, limit: float) -> Bool[Tensor, " neuron"]:
        """Neurons whose C_H is below a limit for both operands."""
        return self.alive & (self.concentration < limit).all(0)

    def of_class(self, place: int, limit: float) -> Bool[Tensor, " neuron"]:
        """Neurons constant on cosets of subgroups of one class, for both operands."""
        places = torch.tensor([cosets.place for cosets in self.cosets])[self.chosen]
        return self.alive & (self.at_chosen < limit).all(0) & (places == place).all(0)


def proper_cosets(group: Group) -> list[Cosets]:
    """Left and right cosets of all subgroups but the trivial one and the whole."""
    found: list[Cosets] = []
    for place, conjugate in enumerate(subgroup_classes(group)):
        for subgroup in conjugate:
            if not 1 < subgroup.order < group.order:
                continue
            sides = (left_cosets, right_cosets)[: 1 if subgroup.is_normal else 2]
            found += [
                Cosets(subgroup=subgroup, place=place, projector=_projector(side(subgroup)))
                for side in sides
            ]
    return found


def read_cosets(
    site: Site,
    pre: Float[Tensor, "row *position neuron"],
    cosets: Sequence[Cosets],
    constant: float,
) -> CosetReading:
    """Measure every neuron of a layer on every subgroup; there must be one."""
    n = len(cosets[0].projector)
    table = pre.double().reshape(n, n, -1)
    mean = table.mean((0, 1))
    parts = torch.stack([table.mean(1), table.mean(0)]) - mean
    energy = parts.square().sum(1)
    tiny = torch.finfo(torch.float64).tiny
    kept = torch.stack([(c.projector @ parts).square().sum(1) for c in cosets])
    within = (1 - kept / energy.clamp(min=tiny)).clamp(min=0)
    orders = torch.tensor([c.subgroup.order for c in cosets], dtype=torch.float64)[:, None, None]
    at_random = (n - n / orders) / (n - 1)
    score = torch.where(within < constant, within - orders, within / at_random)
    chosen = score.argmin(0)
    return CosetReading(
        site=site,
        cosets=cosets,
        parts=parts,
        mean=mean,
        concentration=within.amin(0),
        chosen=chosen,
        at_chosen=within.gather(0, chosen.unsqueeze(0))[0],
        alive=(energy > _DEAD * energy.mean(1, keepdim=True)).all(0),
    )


def circuit(
    reading: CosetReading,
    pre: Float[Tensor, "row *position neuron"],
    which: Bool[Tensor, " neuron"],
) -> Edit:
    """Some neurons as functions of two cosets and no more; all others at their mean."""
    parts = torch.zeros_like(reading.parts)
    for side in (0, 1):
        for place in reading.chosen[side, which].unique().tolist():
            own = which & (reading.chosen[side] == place)
            parts[side, :, own] = reading.cosets[place].projector @ reading.parts[side, :, own]
    table = parts[0].unsqueeze(1) + parts[1] + reading.mean
    return Edit(pre={reading.site: table.reshape(pre.shape).to(pre)})


def n_numbers(reading: CosetReading, which: Bool[Tensor, " neuron"]) -> int:
    """Numbers that a circuit takes: one per coset and operand of its neurons, a mean for each."""
    index = torch.tensor([cosets.subgroup.index for cosets in reading.cosets])
    return int((index[reading.chosen[:, which]] - 1).sum()) + len(which)


def silenced(
    reading: CosetReading,
    pre: Float[Tensor, "row *position neuron"],
    which: Bool[Tensor, " neuron"],
) -> Edit:
    """Some neurons at their mean over all rows."""
    flat = pre.flatten(1).clone()
    flat[:, which] = reading.mean[which].to(flat)
    return Edit(pre={reading.site: flat.reshape(pre.shape)})


def scrambled(cosets: Sequence[Cosets], seed: int) -> list[Cosets]:
    """The same cosets with the group's elements in a random order: partitions without meaning."""
    stream = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(cosets[0].projector), generator=stream)
    return [replace(each, projector=each.projector[order][:, order]) for each in cosets]


def _projector(labels: Int[Tensor, " order"]) -> Float64[Tensor, "order order"]:
    same = (labels.unsqueeze(1) == labels).double()
    return same / same.sum(1, keepdim=True)
