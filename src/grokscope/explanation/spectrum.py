"""How few components of the group an embedding uses, against tokens in random order.

Replaces the principal components of the published circularity (arXiv 2306.17844), which mix circles
of nearly equal variance: a frequency is fixed by the group, a principal component by the data.
"""

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from grokscope.explanation.symmetry import Component, Symmetry


def component_power(
    tables: Float[Tensor, "slot order d_model"], symmetry: Symmetry
) -> Float64[Tensor, " component"]:
    """Share of each component in the tables' energy without their means, averaged over slots.

    Components are in the order of `symmetry.components`; the shares add up to 1.
    """
    power = _energies(tables.double().unsqueeze(0), symmetry)[0]
    return (power / power.sum(1, keepdim=True)).mean(0)


def effective_number(power: Float64[Tensor, "*batch component"]) -> Float64[Tensor, "*batch"]:
    """1/Σ p², the number of components of equal power that would be as concentrated."""
    return 1 / power.square().sum(-1)


def permutation_null(
    tables: Float[Tensor, "slot order d_model"], symmetry: Symmetry, draws: int
) -> Float64[Tensor, " draw"]:
    """`effective_number` with the tokens of each table in `draws` random orders, seed 0."""
    stream = torch.Generator().manual_seed(0)
    n = symmetry.order
    orders = torch.stack([torch.randperm(n, generator=stream) for _ in range(draws)])
    power = _energies(tables.double()[:, orders].transpose(0, 1), symmetry)
    return effective_number((power / power.sum(2, keepdim=True)).mean(1))


def ellipticity(table: Float[Tensor, "order d_model"], component: Component) -> float:
    """Smaller over larger singular value of a table along a component: 1 a circle, 0 a line.

    A component of one row, such as frequency n/2, has no second direction: 0.
    """
    along = component.basis @ table.double()
    if len(along) < 2:
        return 0.0
    values = torch.linalg.svdvals(along)
    return float(values[1] / values[0])


def _energies(
    tables: Float64[Tensor, "draw slot order d_model"], symmetry: Symmetry
) -> Float64[Tensor, "draw slot component"]:
    along = symmetry.basis([c.key for c in symmetry.components]) @ tables
    each = along.square().sum(-1)
    sizes = [len(component.basis) for component in symmetry.components]
    return torch.stack([part.sum(-1) for part in each.split(sizes, dim=-1)], -1)
