"""The character table, computed from the Cayley table alone.

Burnside's method, in floating point: the class sums of a group commute, and their common
eigenvectors are the characters. One random Hermitian combination of them has them all as its
eigenvectors. As in Dixon's method (Numer. Math. 10, 1967), the numbers are then lifted to exact
ones: an eigenvalue of ρ(g) is a root of unity and occurs a whole number of times, so that rounding
these numbers removes every rounding error, and being far from whole ones gives a failure away.
"""

import functools
import math
from dataclasses import dataclass

import torch
from jaxtyping import Complex128, Float64, Int
from torch import Tensor

from grokscope.algebra.conjugacy import ConjugacyClasses, conjugacy_classes
from grokscope.algebra.group import Group
from grokscope.algebra.irrep_name import irrep_names
from grokscope.core.errors import GrokscopeError
from grokscope.core.seeds import generator

_DRAWS = 8
_TOLERANCE = 1e-6  # of eigenvalue multiplicities, which are whole numbers


@dataclass(frozen=True, kw_only=True, eq=False)
class CharacterTable:
    """The irreducible complex characters: trivial first, by dimension, real before complex.

    Attributes:
        values: the character of each irrep on each class.
        names: such as `trivial`, `sign`, `standard`, or dimension and letter.
        indicators: Frobenius-Schur indicator of each irrep: 1 where it can be written in real
            matrices, 0 where its character is not real, -1 where the character is real and the
            matrices cannot be (quaternionic).
    """

    classes: ConjugacyClasses
    values: Complex128[Tensor, "irrep class"]
    names: tuple[str, ...]
    indicators: Int[Tensor, " irrep"]

    @property
    def dimensions(self) -> Int[Tensor, " irrep"]:
        """Size of each irrep's matrices."""
        return self.values[:, 0].real.round().long()

    def on_elements(self) -> Complex128[Tensor, "irrep order"]:
        """The character of each irrep on each element."""
        return self.values[:, self.classes.labels]


@functools.lru_cache(maxsize=32)
def character_table(group: Group) -> CharacterTable:
    """The character table of a group, rows and columns in a fixed order; to be read only.

    Raises:
        GrokscopeError: the computed numbers are no characters (it says a bug in grokscope).
    """
    classes = conjugacy_classes(group)
    values = _sorted(_lift(_common_eigenvectors(classes), classes))
    _require_orthogonal(values, classes)
    return CharacterTable(
        classes=classes,
        values=values,
        names=irrep_names(group, values[:, classes.labels]),
        indicators=_indicators(values, classes),
    )


def _common_eigenvectors(classes: ConjugacyClasses) -> Complex128[Tensor, "irrep class"]:
    """Approximate characters, from the draw whose eigenvalues lie furthest apart."""
    stream = generator(0, "algebra/character")
    solutions = [torch.linalg.eigh(_class_sum(classes, stream)) for _ in range(_DRAWS)]
    gaps = [float(values.diff().min()) if len(values) > 1 else 1.0 for values, _ in solutions]
    vectors = solutions[gaps.index(max(gaps))][1].T
    # √|class|·χ is an eigenvector of length √|G|, and χ(e) is positive.
    vectors = vectors * (vectors[:, :1].conj() / vectors[:, :1].abs())
    return vectors * (classes.group.order / classes.sizes).sqrt()


def _class_sum(
    classes: ConjugacyClasses, stream: torch.Generator
) -> Complex128[Tensor, "class class"]:
    """A random Hermitian combination of class sums, in a basis where the class sums are normal."""
    group, n = classes.group, len(classes)
    weights = torch.randn(n, dtype=torch.complex128, generator=stream)
    weights = weights + weights[classes.inverses].conj()
    # Row j, column k: the weight of z·y⁻¹ for the representative z of class k, summed over y in j.
    quotients = group.table[classes.representatives][:, group.inverses]
    summed = torch.zeros(n, n, dtype=torch.complex128)
    summed.index_add_(0, classes.labels, weights[classes.labels[quotients]].T)
    root = classes.sizes.double().sqrt()
    return summed * root / root.unsqueeze(1)


def _lift(
    approximate: Complex128[Tensor, "irrep class"], classes: ConjugacyClasses
) -> Complex128[Tensor, "irrep class"]:
    """Characters without rounding errors, by whole multiplicities of eigenvalues."""
    columns: list[Tensor] = []
    for element in classes.representatives.tolist():
        powers = classes.labels[classes.group.powers(element)]
        multiplicities = torch.fft.fft(approximate[:, powers]) / len(powers)
        counts = multiplicities.real.round()
        if (multiplicities - counts).abs().max() > _TOLERANCE:
            raise GrokscopeError(f"The characters of {classes.group.name} cannot be made exact.")
        columns.append(_sum_of_roots(counts))
    return torch.stack(columns, dim=1)


def _sum_of_roots(counts: Float64[Tensor, "irrep n"]) -> Complex128[Tensor, " irrep"]:
    """Σ count_j·ζ^j for ζ = exp(2πi/n); real and whole sums come out so to the last digit."""
    n = counts.shape[1]
    angle = torch.arange(n).double() * (2 * math.pi / n)
    mirrored = counts[:, -torch.arange(n) % n]
    real, imaginary = counts @ angle.cos(), (counts - mirrored) @ angle.sin() / 2
    parts = [torch.where((x - x.round()).abs() < 1e-12, x.round(), x) for x in (real, imaginary)]
    return torch.complex(*(part + 0.0 for part in parts))  # + 0.0: no negative zeros


def _sorted(values: Complex128[Tensor, "irrep class"]) -> Complex128[Tensor, "irrep class"]:
    """Rows by dimension, real ones first, then by decreasing values: the trivial row is first."""
    rounded = torch.view_as_real(values).mul(-1e6).round().long()
    real, imaginary = rounded.unbind(2)
    dimension, is_complex = -real[:, :1], imaginary.any(1, keepdim=True).long()
    keys = torch.cat([dimension, is_complex, real, imaginary], dim=1).tolist()
    return values[sorted(range(len(keys)), key=keys.__getitem__)]


def _require_orthogonal(
    values: Complex128[Tensor, "irrep class"], classes: ConjugacyClasses
) -> None:
    products = (values * classes.sizes) @ values.mH / classes.group.order
    if (products - torch.eye(len(values))).abs().max() > 1e-10:
        raise GrokscopeError(f"The characters of {classes.group.name} are not orthogonal.")


def _indicators(
    values: Complex128[Tensor, "irrep class"], classes: ConjugacyClasses
) -> Int[Tensor, " irrep"]:
    """Mean of χ(g∘g) over the group."""
    squares = classes.labels[classes.group.table.diagonal()]
    return values[:, squares].mean(1).real.round().long()
