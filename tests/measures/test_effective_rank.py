"""Effective rank of planted embeddings."""

import math

import pytest
import torch

from grokscope.measures.effective_rank import effective_rank
from reference.snapshots import slow_effective_rank


def circles(n: int, sizes: dict[int, float], width: int = 20) -> torch.Tensor:
    """Circles of some frequencies and radii, in orthogonal planes turned at random."""
    columns = []
    for k, size in sizes.items():
        angle = torch.arange(n).double() * (2 * math.pi * k / n)
        columns += [size * angle.cos(), size * angle.sin()]
    stream = torch.Generator().manual_seed(0)
    turn, _ = torch.linalg.qr(torch.randn(width, width, generator=stream, dtype=torch.float64))
    return torch.stack(columns, 1) @ turn[: len(columns)]


def test_circles_of_one_size_count_two_directions_each():
    table = circles(23, {1: 1.0, 4: 1.0, 7: 1.0}) + 5
    assert effective_rank(table.expand(1, 2, 23, 20)).item() == pytest.approx(6.0)


def test_unequal_circles_count_by_their_singular_values():
    table = circles(23, {1: 3.0, 4: 1.0})
    shares = [3 / 8, 3 / 8, 1 / 8, 1 / 8]
    expected = math.exp(-sum(p * math.log(p) for p in shares))
    assert effective_rank(table.expand(1, 2, 23, 20)).item() == pytest.approx(expected)


def test_agreement_with_the_eigenvalues_of_the_covariance_and_the_mean_over_operands():
    tables = torch.randn(2, 2, 9, 5, dtype=torch.float64)
    found = effective_rank(tables)
    for i in range(2):
        own = [slow_effective_rank(table.numpy()) for table in tables[i]]
        assert found[i].item() == pytest.approx(sum(own) / 2)
        assert 1 < found[i] < 5


def test_equal_embeddings_have_no_rank():
    assert effective_rank(torch.ones(1, 2, 7, 3)).isnan().all()
