"""Isotypic projections: complete, orthogonal, and the frequencies of a cyclic group."""

import pytest
import torch

from grokscope.algebra.fourier import fourier_basis, frequency_rows
from grokscope.algebra.group_name import group_named
from grokscope.algebra.isotypic import isotypic_projector, isotypic_projectors
from grokscope.algebra.real_irrep import real_irreps
from grokscope.algebra.representation import orthogonal_matrices

NAMES = ("Z7", "Z6xZ10", "D4", "D7", "S3", "S4", "S5", "A4", "A5", "Q8", "F20", "S3xQ8", "Z3xQ8")
every_group = pytest.mark.parametrize("name", NAMES)


@every_group
def test_projectors_add_up_to_the_identity(name: str):
    projectors = isotypic_projectors(group_named(name))
    expected = torch.eye(group_named(name).order, dtype=torch.float64)
    torch.testing.assert_close(projectors.sum(0), expected, rtol=0, atol=1e-12)


@every_group
def test_projectors_are_symmetric_idempotent_and_mutually_orthogonal(name: str):
    projectors = isotypic_projectors(group_named(name))
    torch.testing.assert_close(projectors, projectors.mT, rtol=0, atol=1e-12)
    for i, first in enumerate(projectors):
        for j, second in enumerate(projectors):
            expected = first if i == j else torch.zeros_like(first)
            torch.testing.assert_close(first @ second, expected, rtol=0, atol=1e-12)


@every_group
def test_the_rank_is_that_of_the_irrep(name: str):
    for irrep in real_irreps(group_named(name)):
        projector = isotypic_projector(irrep)
        assert float(projector.trace()) == pytest.approx(irrep.rank)


@every_group
def test_projectors_commute_with_translation_from_both_sides(name: str):
    group = group_named(name)
    for element in (1, group.order - 1):
        for moved in (group.table[element], group.table[:, element]):
            for projector in isotypic_projectors(group):
                turned = projector[moved][:, moved]
                torch.testing.assert_close(turned, projector, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["S4", "A4", "Q8", "D7", "Z3xQ8"])
def test_a_component_is_the_span_of_the_coefficients_of_the_matrices(name: str):
    for irrep in real_irreps(group_named(name)):
        coefficients = orthogonal_matrices(irrep).flatten(1)
        left, values, _ = torch.linalg.svd(coefficients, full_matrices=False)
        span = left[:, values > 1e-8]
        torch.testing.assert_close(span @ span.T, isotypic_projector(irrep), rtol=0, atol=1e-10)


@pytest.mark.parametrize("n", [7, 12])
def test_components_of_a_cyclic_group_are_its_frequencies(n: int):
    basis = fourier_basis(n)
    rows = [basis[:1], *(basis[frequency_rows(k, n)] for k in range(1, n // 2 + 1))]
    frequencies = torch.stack([part.T @ part for part in rows])
    projectors = isotypic_projectors(group_named(f"Z{n}"))
    distances = (projectors.unsqueeze(1) - frequencies).abs().amax((2, 3))
    assert sorted(distances.argmin(1).tolist()) == list(range(n // 2 + 1))
    assert float(distances.amin(1).max()) < 1e-12


def test_the_sign_part_of_a_function_is_its_mean_against_the_sign():
    group = group_named("S4")
    sign = real_irreps(group)[1]
    function = torch.randn(
        group.order, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    expected = sign.character * (sign.character * function).mean()
    torch.testing.assert_close(isotypic_projector(sign) @ function, expected)
