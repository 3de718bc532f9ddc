"""The families of groups against tables made by explicit loops."""

import pytest
import torch

from grokscope.algebra.family import (
    affine,
    alternating,
    cyclic,
    dihedral,
    product,
    quaternion,
    symmetric,
)
from grokscope.algebra.group import Group
from grokscope.core.errors import SettingError
from reference.groups import (
    slow_affine,
    slow_alternating,
    slow_dihedral,
    slow_product_of_cyclic,
    slow_quaternion,
    slow_symmetric,
)

TABLES = {
    "Z12": (lambda: cyclic(12), lambda: slow_product_of_cyclic(1, 12)),
    "Z6xZ10": (lambda: product(cyclic(6), cyclic(10)), lambda: slow_product_of_cyclic(6, 10)),
    "D3": (lambda: dihedral(3), lambda: slow_dihedral(3)),
    "D8": (lambda: dihedral(8), lambda: slow_dihedral(8)),
    "S3": (lambda: symmetric(3), lambda: slow_symmetric(3)),
    "S4": (lambda: symmetric(4), lambda: slow_symmetric(4)),
    "S5": (lambda: symmetric(5), lambda: slow_symmetric(5)),
    "A3": (lambda: alternating(3), lambda: slow_alternating(3)),
    "A4": (lambda: alternating(4), lambda: slow_alternating(4)),
    "A5": (lambda: alternating(5), lambda: slow_alternating(5)),
    "F20": (lambda: affine(5), lambda: slow_affine(5)),
    "F42": (lambda: affine(7), lambda: slow_affine(7)),
    "Q8": (quaternion, slow_quaternion),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_agree_with_explicit_loops(name: str):
    build, slowly = TABLES[name]
    group: Group = build()
    assert group.name == name
    assert group.table.tolist() == slowly()


def test_a_product_multiplies_side_by_side():
    first, second = symmetric(3), quaternion()
    both = product(first, second)
    for a in range(both.order):
        for b in range(both.order):
            (a1, a2), (b1, b2) = divmod(a, 8), divmod(b, 8)
            assert divmod(int(both.table[a, b]), 8) == (first.table[a1, b1], second.table[a2, b2])
    assert both.elements[9] == "((23),-1)"


def test_elements_have_the_names_of_the_textbooks():
    assert cyclic(3).elements == ("0", "1", "2")
    assert dihedral(4).elements == ("e", "r", "r2", "r3", "s", "rs", "r2s", "r3s")
    assert symmetric(3).elements == ("e", "(23)", "(12)", "(123)", "(132)", "(13)")
    assert quaternion().elements == ("1", "-1", "i", "-i", "j", "-j", "k", "-k")


def test_permutations_are_kept_and_apply_the_second_factor_first():
    group = symmetric(4)
    permutations = group.permutations
    assert permutations is not None
    for a in range(group.order):
        expected = permutations[a][permutations]  # a(b(x)) for every b
        assert torch.equal(permutations[group.table[a]], expected)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: cyclic(0), "`n` must be at least 1, got 0."),
        (lambda: dihedral(2), "`n` must be at least 3, got 2."),
        (lambda: symmetric(6), "`n` must be between 3 and 5, got 6."),
        (lambda: alternating(2), "`n` must be between 3 and 5, got 2."),
        (lambda: affine(9), "`p` must be an odd prime, got 9."),
    ],
)
def test_members_that_do_not_exist_are_refused(build, message: str):
    with pytest.raises(SettingError) as error:
        build()
    assert str(error.value) == message
