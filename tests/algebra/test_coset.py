"""Cosets of subgroups."""

import pytest
import torch

from grokscope.algebra.coset import left_cosets, right_cosets
from grokscope.algebra.group_name import group_named
from grokscope.algebra.subgroup import Subgroup, subgroup_classes, subgroups
from reference.groups import slow_cosets

NAMES = ("S4", "A4", "D6", "Q8", "F20")
every_group = pytest.mark.parametrize("name", NAMES)


def parts(labels: torch.Tensor) -> set[frozenset[int]]:
    found = range(int(labels.max()) + 1)
    return {frozenset(torch.nonzero(labels == i).flatten().tolist()) for i in found}


@every_group
def test_cosets_agree_with_multiplying_every_member(name: str):
    group = group_named(name)
    table = group.table.tolist()
    for subgroup in subgroups(group):
        members = frozenset(subgroup.members.tolist())
        assert parts(left_cosets(subgroup)) == slow_cosets(table, members, left=True)
        assert parts(right_cosets(subgroup)) == slow_cosets(table, members, left=False)


@every_group
def test_cosets_are_numbered_by_their_first_members_and_equally_large(name: str):
    for subgroup in subgroups(group_named(name)):
        for labels in (left_cosets(subgroup), right_cosets(subgroup)):
            numbers = list(dict.fromkeys(labels.tolist()))
            assert numbers == list(range(subgroup.index))
            assert set(torch.bincount(labels).tolist()) == {subgroup.order}


@every_group
def test_left_and_right_cosets_agree_exactly_for_normal_subgroups(name: str):
    for subgroup in subgroups(group_named(name)):
        same = torch.equal(left_cosets(subgroup), right_cosets(subgroup))
        assert same == subgroup.is_normal


def test_left_cosets_of_a_point_stabiliser_are_the_images_of_the_point():
    group = group_named("S5")
    permutations = group.permutations
    assert permutations is not None
    fixing = torch.nonzero(permutations[:, 0] == 0).flatten()
    stabiliser = next(s for s in subgroups(group) if torch.equal(s.members, fixing))
    assert stabiliser.name == "S4"
    assert torch.equal(left_cosets(stabiliser), permutations[:, 0])


def test_a_conjugate_has_the_right_cosets_of_the_left_ones():
    group = group_named("S5")
    stabilisers: tuple[Subgroup, ...] = next(
        c for c in subgroup_classes(group) if c[0].name == "S4"
    )
    right = {frozenset(part) for s in stabilisers for part in parts(right_cosets(s))}
    left = {frozenset(part) for s in stabilisers for part in parts(left_cosets(s))}
    assert right == left  # a∘H = (a∘H∘a⁻¹)∘a
