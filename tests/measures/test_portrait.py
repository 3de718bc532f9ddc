"""Embeddings on circles, and maps of neurons."""

import pytest
import torch

from grokscope.algebra.cyclic import additive
from grokscope.algebra.fourier import fourier_basis, frequency_rows
from grokscope.measures.grid import neurons_to_grid
from grokscope.measures.portrait import embedding_circle, neuron_maps
from reference.circuit import planted_neurons


def wave_embedding(n: int, k: int, d_model: int) -> torch.Tensor:
    stream = torch.Generator().manual_seed(n)
    rows = fourier_basis(n)[frequency_rows(k, n)]
    directions = torch.linalg.qr(torch.randn(d_model, len(rows), generator=stream).double()).Q
    return rows.T @ directions.T


@pytest.mark.parametrize("k", [1, 4, 11])
def test_a_planted_circle_comes_out_round_and_in_order(k: int):
    n = 23
    circle = embedding_circle(3.0 * wave_embedding(n, k, 8) + 5.0, k)
    turn = 2 * torch.pi * k / n * torch.arange(n).double()
    expected = 3.0 * (2 / n) ** 0.5 * torch.stack([turn.cos(), turn.sin()], 1)
    torch.testing.assert_close(circle.points, expected, atol=1e-12, rtol=0)
    assert circle.share == pytest.approx(1.0)


def test_share_splits_the_energy_between_two_frequencies():
    embedding = torch.cat([wave_embedding(23, 2, 4), 3 * wave_embedding(23, 5, 4)], 1)
    assert embedding_circle(embedding, 2).share == pytest.approx(0.1)
    assert embedding_circle(embedding, 5).share == pytest.approx(0.9)


def test_the_highest_frequency_of_an_even_order_is_a_line():
    circle = embedding_circle(wave_embedding(24, 12, 5), 12)
    assert circle.points[:, 1].tolist() == [0.0] * 24
    assert circle.points[:, 0].abs().min() > 0.1


def test_an_embedding_with_a_cosine_alone_is_a_line_too():
    table = fourier_basis(23)[3:4].T @ torch.ones(1, 4).double() + fourier_basis(23)[9:11].T @ (
        torch.eye(2, 4).double()
    )
    assert embedding_circle(table, 2).points[:, 1].abs().max() < 1e-9


def test_maps_show_every_frequency_and_are_sorted():
    structure, n = additive(23), 23
    inputs = torch.cartesian_prod(torch.arange(n), torch.arange(n))
    neurons = planted_neurons(structure, inputs, [7, 3], per_frequency=8)
    dead = torch.zeros(len(inputs), 5)
    grid = neurons_to_grid(torch.cat([dead, neurons], 1).unsqueeze(0), inputs, structure)[0]
    shown = neuron_maps(grid, 6)
    assert shown.frequency.tolist() == [3, 3, 3, 7, 7, 7]
    for half in (shown.fraction[:3], shown.fraction[3:]):
        assert half.tolist() == sorted(half.tolist(), reverse=True)
    for i, index in enumerate(shown.index.tolist()):
        assert torch.equal(shown.maps[i], grid[:, :, index])


def test_maps_leave_out_dead_neurons():
    grid = torch.zeros(7, 7, 3)
    grid[:, :, 1] = torch.randn(7, 7)
    shown = neuron_maps(grid, 3)
    assert shown.index.tolist() == [1]
    assert shown.maps.shape == (1, 7, 7)
    assert neuron_maps(torch.zeros(7, 7, 3), 3).maps.shape == (0, 7, 7)


def test_points_are_a_true_projection_where_the_directions_are_not_orthogonal():
    table = torch.randn(23, 6, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    centred = table - table.mean(0)
    directions = (fourier_basis(23)[frequency_rows(4, 23)] @ centred).T
    within = directions @ torch.linalg.lstsq(directions, centred.T).solution
    points = embedding_circle(table, 4).points
    torch.testing.assert_close(points @ points.T, within.T @ within)
