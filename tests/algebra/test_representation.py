"""Irreps as orthogonal matrices."""

import pytest
import torch

from algebra.shuffle import shuffled
from grokscope.algebra.family import symmetric
from grokscope.algebra.group_name import group_named
from grokscope.algebra.real_irrep import RealIrrep, real_irreps
from grokscope.algebra.representation import orthogonal_matrices

NAMES = ("Z7", "Z6xZ10", "D4", "D7", "S3", "S4", "S5", "A4", "A5", "Q8", "F20", "S3xQ8", "Z3xQ8")
every_group = pytest.mark.parametrize("name", NAMES)


def matrices_of(name: str) -> list[tuple[RealIrrep, torch.Tensor]]:
    return [(irrep, orthogonal_matrices(irrep)) for irrep in real_irreps(group_named(name))]


@every_group
def test_products_of_matrices_are_matrices_of_products(name: str):
    table = group_named(name).table
    for _, matrices in matrices_of(name):
        products = matrices.unsqueeze(1) @ matrices
        assert float((products - matrices[table]).abs().max()) < 1e-10


@every_group
def test_matrices_are_orthogonal(name: str):
    for irrep, matrices in matrices_of(name):
        assert matrices.shape[1:] == (irrep.dimension, irrep.dimension)
        products = matrices @ matrices.mT
        expected = torch.eye(irrep.dimension, dtype=torch.float64).expand_as(products)
        torch.testing.assert_close(products, expected, rtol=0, atol=1e-10)


@every_group
def test_traces_are_the_characters(name: str):
    for irrep, matrices in matrices_of(name):
        traces = torch.stack([matrix.trace() for matrix in matrices])
        torch.testing.assert_close(traces, irrep.character, rtol=0, atol=1e-10)


def test_the_standard_irrep_of_s3_turns_and_flips_a_triangle():
    _, matrices = matrices_of("S3")[2]
    determinants = torch.linalg.det(matrices).round().tolist()
    assert determinants == [1, -1, -1, 1, 1, -1]  # e, (23), (12), (123), (132), (13)


def test_another_order_of_the_elements_gives_a_representation_too():
    group = shuffled(symmetric(4))
    for irrep in real_irreps(group):
        matrices = orthogonal_matrices(irrep)
        torch.testing.assert_close(
            matrices[group.identity], torch.eye(irrep.dimension, dtype=torch.float64)
        )


def test_the_same_group_made_again_gives_the_same_matrices():
    one, again = (real_irreps(symmetric(4)) for _ in range(2))
    for first, second in zip(one, again, strict=True):
        assert first is not second
        assert torch.equal(orthogonal_matrices(first), orthogonal_matrices(second))
