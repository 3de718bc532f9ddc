"""Modular arithmetic in the coordinates of a cyclic group."""

import pytest
import torch

from grokscope.algebra.cyclic import (
    OUTSIDE,
    CyclicStructure,
    additive,
    discrete_log,
    is_prime,
    multiplicative,
    primitive_root,
)
from grokscope.core.errors import SettingError


def answer_by_coordinates(structure: CyclicStructure, a: int, b: int) -> int:
    first, second = structure.operand_coordinates[0, a], structure.operand_coordinates[1, b]
    return int(structure.answers()[(first + second) % structure.order])


@pytest.mark.parametrize("p", [2, 7, 8, 12])
@pytest.mark.parametrize("sign", [1, -1])
def test_coordinates_add_up_to_the_sum_and_the_difference(p: int, sign: int):
    structure = additive(p, sign)
    assert structure.order == p
    for a in range(p):
        for b in range(p):
            assert answer_by_coordinates(structure, a, b) == (a + sign * b) % p


@pytest.mark.parametrize("p", [3, 7, 11, 13])
@pytest.mark.parametrize("sign", [1, -1])
def test_coordinates_add_up_to_the_product_and_the_quotient(p: int, sign: int):
    structure = multiplicative(p, sign)
    assert structure.order == p - 1
    for a in range(1, p):
        for b in range(1, p):
            assert answer_by_coordinates(structure, a, b) == a * pow(b, sign, p) % p


def test_zero_is_outside_the_multiplicative_group():
    structure = multiplicative(7)
    assert structure.operand_coordinates[:, 0].tolist() == [OUTSIDE, OUTSIDE]
    assert int(structure.answer_coordinates[0]) == OUTSIDE


@pytest.mark.parametrize("structure", [additive(8, -1), multiplicative(11, -1)])
def test_operands_invert_the_coordinates(structure: CyclicStructure):
    for slot in range(structure.n_slots):
        tokens = structure.operands(slot)
        coordinates = structure.operand_coordinates[slot, tokens]
        assert coordinates.tolist() == list(range(structure.order))


@pytest.mark.parametrize(("p", "root"), [(3, 2), (7, 3), (23, 5), (41, 6), (113, 3)])
def test_smallest_primitive_roots_match_the_tables(p: int, root: int):
    assert primitive_root(p) == root


@pytest.mark.parametrize("p", [3, 5, 59, 113])
def test_discrete_logarithms_turn_products_into_sums(p: int):
    logs = discrete_log(p)
    root = primitive_root(p)
    assert int(logs[0]) == OUTSIDE
    assert all(pow(root, int(logs[a]), p) == a for a in range(1, p))


def test_primes_below_thirty():
    primes = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]
    assert [n for n in range(-3, 30) if is_prime(n)] == primes


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: additive(1), "`p` must be at least 2, got 1."),
        (lambda: additive(5, 0), "`sign` must be 1 or -1, got 0."),
        (lambda: multiplicative(9), "`p` must be an odd prime, got 9."),
        (lambda: multiplicative(2), "`p` must be an odd prime, got 2."),
        (lambda: primitive_root(0), "`p` must be an odd prime, got 0."),
    ],
)
def test_groups_that_do_not_exist_are_refused_in_one_line(build, message: str):
    with pytest.raises(SettingError) as error:
        build()
    assert str(error.value) == message


def test_two_tokens_with_one_coordinate_are_refused():
    with pytest.raises(SettingError, match="operand_coordinates"):
        CyclicStructure(
            order=2,
            operand_coordinates=torch.tensor([[0, 1], [1, 1]]),
            answer_coordinates=torch.tensor([0, 1]),
        )
