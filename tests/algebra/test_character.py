"""Character tables: orthogonality, published tables, traces of permutation matrices."""

import math

import pytest
import torch

from algebra.shuffle import shuffled
from grokscope.algebra.character import character_table
from grokscope.algebra.conjugacy import conjugacy_classes
from grokscope.algebra.family import symmetric
from grokscope.algebra.group_name import group_named
from reference.groups import fixed_pairs, fixed_points

NAMES = (
    *("Z7", "Z12", "Z6xZ10", "D4", "D7", "D30", "S3", "S4", "S5", "A3", "A4", "A5"),
    *("Q8", "F20", "F156", "S3xQ8", "Z3xQ8", "Z2xA5", "Z120"),
)
every_group = pytest.mark.parametrize("name", NAMES)

# Fulton and Harris, Representation Theory, section 3.1; columns as in `conjugacy_classes`.
S5 = {
    "trivial": [1, 1, 1, 1, 1, 1, 1],
    "sign": [1, -1, 1, 1, -1, 1, -1],
    "standard": [4, 2, 0, 1, 0, -1, -1],
    "standard-sign": [4, -2, 0, 1, 0, -1, 1],
    "5a": [5, 1, 1, -1, -1, 0, 1],
    "5b": [5, -1, 1, -1, 1, 0, -1],
    "6a": [6, 0, -2, 0, 0, 1, 0],
}
S4 = {
    "trivial": [1, 1, 1, 1, 1],
    "sign": [1, 1, -1, 1, -1],
    "2a": [2, 2, 0, -1, 0],
    "standard": [3, -1, 1, 0, -1],
    "standard-sign": [3, -1, -1, 0, 1],
}
Q8 = {
    "trivial": [1, 1, 1, 1, 1],
    "1a": [1, 1, 1, -1, -1],
    "1b": [1, 1, -1, 1, -1],
    "1c": [1, 1, -1, -1, 1],
    "2a": [2, -2, 0, 0, 0],
}


@every_group
def test_rows_are_orthogonal(name: str):
    table = character_table(group_named(name))
    products = (table.values * table.classes.sizes) @ table.values.mH
    expected = torch.eye(len(table.names)).to(products) * group_named(name).order
    torch.testing.assert_close(products, expected, rtol=0, atol=1e-10)


@every_group
def test_columns_are_orthogonal(name: str):
    table = character_table(group_named(name))
    centralisers = group_named(name).order / table.classes.sizes
    products = table.values.mH @ table.values
    torch.testing.assert_close(products, torch.diag(centralisers).to(products), rtol=0, atol=1e-10)


@every_group
def test_dimensions_are_divisors_whose_squares_add_up_to_the_order(name: str):
    group = group_named(name)
    dimensions = character_table(group).dimensions.tolist()
    assert sum(d * d for d in dimensions) == group.order
    assert all(group.order % d == 0 for d in dimensions)
    assert dimensions == sorted(dimensions)


@every_group
def test_the_trivial_one_is_first_and_names_differ(name: str):
    table = character_table(group_named(name))
    assert bool((table.values[0] == 1).all())
    assert table.names[0] == "trivial"
    assert len(set(table.names)) == len(table.names) == len(table.classes)


@every_group
def test_products_of_characters_hold_whole_numbers_of_irreps(name: str):
    table = character_table(group_named(name))
    squares = table.values * table.values
    counts = (squares * table.classes.sizes) @ table.values.mH / group_named(name).order
    torch.testing.assert_close(counts, counts.real.round().to(counts), rtol=0, atol=1e-9)
    assert float(counts.real.min()) > -1e-9


@every_group
def test_indicators_count_the_square_roots_of_the_identity(name: str):
    group = group_named(name)
    table = character_table(group)
    involutions = int((group.table.diagonal() == group.identity).sum())
    assert int((table.indicators * table.dimensions).sum()) == involutions


@every_group
def test_characters_are_real_to_the_last_digit_where_classes_are_closed_under_inversion(name: str):
    table = character_table(group_named(name))
    closed = table.classes.inverses == torch.arange(len(table.classes))
    assert bool((table.values.imag[:, closed] == 0).all())
    assert bool((table.values.imag[table.indicators != 0] == 0).all())
    assert bool((table.values.imag[table.indicators == 0].abs().amax(1) > 0.1).all())


@pytest.mark.parametrize(("name", "published"), [("S5", S5), ("S4", S4), ("Q8", Q8)])
def test_published_tables_come_out_to_the_last_digit(name: str, published: dict[str, list[int]]):
    table = character_table(group_named(name))
    assert table.names == tuple(published)
    assert torch.equal(table.values, torch.tensor(list(published.values())).to(table.values))


def test_a5_has_the_golden_ratio():
    table = character_table(group_named("A5"))
    golden = (1 + math.sqrt(5)) / 2
    assert table.names == ("trivial", "3a", "3b", "standard", "5a")
    assert table.classes.names == ("e", "(12)(34)", "(123)", "(12345)", "(12354)")
    expected = torch.tensor(
        [[3, -1, 0, golden, 1 - golden], [3, -1, 0, 1 - golden, golden], [4, 0, 1, -1, -1]],
        dtype=torch.float64,
    )
    torch.testing.assert_close(table.values[1:4].real, expected, rtol=0, atol=1e-14)


def test_characters_of_a_cyclic_group_are_its_waves():
    values = character_table(group_named("Z12")).on_elements()
    k, x = torch.arange(12).unsqueeze(1), torch.arange(12)
    waves = torch.exp(2j * math.pi * (k * x % 12).double() / 12)
    distances = (values.unsqueeze(1) - waves).abs().amax(2)
    assert sorted(distances.argmin(1).tolist()) == list(range(12))
    assert float(distances.amin(1).max()) < 1e-14


@pytest.mark.parametrize("name", ["S3", "S4", "S5", "A4", "A5"])
def test_the_standard_one_is_the_trace_of_permutation_matrices_less_one(name: str):
    group = group_named(name)
    table = character_table(group)
    assert group.permutations is not None
    traces = [fixed_points(tuple(p)) - 1 for p in group.permutations.tolist()]
    standard = table.on_elements()[table.names.index("standard")]
    assert standard.real.tolist() == traces


def test_pairs_of_five_points_hold_the_trivial_the_standard_and_a_five_dimensional_one():
    group = group_named("S5")
    table = character_table(group)
    assert group.permutations is not None
    traces = torch.tensor([fixed_pairs(tuple(p)) for p in group.permutations.tolist()])
    counts = (table.on_elements() * traces).sum(1).real / group.order
    held = {table.names[i]: round(float(c)) for i, c in enumerate(counts) if abs(float(c)) > 1e-9}
    assert held == {"trivial": 1, "standard": 1, "5a": 1}


def test_the_table_does_not_depend_on_the_order_of_the_elements():
    one, other = character_table(symmetric(4)), character_table(shuffled(symmetric(4)))
    assert one.values.tolist() == other.values.tolist()
    assert conjugacy_classes(symmetric(4)).names == other.classes.names


def test_indicators_tell_real_complex_and_quaternionic_apart():
    assert character_table(group_named("A4")).indicators.tolist() == [1, 0, 0, 1]
    assert character_table(group_named("Q8")).indicators.tolist() == [1, 1, 1, 1, -1]
