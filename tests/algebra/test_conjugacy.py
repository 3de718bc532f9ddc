"""Conjugacy classes."""

import pytest
import torch

from grokscope.algebra.conjugacy import conjugacy_classes
from grokscope.algebra.group_name import group_named
from reference.groups import slow_classes

NAMES = ("Z7", "Z6xZ10", "D4", "D7", "S3", "S4", "A4", "A5", "Q8", "F20", "S3xQ8")
every_group = pytest.mark.parametrize("name", NAMES)


@every_group
def test_classes_agree_with_conjugating_one_by_one(name: str):
    group = group_named(name)
    classes = conjugacy_classes(group)
    members = [
        frozenset(torch.nonzero(classes.labels == label).flatten().tolist())
        for label in range(len(classes))
    ]
    assert set(members) == set(slow_classes(group.table.tolist()))
    assert classes.sizes.tolist() == [len(m) for m in members]
    assert classes.representatives.tolist() == [min(m) for m in members]


@every_group
def test_the_identity_is_first_and_element_orders_increase(name: str):
    group = group_named(name)
    orders = group.element_orders[conjugacy_classes(group).representatives]
    assert orders.tolist() == sorted(orders.tolist())
    assert orders.tolist().count(1) == 1


@every_group
def test_inverse_classes_hold_the_inverses(name: str):
    group = group_named(name)
    classes = conjugacy_classes(group)
    assert torch.equal(classes.inverses[classes.labels], classes.labels[group.inverses])


def test_classes_of_permutations_are_their_cycle_types():
    classes = conjugacy_classes(group_named("S5"))
    expected = ("e", "(12)", "(12)(34)", "(123)", "(1234)", "(12345)", "(12)(345)")
    assert classes.names == expected
    assert classes.sizes.tolist() == [1, 10, 15, 20, 30, 24, 20]


def test_classes_of_the_quaternions_are_named_after_positive_units():
    assert conjugacy_classes(group_named("Q8")).names == ("1", "-1", "i", "j", "k")
