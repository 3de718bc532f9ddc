"""Permutations: composing, writing in cycles, even and odd."""

import itertools

import pytest

from grokscope.algebra.permutation import compose, cycle_notation, is_even, permutation_group
from grokscope.core.errors import SettingError
from reference import groups as slow

FOUR = list(itertools.permutations(range(4)))


def test_composition_agrees_with_explicit_loops():
    assert all(compose(a, b) == slow.compose(a, b) for a in FOUR for b in FOUR)


def test_even_permutations_have_an_even_number_of_inversions():
    assert all(is_even(a) == (slow.inversions(a) % 2 == 0) for a in FOUR)


@pytest.mark.parametrize(
    ("permutation", "written"),
    [
        ((0, 1, 2), "e"),
        ((1, 0, 3, 2), "(12)(34)"),
        ((1, 2, 0, 4, 3), "(123)(45)"),
        ((2, 1, 0), "(13)"),
        ((*range(1, 10), 0), "(1 2 3 4 5 6 7 8 9 10)"),
    ],
)
def test_cycles_are_written_from_their_smallest_point(permutation: tuple[int, ...], written: str):
    assert cycle_notation(permutation) == written


def test_permutations_that_are_not_closed_are_refused():
    with pytest.raises(SettingError, match="Latin square"):
        permutation_group("none", [(0, 1, 2), (1, 0, 2), (0, 2, 1)])
