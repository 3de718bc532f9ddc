"""Restricted, excluded and full loss."""

import math

import pytest
import torch

from grokscope.algebra.cyclic import CyclicStructure, additive, multiplicative
from grokscope.measures.grid import to_grid
from grokscope.measures.progress import (
    excluded_loss,
    excluded_loss_by_frequency,
    full_loss,
    progress_measures,
    restricted_loss,
)
from reference.circuit import planted_logits
from reference.fourier import slow_excluded_loss, slow_loss, slow_restricted_loss


def full_table(p: int) -> torch.Tensor:
    return torch.cartesian_prod(torch.arange(p), torch.arange(p))


def pairs(mask: torch.Tensor) -> list[tuple[int, int]]:
    return [(x, y) for x, y in torch.nonzero(mask).tolist()]


def random_grid(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    stream = torch.Generator().manual_seed(n)
    grid = 3 * torch.randn(1, n, n, n, generator=stream, dtype=torch.float64)
    return grid, torch.rand(1, n, n, generator=stream) < 0.4


@pytest.mark.parametrize(("n", "keys"), [(7, [1, 3]), (8, [2, 4]), (8, [4]), (11, [5]), (11, [])])
def test_losses_agree_with_explicit_loops(n: int, keys: list[int]):
    grid, train = random_grid(n)
    table, rows = grid[0].numpy(), pairs(train[0])
    found = progress_measures(grid, [keys], train)
    assert found.restricted_loss.item() == pytest.approx(slow_restricted_loss(table, keys))
    assert found.excluded_loss.item() == pytest.approx(slow_excluded_loss(table, keys, rows))
    singly = [slow_excluded_loss(table, [k], rows) for k in keys]
    assert found.excluded_loss_by_frequency[0].tolist() == pytest.approx(singly)
    every = [(x, y) for x in range(n) for y in range(n)]
    assert found.full_loss.item() == pytest.approx(slow_loss(table, every))
    assert full_loss(grid, train).item() == pytest.approx(slow_loss(table, rows))


GROUPS = {
    "addition": (additive(23), 23, [3, 11]),
    "subtraction": (additive(23, -1), 23, [4, 9]),
    "multiplication": (multiplicative(23), 23, [2, 7]),
    "division": (multiplicative(23, -1), 23, [3, 5, 11]),
}


@pytest.mark.parametrize("name", GROUPS)
def test_a_planted_circuit_is_all_in_its_key_frequencies(name: str):
    structure, p, keys = GROUPS[name]
    grid = planted_grid(structure, p, keys)
    n = structure.order
    everywhere = torch.ones(1, n, n, dtype=torch.bool)
    assert full_loss(grid).item() < 0.1
    torch.testing.assert_close(restricted_loss(grid, [keys]), full_loss(grid))
    assert excluded_loss(grid, [keys], everywhere).item() == pytest.approx(math.log(n))
    others = [k for k in range(1, n // 2 + 1) if k not in keys]
    assert restricted_loss(grid, [others]).item() == pytest.approx(math.log(n))
    torch.testing.assert_close(excluded_loss(grid, [others], everywhere), full_loss(grid))


def planted_grid(structure: CyclicStructure, p: int, keys: list[int]) -> torch.Tensor:
    logits = planted_logits(structure, full_table(p), keys, n_outputs=p + 1)
    return to_grid(logits.unsqueeze(0), full_table(p), structure)


def test_a_memorised_table_has_a_low_excluded_and_a_high_restricted_loss():
    n, keys = 23, [3, 7]
    stream = torch.Generator().manual_seed(0)
    train = torch.rand(1, n, n, generator=stream) < 0.3
    x, y = torch.nonzero(train[0], as_tuple=True)
    grid = torch.zeros(1, n, n, n)
    grid[0, x, y, (x + y) % n] = 20.0
    assert excluded_loss(grid, [keys], train).item() < 0.1
    assert restricted_loss(grid, [keys]).item() > 0.6 * math.log(n)


def test_a_bias_of_the_classes_is_kept_in_the_restricted_loss():
    grid, _ = random_grid(7)
    bias = 5 * torch.randn(7, dtype=torch.float64)
    found = restricted_loss(grid + bias, [[2]])
    assert found.item() == pytest.approx(slow_restricted_loss((grid[0] + bias).numpy(), [2]))


def test_each_network_is_measured_with_its_own_frequencies_and_rows():
    (first, rows), (second, _) = random_grid(7), random_grid(7)
    second, others = second.flip(1), ~rows
    both, train = torch.cat([first, second]), torch.cat([rows, others])
    keys = [[1], [2, 3]]
    found = progress_measures(both, keys, train)
    for i, (grid, mask) in enumerate([(first, rows), (second, others)]):
        alone = progress_measures(grid, [keys[i]], mask)
        assert found.restricted_loss[i] == alone.restricted_loss[0]
        assert found.excluded_loss[i] == alone.excluded_loss[0]
        assert torch.equal(found.excluded_loss_by_frequency[i], alone.excluded_loss_by_frequency[0])


def test_losses_far_below_float32_resolution_are_told_apart():
    small = planted_grid(additive(7), 7, [1, 2, 3]).double()
    weak, strong = full_loss(small), full_loss(2 * small)
    assert 0 < strong.item() < 1e-30 or strong.item() == 0.0
    assert weak.item() < 1e-10
    assert full_loss(0.5 * small).item() > weak.item()


def test_excluding_from_no_training_rows_is_undefined():
    grid, train = random_grid(7)
    assert excluded_loss(grid, [[1]], torch.zeros_like(train)).isnan().all()
    assert excluded_loss_by_frequency(grid, [[]], train)[0].shape == (0,)
