"""Subgroups: published counts, and small groups by trying every pair of generators."""

import pytest
import torch

from algebra.shuffle import shuffled
from grokscope.algebra.family import symmetric
from grokscope.algebra.group_name import group_named
from grokscope.algebra.subgroup import generated, subgroup_classes, subgroups
from grokscope.core.errors import SettingError
from reference.groups import slow_closure, slow_subgroup_classes, slow_subgroups

COUNTS = {
    "S3": (6, 4),
    "S4": (30, 11),
    "S5": (156, 19),  # Holt, Enumerating subgroups of the symmetric group (2010)
    "A4": (10, 5),
    "A5": (59, 9),
    "D4": (10, 8),
    "D7": (10, 4),
    "D12": (34, 16),
    "Q8": (6, 6),
    "F20": (14, 6),
    "Z12": (6, 6),
    "Z2xZ2xZ2": (16, 16),
    "Z6xZ10": (20, 20),
}


@pytest.mark.parametrize("name", COUNTS)
def test_there_are_as_many_as_published(name: str):
    group = group_named(name)
    assert (len(subgroups(group)), len(subgroup_classes(group))) == COUNTS[name]


@pytest.mark.parametrize("name", ["S3", "S4", "A4", "D4", "D6", "Q8", "F20", "Z2xZ6"])
def test_subgroups_and_classes_agree_with_trying_every_pair(name: str):
    group = group_named(name)
    table = group.table.tolist()
    expected = slow_subgroups(table, 2)
    assert {frozenset(s.members.tolist()) for s in subgroups(group)} == expected
    classes = {
        frozenset(frozenset(s.members.tolist()) for s in conjugate)
        for conjugate in subgroup_classes(group)
    }
    assert classes == slow_subgroup_classes(table, expected)


def test_groups_that_need_three_generators_are_found():
    group = group_named("Z2xZ2xZ2")
    expected = slow_subgroups(group.table.tolist(), 3)
    assert {frozenset(s.members.tolist()) for s in subgroups(group)} == expected


@pytest.mark.parametrize("name", ["S5", "A5", "D12"])
def test_members_are_closed_sorted_and_generated_by_the_generators(name: str):
    group = group_named(name)
    table = group.table.tolist()
    for subgroup in subgroups(group):
        members = subgroup.members.tolist()
        assert members == sorted(members)
        assert slow_closure(table, subgroup.generators) == frozenset(members)
        assert subgroup.order * subgroup.index == group.order


def test_classes_go_from_the_trivial_subgroup_to_the_whole_group():
    classes = subgroup_classes(group_named("S4"))
    orders = [conjugate[0].order for conjugate in classes]
    assert orders == sorted(orders)
    assert [classes[0][0].name, classes[-1][0].name] == ["trivial", "S4"]
    assert all(s.n_conjugates == len(c) for c in classes for s in c)


def test_normal_subgroups_of_s4():
    normal = [s.label for s in subgroups(group_named("S4")) if s.is_normal]
    assert [label.split()[0] for label in normal] == ["trivial", "Z2xZ2", "A4", "S4"]


def test_subgroups_of_s5_have_the_names_of_the_textbooks():
    names = [conjugate[0].name for conjugate in subgroup_classes(group_named("S5"))]
    assert " ".join(names) == (
        "trivial Z2 Z2 Z3 Z2xZ2 Z2xZ2 Z4 Z5 S3 Z6 S3 D4 D5 D6 A4 F20 S4 A5 S5"
    )


@pytest.mark.parametrize("name", ["Z12", "Z2xZ6", "Z2xZ2xZ2", "Q8", "D12", "F42"])
def test_the_whole_group_has_its_own_name(name: str):
    assert subgroups(group_named(name))[-1].name == name


def test_a_subgroup_without_a_known_name_is_called_by_its_order():
    names = {s.name for s in subgroups(group_named("S3xQ8"))}
    assert "order 12" in names  # Z3 with an i that inverts it: the dicyclic group
    assert "order 48" in names


def test_a_group_with_the_element_orders_of_an_abelian_one_is_not_mistaken_for_it():
    # Z2xQ8 and Z4xZ4: both have 3 elements of order 2 and 12 of order 4.
    assert subgroups(group_named("Z2xQ8"))[-1].name == "order 16"
    assert subgroups(group_named("Z4xZ4"))[-1].name == "Z4xZ4"


def test_a_label_names_generators():
    labels = [conjugate[0].label for conjugate in subgroup_classes(group_named("S3"))]
    assert labels == ["trivial ⟨⟩", "Z2 ⟨(23)⟩", "Z3 ⟨(123)⟩", "S3 ⟨(123), (23)⟩"]


def test_subgroups_do_not_depend_on_the_order_of_the_elements():
    one, other = symmetric(4), shuffled(symmetric(4))
    members = [
        {frozenset(group.elements[a] for a in s.members.tolist()) for s in subgroups(group)}
        for group in (one, other)
    ]
    assert members[0] == members[1]


def test_elements_that_do_not_exist_generate_nothing():
    with pytest.raises(SettingError, match=r"`elements` must be in 0 … 5, got \[6\]"):
        generated(group_named("S3"), [6])
    assert torch.equal(generated(group_named("S3"), []), torch.tensor([0]))
