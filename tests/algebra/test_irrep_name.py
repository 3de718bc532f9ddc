"""Names of irreps."""

import pytest

from grokscope.algebra.character import character_table
from grokscope.algebra.group_name import group_named
from grokscope.algebra.real_irrep import real_irreps

COMPLEX = {
    "S3": "trivial sign standard",
    "S4": "trivial sign 2a standard standard-sign",
    "S5": "trivial sign standard standard-sign 5a 5b 6a",
    "A4": "trivial 1a 1b standard",
    "A5": "trivial 3a 3b standard 5a",
    "D4": "trivial 1a 1b 1c 2a",
    "D7": "trivial sign 2a 2b 2c",
    "Q8": "trivial 1a 1b 1c 2a",
    "F20": "trivial sign 1a 1b standard",
    "Z3": "trivial 1a 1b",
    "Z4": "trivial sign 1a 1b",
}
REAL = {
    "S4": "trivial sign 2a standard standard-sign",
    "A3": "trivial standard",
    "A4": "trivial 2a standard",
    "Q8": "trivial 1a 1b 1c 4a",
    "Z7": "trivial 2a 2b 2c",
    "F20": "trivial sign 2a standard",
}


@pytest.mark.parametrize("name", COMPLEX)
def test_names_of_complex_irreps(name: str):
    table = character_table(group_named(name))
    assert sorted(table.names) == sorted(COMPLEX[name].split())
    dimensions = dict(zip(table.names, table.dimensions.tolist(), strict=True))
    assert all(int(n[0]) == d for n, d in dimensions.items() if n[0].isdigit())


@pytest.mark.parametrize("name", REAL)
def test_names_of_real_irreps(name: str):
    assert [irrep.name for irrep in real_irreps(group_named(name))] == REAL[name].split()


def test_more_irreps_than_letters_are_counted_like_the_columns_of_spreadsheets():
    names = character_table(group_named("Z30")).names
    assert names[:3] == ("trivial", "sign", "1a")
    assert names[-3:] == ("1z", "1aa", "1ab")


def test_the_sign_of_permutations_is_one_on_even_ones():
    group, even = group_named("S5"), group_named("A5")
    table = character_table(group)
    sign = table.on_elements()[table.names.index("sign")].real.tolist()
    assert {n for n, s in zip(group.elements, sign, strict=True) if s == 1} == set(even.elements)
