"""Irreps as orthogonal matrices, found among the functions on the group.

Left translation, (ρ(g)f)(x) = f(g⁻¹∘x), turns functions on the group by permuting their values. It
commutes with every right convolution, so an eigenspace of a random symmetric one, within one
isotypic component, is a single copy of the irrep, and an orthonormal basis of it gives matrices.
"""

import functools

import torch
from jaxtyping import Float64
from torch import Tensor

from grokscope.algebra.group import Group
from grokscope.algebra.isotypic import isotypic_projector
from grokscope.algebra.real_irrep import RealIrrep
from grokscope.core.errors import GrokscopeError
from grokscope.core.seeds import generator

_TOLERANCE = 1e-10


@functools.lru_cache(maxsize=128)
def orthogonal_matrices(irrep: RealIrrep) -> Float64[Tensor, "order d d"]:
    """An orthogonal matrix for each element, ρ(a∘b) = ρ(a)ρ(b); to be read only.

    The basis is fixed by a rule, yet one choice among many: only what does not depend on the basis
    (traces, spans, norms) means anything.

    Raises:
        GrokscopeError: the matrices are no representation (it says a bug in grokscope).
    """
    group = irrep.group
    basis = _fixed_basis(_one_copy(irrep))
    translated = basis[group.table[group.inverses]]
    matrices = torch.einsum("xi,gxj->gij", basis, translated)
    _require_representation(irrep, matrices)
    return matrices


def _one_copy(irrep: RealIrrep) -> Float64[Tensor, "order order"]:
    """Projector on one copy of the irrep, the one that the convolution keeps furthest apart."""
    component = torch.linalg.eigh(isotypic_projector(irrep)).eigenvectors[:, -irrep.rank :]
    values, vectors = torch.linalg.eigh(component.T @ _convolution(irrep.group) @ component)
    copies = values.reshape(irrep.copies, irrep.dimension).mean(1)
    apart = (copies.unsqueeze(1) - copies).abs().fill_diagonal_(torch.inf).amin(1)
    first = int(apart.argmax()) * irrep.dimension
    copy = component @ vectors[:, first : first + irrep.dimension]
    return copy @ copy.T


def _convolution(group: Group) -> Float64[Tensor, "order order"]:
    """A random symmetric matrix that commutes with left translation: w(a⁻¹∘b), w(a) = w(a⁻¹)."""
    weights = torch.randn(
        group.order, dtype=torch.float64, generator=generator(0, "algebra/representation")
    )
    return (weights + weights[group.inverses])[group.table[group.inverses]]


def _fixed_basis(projector: Float64[Tensor, "order order"]) -> Float64[Tensor, "order d"]:
    """Orthonormal columns from those of the projector, taken in order where they are new enough.

    The eigenvectors themselves are arbitrary within their space and differ between machines.
    """
    residual, columns = projector.clone(), list[Tensor]()
    for _ in range(round(float(projector.trace()))):
        lengths = residual.norm(dim=0)
        chosen = int(torch.nonzero(lengths > 0.7 * lengths.max())[0])
        columns.append(residual[:, chosen] / lengths[chosen])
        residual = residual - torch.outer(columns[-1], columns[-1] @ residual)
    return torch.stack(columns, dim=1)


def _require_representation(irrep: RealIrrep, matrices: Float64[Tensor, "order d d"]) -> None:
    """Orthogonality, the right trace, and the homomorphism, one left factor at a time."""
    group = irrep.group
    wrong = [
        matrices @ matrices.mT - torch.eye(irrep.dimension),
        matrices.diagonal(dim1=1, dim2=2).sum(1) - irrep.character,
    ]
    wrong += [matrices[a] @ matrices - matrices[group.table[a]] for a in range(group.order)]
    if max(float(w.abs().max()) for w in wrong) > _TOLERANCE:
        raise GrokscopeError(f"The matrices of {group.name}'s irrep {irrep.name} are inexact.")
