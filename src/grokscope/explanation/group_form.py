"""The logits of any group's table as a sum over characters.

With T[x, y, u] the centred logit of the class c = x∘y∘u⁻¹, that is u = c⁻¹∘(x∘y), the element by
which a class misses (the identity for the right one), the mean F(u) over all rows is the part that
depends on u alone. Chughtai et al. (arXiv 2302.03025) claim that the logits are a sum of characters
χ(c⁻¹∘x∘y): F would be a class function and hold all of the logits' variance. Both are measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from grokscope.algebra.group import Group
from grokscope.algebra.real_irrep import real_irreps
from grokscope.explanation.symmetry import Symmetry

Misses = Float64[Tensor, "order order order"]
"""Centred logits as (x, y, u) with u = c⁻¹∘(x∘y)."""


@dataclass(frozen=True, kw_only=True)
class GroupForm:
    """The form and how it stands to the network, not to the right answers.

    Attributes:
        agreement: rows on which the key irreps' part of F and the network peak at the same class.
        coefficients: a of each irrep's character in F = Σ a χ, by key.
        shares: of the logits' variance: `u` what F holds, `character` its class function, `key` its
            part in the key irreps, `readout` what the logits hold in the key irreps as functions of
            the class, for each row on its own.
        n_parameters: numbers of F in the key irreps.
        certified: share of the first operands x whose rows are all right because of the key irreps'
            part of F: its margin exceeds twice the largest deviation of their logits from it.
    """

    agreement: float
    coefficients: Mapping[int, float]
    shares: Mapping[str, float]
    n_parameters: int
    certified: float


def by_miss(logits: Float[Tensor, "row n_outputs"], group: Group) -> Misses:
    """Logits of the group's elements in float64, centred over the classes."""
    n = group.order
    table = _centred(logits, n)
    classes = group.table[group.table][:, :, group.inverses]  # c = (x∘y)∘u⁻¹
    return table.gather(2, classes.to(table.device))


def character_form(
    logits: Float[Tensor, "row n_outputs"], symmetry: Symmetry, group: Group, keys: Sequence[int]
) -> GroupForm:
    """Fit F and its parts; all are projections, so nothing has to be searched."""
    misses = by_miss(logits, group)
    mean = misses.mean((0, 1))
    character = mean[group.conjugates].mean(0)
    basis = symmetry.basis(list(keys))
    kept = basis.T @ (basis @ mean)
    readout = _centred(logits, group.order) @ basis.T
    same = misses.argmax(2) == kept.argmax()
    total = misses.square().sum().clamp(min=torch.finfo(torch.float64).tiny)
    rows = group.order**2
    return GroupForm(
        agreement=float(same.double().mean()),
        coefficients=_coefficients(mean, group),
        shares={
            "u": float(rows * mean.square().sum() / total),
            "character": float(rows * character.square().sum() / total),
            "key": float(rows * kept.square().sum() / total),
            "readout": float(readout.square().sum() / total),
        },
        n_parameters=len(basis),
        certified=float(_certified(misses, kept, group).double().mean()),
    )


def _certified(
    misses: Misses, kept: Float64[Tensor, " order"], group: Group
) -> Bool[Tensor, " order"]:
    """For each first operand; the formula is the same in every row, and so is its margin."""
    wrong = torch.arange(group.order) != group.identity
    margin = kept[group.identity] - kept[wrong].max()
    return margin > 2 * (misses - kept).abs().amax((1, 2))


def _coefficients(mean: Float64[Tensor, " order"], group: Group) -> dict[int, float]:
    characters = [irrep.character for irrep in real_irreps(group)]
    return {
        key: float(mean @ character / character.square().sum())
        for key, character in enumerate(characters)
        if key > 0
    }


def _centred(logits: Float[Tensor, "row n_outputs"], n: int) -> Misses:
    table = logits[:, :n].double().unflatten(0, (n, n))
    return table - table.mean(2, keepdim=True)
