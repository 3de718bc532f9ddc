"""Restricted, excluded and full loss."""

import math

import pytest
import torch

from grokscope.algebra.cyclic import CyclicStructure, additive, multiplicative
from grokscope.measures.grid import to_grid
from grokscope.measures.progress import Progress, progress_measures
from reference import progress as reference
from reference.circuit import planted_logits
from reference.fourier import slow_excluded_loss, slow_loss, slow_restricted_loss


def full_table(p: int) -> torch.Tensor:
    return torch.cartesian_prod(torch.arange(p), torch.arange(p))


def pairs(mask: torch.Tensor) -> list[tuple[int, int]]:
    return [(x, y) for x, y in torch.nonzero(mask).tolist()]


def measured(grid: torch.Tensor, keys: list[int]) -> Progress:
    """One network's measures with every row a training row."""
    return progress_measures(grid, [keys], torch.ones(grid.shape[:3], dtype=torch.bool))


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
    n, found = structure.order, measured(grid, keys)
    assert found.full_loss.item() < 0.1
    torch.testing.assert_close(found.restricted_loss, found.full_loss)
    assert found.excluded_loss.item() == pytest.approx(math.log(n))
    others = measured(grid, [k for k in range(1, n // 2 + 1) if k not in keys])
    assert others.restricted_loss.item() == pytest.approx(math.log(n))
    torch.testing.assert_close(others.excluded_loss, others.full_loss)


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
    found = progress_measures(grid, [keys], train)
    assert found.excluded_loss.item() < 0.1
    assert found.restricted_loss.item() > 0.6 * math.log(n)


def test_a_bias_of_the_classes_is_kept_in_the_restricted_loss():
    grid, _ = random_grid(7)
    bias = 5 * torch.randn(7, dtype=torch.float64)
    found = measured(grid + bias, [2]).restricted_loss
    assert found.item() == pytest.approx(slow_restricted_loss((grid[0] + bias).numpy(), [2]))


@pytest.mark.parametrize("n", [11, 12, 23])
def test_a_stack_is_measured_like_its_networks_one_by_one(n: int):
    stream = torch.Generator().manual_seed(n)
    keys = [[1], [2, n // 2, 3], [], list(range(1, n // 2 + 1))]
    grid = 5 * torch.randn(4, n, n, n, generator=stream)
    train = torch.rand(4, n, n, generator=stream) < 0.4
    found = progress_measures(grid, keys, train)
    for i, own in enumerate(keys):
        close = {"rel": 1e-12, "abs": 1e-13}
        restricted = reference.restricted_loss(grid[i], own)
        assert found.restricted_loss[i].item() == pytest.approx(restricted, **close)
        excluded = reference.excluded_loss(grid[i], own, train[i])
        assert found.excluded_loss[i].item() == pytest.approx(excluded, **close)
        singly = [reference.excluded_loss(grid[i], [k], train[i]) for k in own]
        assert found.excluded_loss_by_frequency[i].tolist() == pytest.approx(singly, **close)
        full = reference.full_loss(grid[i])
        assert found.full_loss[i].item() == pytest.approx(full, **close)
        explained = reference.logit_fve(grid[i], own)
        assert found.logit_fve[i].item() == pytest.approx(explained, **close)


def test_logits_too_far_apart_for_one_exponential_are_measured_too():
    grid, train = random_grid(7)
    both = torch.cat([grid, 1e4 * grid])
    found = progress_measures(both, [[1, 3], [1, 3]], torch.cat([train, train]))
    for i, table in enumerate(both):
        excluded = reference.excluded_loss(table, [1, 3], train[0])
        assert found.excluded_loss[i].item() == pytest.approx(excluded, rel=1e-12)
        assert found.full_loss[i].item() == pytest.approx(reference.full_loss(table), rel=1e-12)


def test_losses_far_below_float32_resolution_are_told_apart():
    small = planted_grid(additive(7), 7, [1, 2, 3]).double()
    weak, strong, half = (measured(a * small, [1]).full_loss.item() for a in (1.0, 2.0, 0.5))
    assert 0 < strong < 1e-30 or strong == 0.0
    assert weak < 1e-10
    assert half > weak


def test_excluding_from_no_training_rows_is_undefined():
    grid, train = random_grid(7)
    found = progress_measures(grid, [[]], torch.zeros_like(train))
    assert found.excluded_loss.isnan().all()
    assert found.excluded_loss_by_frequency[0].shape == (0,)
