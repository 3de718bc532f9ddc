"""Irreps over the reals."""

import pytest
import torch

from grokscope.algebra.character import character_table
from grokscope.algebra.conjugacy import conjugacy_classes
from grokscope.algebra.group_name import group_named
from grokscope.algebra.real_irrep import real_irreps

NAMES = ("Z7", "Z12", "Z6xZ10", "D4", "D7", "S4", "S5", "A4", "A5", "Q8", "F20", "S3xQ8", "Z3xQ8")
every_group = pytest.mark.parametrize("name", NAMES)


@every_group
def test_every_complex_irrep_is_part_of_one_real_irrep(name: str):
    parts = [row for irrep in real_irreps(group_named(name)) for row in irrep.parts]
    assert sorted(parts) == list(range(len(character_table(group_named(name)).names)))


@every_group
def test_there_are_as_many_as_pairs_of_inverse_classes(name: str):
    classes = conjugacy_classes(group_named(name))
    pairs = {frozenset({a, b}) for a, b in enumerate(classes.inverses.tolist())}
    assert len(real_irreps(group_named(name))) == len(pairs)


@every_group
def test_ranks_add_up_to_the_order(name: str):
    irreps = real_irreps(group_named(name))
    assert sum(irrep.rank for irrep in irreps) == group_named(name).order
    assert irreps[0].name == "trivial"
    assert [i.dimension for i in irreps] == sorted(i.dimension for i in irreps)


@every_group
def test_the_length_of_a_character_counts_what_commutes_with_its_matrices(name: str):
    for irrep in real_irreps(group_named(name)):
        length = float(irrep.character.square().mean())
        assert length == pytest.approx({"real": 1, "complex": 2, "quaternionic": 4}[irrep.kind])


def test_conjugate_pairs_are_merged_and_quaternionic_ones_doubled():
    facts = {
        name: [(i.name, i.dimension, i.kind, i.copies) for i in real_irreps(group_named(name))]
        for name in ("A4", "Q8")
    }
    assert facts["A4"] == [
        ("trivial", 1, "real", 1),
        ("2a", 2, "complex", 1),
        ("standard", 3, "real", 3),
    ]
    assert facts["Q8"][-1] == ("4a", 4, "quaternionic", 1)


def test_a_real_irrep_of_dimension_four_beside_a_quaternionic_one_keeps_apart():
    kinds = {irrep.kind for irrep in real_irreps(group_named("Z3xQ8"))}
    assert kinds == {"real", "complex", "quaternionic"}
    characters = torch.stack([irrep.character for irrep in real_irreps(group_named("Z3xQ8"))])
    overlaps = characters @ characters.T
    torch.testing.assert_close(overlaps, torch.diag(overlaps.diagonal()), rtol=0, atol=1e-10)
