"""The table in the coordinates of its group."""

import pytest
import torch

from grokscope.algebra.cyclic import CyclicStructure, additive, multiplicative
from grokscope.core.errors import SettingError
from grokscope.measures.grid import (
    by_answer,
    grid_rows,
    mask_to_grid,
    neurons_to_grid,
    to_grid,
)


def full_table(p: int) -> torch.Tensor:
    return torch.cartesian_prod(torch.arange(p), torch.arange(p))


@pytest.mark.parametrize(
    ("structure", "p", "operation"),
    [
        (additive(8), 8, lambda a, b: (a + b) % 8),
        (additive(7, -1), 7, lambda a, b: (a - b) % 7),
        (multiplicative(7), 7, lambda a, b: a * b % 7),
        (multiplicative(7, -1), 7, lambda a, b: a * pow(b, 5, 7) % 7),
    ],
)
def test_the_answer_to_each_pair_of_coordinates_is_their_sum(
    structure: CyclicStructure, p: int, operation
):
    inputs = full_table(p)
    logits = torch.zeros(2, len(inputs), p + 1)
    for row, (a, b) in enumerate(inputs.tolist()):
        logits[:, row, operation(a, b)] = 1.0
    grid = to_grid(logits, inputs, structure)
    n = structure.order
    assert grid.shape == (2, n, n, n)
    for x in range(n):
        for y in range(n):
            assert grid[1, x, y].argmax() == (x + y) % n


def test_shuffled_rows_give_the_same_grid():
    inputs, structure = full_table(5), additive(5)
    logits = torch.randn(1, 25, 5)
    shuffle = torch.randperm(25)
    expected = to_grid(logits, inputs, structure)
    assert torch.equal(to_grid(logits[:, shuffle], inputs[shuffle], structure), expected)


def test_rows_of_zero_are_left_out_of_a_product_table():
    inputs = full_table(5)
    rows = grid_rows(inputs, multiplicative(5))
    assert rows.shape == (4, 4)
    assert (inputs[rows.flatten()] != 0).all()


def test_neurons_and_masks_take_the_same_rows_as_logits():
    inputs, structure = full_table(5), multiplicative(5, -1)
    values = torch.rand(3, 25)
    neurons = neurons_to_grid(values.unsqueeze(2), inputs, structure)
    assert torch.equal(neurons[..., 0] > 0.5, mask_to_grid(values > 0.5, inputs, structure))


def test_inputs_are_gathered_by_the_sum_of_their_coordinates():
    grid = torch.randn(2, 5, 5, 3)
    table = by_answer(grid)
    for s in range(5):
        for x in range(5):
            assert torch.equal(table[:, s, x], grid[:, x, (s - x) % 5])


def test_a_table_with_a_missing_pair_is_refused():
    with pytest.raises(SettingError, match="full table of 25 pairs, got '1 missing'"):
        grid_rows(full_table(5)[1:], additive(5))


def test_three_operands_are_refused():
    with pytest.raises(SettingError, match="rows of two operands"):
        grid_rows(torch.zeros(5, 3, dtype=torch.long), additive(5))
