"""A group by its Cayley table: the axioms, and what follows from the table."""

import pytest
import torch

from algebra.shuffle import shuffled
from grokscope.algebra.family import symmetric
from grokscope.algebra.group import Group
from grokscope.algebra.group_name import group_named
from grokscope.core.errors import SettingError
from reference.groups import slow_inverse

NAMES = ("Z7", "Z6xZ10", "D4", "D7", "S3", "S4", "A4", "A5", "Q8", "F20", "S3xQ8")
every_group = pytest.mark.parametrize("name", NAMES)


@every_group
def test_inverses_undo_their_elements(name: str):
    group = group_named(name)
    assert group.identity == 0
    table = group.table.tolist()
    assert group.inverses.tolist() == [slow_inverse(table, a) for a in range(group.order)]


@every_group
def test_element_orders_and_powers_are_found_by_multiplying(name: str):
    group = group_named(name)
    for element in range(group.order):
        powers, power = [0], element
        while power != 0:
            powers.append(power)
            power = int(group.table[power, element])
        assert group.powers(element).tolist() == powers
        assert int(group.element_orders[element]) == len(powers)


@every_group
def test_conjugates_are_g_a_over_g(name: str):
    group = group_named(name)
    table = group.table
    for g in range(group.order):
        expected = [int(table[table[g, a], group.inverses[g]]) for a in range(group.order)]
        assert group.conjugates[g].tolist() == expected


def test_the_identity_may_be_any_element():
    group = shuffled(symmetric(4))
    assert group.elements[group.identity] == "e"
    assert group.identity != 0
    assert bool((group.table[torch.arange(24), group.inverses] == group.identity).all())
    assert sorted(group.element_orders.tolist()) == sorted(symmetric(4).element_orders.tolist())


def test_which_groups_are_abelian():
    assert {name for name in NAMES if group_named(name).is_abelian} == {"Z7", "Z6xZ10"}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([[0, 1], [1, 1]], "`table` must be a Latin square .* got 'row 1'"),
        ([[1, 0], [1, 0]], "`table` must be a Latin square .* got 'column 0'"),
        ([[0, 2], [2, 0]], "`table` must be a Latin square .* got 'row 0'"),
        ([[1, 0, 2], [0, 2, 1], [2, 1, 0]], "`table` must be one with an identity element"),
        (  # the smallest loop that is no group
            [[0, 1, 2, 3, 4], [1, 0, 3, 4, 2], [2, 4, 0, 1, 3], [3, 2, 4, 0, 1], [4, 3, 1, 2, 0]],
            "`table` must be associative, got '",
        ),
    ],
)
def test_what_is_no_group_is_refused_in_one_line(table: list[list[int]], message: str):
    names = tuple(str(a) for a in range(len(table)))
    with pytest.raises(SettingError, match=message):
        Group(name="none", table=torch.tensor(table), elements=names)


def test_a_table_that_is_not_square_is_refused():
    group = symmetric(3)
    # Set behind its back: the tests' type checker would stop such a table in the constructor.
    object.__setattr__(group, "table", group.table[:4])
    with pytest.raises(SettingError, match=r"`table` must be square and not empty, got \(4, 6\)"):
        group.__post_init__()


@pytest.mark.parametrize("elements", [("a",), ("a", "a")])
def test_every_element_needs_a_name_of_its_own(elements: tuple[str, ...]):
    with pytest.raises(SettingError, match="`elements` must be 2 different names"):
        Group(name="Z2", table=torch.tensor([[0, 1], [1, 0]]), elements=elements)
