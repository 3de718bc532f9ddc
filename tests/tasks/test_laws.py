"""Laws of every registered task: labels, symmetries, and splits that are partitions."""

import functools
import math
import re
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grokscope.core.errors import SettingError
from grokscope.tasks import TASKS, IntegerAddition, ModularArithmetic
from reference.groups import (
    slow_alternating,
    slow_dihedral,
    slow_product_of_cyclic,
    slow_quaternion,
    slow_symmetric,
)
from tasks.variants import (
    BOUND,
    CLASSIFICATIONS,
    COMPOSITION,
    DRAWN,
    EQUATIONS,
    MODULAR,
    PAIRS,
    POLYNOMIALS,
    REGRESSIONS,
    SYMMETRIC,
    TABLES,
    VARIANTS,
    WORDS,
)

SLOW_TABLES = {
    "S3": lambda: slow_symmetric(3),
    "S4": lambda: slow_symmetric(4),
    "S5": lambda: slow_symmetric(5),
    "A4": lambda: slow_alternating(4),
    "A5": lambda: slow_alternating(5),
    "D7": lambda: slow_dihedral(7),
    "Q8": slow_quaternion,
    "Z6xZ10": lambda: slow_product_of_cyclic(6, 10),
    "Z12": lambda: slow_product_of_cyclic(1, 12),
}
every_variant = pytest.mark.parametrize("name", VARIANTS)
every_modular = pytest.mark.parametrize("name", MODULAR)
every_composition = pytest.mark.parametrize("name", COMPOSITION)
every_classification = pytest.mark.parametrize("name", CLASSIFICATIONS)
every_rule = pytest.mark.parametrize(
    ("name", "rule"),
    [(n, r) for n in VARIANTS for r in ("random", "orbits") if r == "random" or n not in BOUND],
)


def answer(operation: str, a: int, b: int, p: int) -> int:
    """The definition, in Python integers; a quotient is the number that times b gives a.

    Polynomials by their terms, in which a digit is the power of the letter before it.
    """
    if operation == "divide" or (operation == "mixed" and b % 2):
        return next(c for c in range(p) if c * b % p == a)
    if operation in POLYNOMIALS:
        return sum(term(text, a, b) for text in operation.split("+")) % p
    return {"add": a + b, "subtract": a - b, "multiply": a * b, "mixed": a - b}[operation] % p


def term(text: str, x: int, y: int) -> int:
    """Such as x·y² for `xy2`."""
    factors = re.findall(r"([xy])(\d?)", text)
    return math.prod({"x": x, "y": y}[letter] ** int(power or 1) for letter, power in factors)


def test_terms_are_read_as_they_are_meant():
    assert [term(text, 2, 5) for text in ("x", "y2", "xy", "xy2", "x3")] == [2, 25, 10, 50, 8]


def test_every_registered_task_has_a_variant_here():
    assert {type(task) for task in VARIANTS.values()} == set(TASKS.values())


@every_modular
def test_the_table_holds_every_pair_once(name: str):
    task, table = MODULAR[name], TABLES[name]
    seconds = range(1, task.p) if task.operation == "divide" else range(task.p)
    expected = [[a, b] for a in range(task.p) for b in seconds]
    assert table.inputs.tolist() == expected


@every_modular
def test_labels_are_what_python_integers_say(name: str):
    task, table = MODULAR[name], TABLES[name]
    expected = [answer(task.operation, a, b, task.p) for a, b in table.inputs.tolist()]
    assert table.labels.tolist() == expected


@every_composition
def test_a_composition_holds_every_pair_once_with_what_explicit_loops_say(name: str):
    slow = SLOW_TABLES[COMPOSITION[name].group]()
    rows = [[a, b] for a in range(len(slow)) for b in range(len(slow))]
    assert TABLES[name].inputs.tolist() == rows
    assert TABLES[name].labels.tolist() == [slow[a][b] for a, b in rows]


@pytest.mark.parametrize("name", WORDS)
def test_words_are_read_from_left_to_right_and_a_capital_is_an_inverse(name: str):
    task = WORDS[name]
    slow = SLOW_TABLES[task.group]()
    one = next(e for e in range(len(slow)) if all(slow[e][x] == x for x in range(len(slow))))
    inverse = [row.index(one) for row in slow]

    def word(x: int, y: int) -> int:
        first, *others = [{"x": x, "y": y, "X": inverse[x]}[letter] for letter in task.word]
        return functools.reduce(lambda left, right: slow[left][right], others, first)

    assert TABLES[name].labels.tolist() == [word(x, y) for x, y in TABLES[name].inputs.tolist()]


@every_variant
def test_a_table_has_every_row_once(name: str):
    table = TABLES[name]
    assert len(table.inputs) == len(table.labels) == len(table.mirror)
    assert len({tuple(row) for row in table.inputs.tolist()}) == len(table.inputs)


@every_variant
def test_tokens_are_in_range_and_end_once(name: str):
    table = TABLES[name]
    if table.is_real:
        assert table.d_vocab == 0
        assert table.inputs.isfinite().all()
        return
    assert table.inputs.max() < table.d_vocab
    ended = table.inputs < 0
    assert (table.inputs[ended] == -1).all()
    assert not ended[:, 0].any()
    assert (ended[:, 1:] >= ended[:, :-1]).all()
    assert not ended[:, -1].all()


@every_variant
def test_labels_are_classes_or_there_are_targets(name: str):
    table = TABLES[name]
    if table.targets is None:
        assert table.tolerance is None
        assert table.labels.min() >= 0
        assert table.labels.max() < table.n_classes
        return
    assert table.targets.shape == (len(table.inputs), table.n_classes)
    assert table.targets.isfinite().all()
    assert table.tolerance is not None
    assert table.tolerance > 0
    assert not table.labels.any()


@every_variant
def test_the_same_seed_gives_the_same_table_and_another_seed_another_if_rows_are_drawn(name: str):
    task, table = VARIANTS[name], TABLES[name]
    one, other = (replace(task, data_seed=seed).table() for seed in (0, 1))
    assert torch.equal(one.inputs, table.inputs)
    assert torch.equal(one.labels, table.labels)
    assert (one.targets is None) == (table.targets is None)
    if table.targets is not None:
        assert one.targets is not None
        assert torch.equal(one.targets, table.targets)
    assert torch.equal(other.inputs, table.inputs) == (name not in DRAWN)


@every_variant
def test_the_number_of_rows_and_their_width_do_not_depend_on_the_seed(name: str):
    if name == "fact composition":  # chains of two depend on the facts
        return
    shapes = {tuple(replace(VARIANTS[name], data_seed=s).table().inputs.shape) for s in range(4)}
    assert shapes == {tuple(TABLES[name].inputs.shape)}


@every_variant
def test_the_mirror_is_an_involution_that_keeps_the_label(name: str):
    table = TABLES[name]
    assert torch.equal(table.mirror[table.mirror], torch.arange(len(table.mirror)))
    assert torch.equal(table.labels[table.mirror], table.labels)


@pytest.mark.parametrize("name", PAIRS)
def test_only_commutative_operations_have_a_mirror_and_it_swaps_the_operands(name: str):
    table = TABLES[name]
    swapped = table.inputs[table.mirror]
    expected = table.inputs.flip(1) if name in SYMMETRIC else table.inputs
    assert torch.equal(swapped, expected)


@pytest.mark.parametrize("name", [n for n in VARIANTS if n not in PAIRS and n not in EQUATIONS])
def test_other_tables_have_no_mirror(name: str):
    assert torch.equal(TABLES[name].mirror, torch.arange(len(TABLES[name].mirror)))


@every_variant
def test_chance_is_the_most_frequent_label_of_rows_that_are_split(name: str):
    table = TABLES[name]
    labels = table.labels[table.free].tolist()
    most = max(labels.count(c) for c in set(labels)) / len(labels)
    assert table.chance == (0.0 if name in REGRESSIONS else most)
    assert table.chance < VARIANTS[name].ceiling <= 1


@every_variant
def test_a_group_behind_a_table_composes_its_rows(name: str):
    table = TABLES[name]
    assert (table.group is not None) == (name in COMPOSITION)
    if table.group is not None:
        a, b = table.inputs.unbind(1)
        assert torch.equal(table.group.table[a, b], table.labels)
        assert table.d_vocab == table.n_classes == table.group.order


@every_modular
def test_coordinates_add_up_to_the_answer(name: str):
    task, table = MODULAR[name], TABLES[name]
    is_product = task.operation in ("multiply", "divide")
    if task.operation not in ("add", "subtract") and not (is_product and task.p != 12):
        assert table.cyclic is None
        return
    cyclic = table.cyclic
    assert cyclic is not None
    first, second = (cyclic.operand_coordinates[i][table.inputs[:, i]] for i in (0, 1))
    inside = (first >= 0) & (second >= 0)
    assert int(inside.sum()) == cyclic.order**2
    total = (first + second) % cyclic.order
    assert torch.equal(total[inside], cyclic.answer_coordinates[table.labels][inside])


@every_classification
@pytest.mark.parametrize("noise", [0.3, 1.0])
def test_noise_is_on_what_training_rows_say_and_on_nothing_else(name: str, noise: float):
    table = replace(VARIANTS[name], label_noise=noise).table()
    exact = TABLES[name]
    assert torch.equal(table.labels, exact.labels)
    assert table.noisy is not None
    assert torch.equal(table.shown, table.noisy)
    assert table.noisy.min() >= 0
    assert table.noisy.max() < table.n_classes
    # a label that is drawn anew is the right one by chance, once in so many classes
    n, expected = len(exact.labels), noise * (1 - 1 / table.n_classes)
    share = float((table.noisy != exact.labels).double().mean())
    assert share <= round(noise * n) / n
    assert abs(share - expected) < 5 * math.sqrt(noise / table.n_classes / n)


@pytest.mark.parametrize("name", REGRESSIONS)
def test_noise_on_labels_is_refused_where_there_are_none(name: str):
    with pytest.raises(SettingError, match=r"`label_noise` must be 0 for real targets, got 0\.3"):
        replace(VARIANTS[name], label_noise=0.3).table()


@every_variant
def test_without_noise_training_rows_say_what_is_right(name: str):
    assert TABLES[name].noisy is None
    assert torch.equal(TABLES[name].shown, TABLES[name].labels)


def test_noise_is_that_of_the_tasks_seed():
    noisy = replace(MODULAR["add mod 11"], label_noise=0.5)
    shown = [replace(noisy, data_seed=seed).table().shown for seed in (None, 0, 1, 1)]
    assert torch.equal(shown[0], shown[1])
    assert torch.equal(shown[2], shown[3])
    assert not torch.equal(shown[1], shown[2])


def test_noise_is_in_the_name():
    shares = (0.0, 0.002, 0.1, 1.0)
    names = [replace(MODULAR["add mod 11"], label_noise=share).name for share in shares]
    assert names == [
        "addition mod 11",
        "addition mod 11, 0.2% label noise",
        "addition mod 11, 10% label noise",
        "addition mod 11, random labels",
    ]


@pytest.mark.parametrize("share", [-0.1, 1.5, math.nan])
def test_a_share_of_noise_outside_zero_to_one_is_refused(share: float):
    with pytest.raises(SettingError, match=r"`label_noise` must be in \[0, 1\], got"):
        ModularArithmetic(label_noise=share)


@every_rule
def test_a_split_is_a_partition_in_sorted_rows(name: str, rule: str):
    table = TABLES[name]
    split = replace(VARIANTS[name], split=rule).make_split(table, seed=5)
    parts = [split.train, split.novel, split.mirrored, split.ood]
    assert torch.equal(torch.cat(parts).sort().values, torch.arange(len(table.labels)))
    assert all(torch.equal(part, part.sort().values) for part in parts)


@every_variant
def test_mirrored_rows_are_the_test_rows_whose_mirror_is_trained_on(name: str):
    table = TABLES[name]
    split = VARIANTS[name].make_split(table, seed=5)
    trained = set(split.train.tolist())
    assert all(row in trained for row in table.mirror[split.mirrored].tolist())
    assert not any(row in trained for row in table.mirror[split.novel].tolist())
    assert (len(split.mirrored) > 0) == (name in SYMMETRIC or name in EQUATIONS)


@every_variant
def test_bound_rows_are_on_their_side(name: str):
    table, split = TABLES[name], VARIANTS[name].make_split(TABLES[name], seed=5)
    trained = set(split.train.tolist())
    rows = torch.arange(len(table.labels))
    if table.always is not None:
        assert set(rows[table.always].tolist()) <= trained
    out = [] if table.never is None else rows[table.never].tolist()
    assert split.ood.tolist() == out
    bound = set(rows.tolist()) - set(table.free.tolist())
    assert (len(bound) > 0) == name.startswith("fact")
    assert all(row in trained or row in out for row in bound)


@every_variant
def test_rows_of_a_bundle_are_on_one_side(name: str):
    table, split = TABLES[name], VARIANTS[name].make_split(TABLES[name], seed=5)
    if table.bundle is not None:
        trained, tested = (set(table.bundle[p].tolist()) for p in (split.train, split.novel))
        assert not trained & tested
        assert tested


@pytest.mark.parametrize("name", BOUND)
def test_orbits_are_refused_where_rows_are_bound(name: str):
    task = replace(VARIANTS[name], split="orbits")
    with pytest.raises(SettingError, match="`split` must be `random` where some rows are bound"):
        task.make_split(TABLES[name], seed=5)


@every_rule
def test_the_same_seed_gives_the_same_split_and_another_seed_another(name: str, rule: str):
    table, task = TABLES[name], replace(VARIANTS[name], split=rule)
    one, again, other = (task.make_split(table, seed) for seed in (5, 5, 6))
    assert torch.equal(one.train, again.train)
    assert not torch.equal(one.train, other.train)


@every_rule
def test_the_number_of_training_rows_does_not_depend_on_the_seed(name: str, rule: str):
    table, task = TABLES[name], replace(VARIANTS[name], split=rule)
    sizes = {len(task.make_split(table, seed).train) for seed in range(8)}
    n_always = 0 if table.always is None else int(table.always.sum())
    if table.bundle is None:
        assert sizes == {n_always + int(0.4 * len(table.free))}
        return
    bundles = table.bundle[table.free].tolist()
    of_each = {bundles.count(bundle) for bundle in bundles}
    assert len(of_each) == 1
    assert sizes == {n_always + of_each.pop() * int(0.4 * len(set(bundles)))}


@pytest.mark.parametrize("name", [name for name in VARIANTS if name not in BOUND])
def test_orbits_keep_mirror_images_together(name: str):
    table = TABLES[name]
    split = replace(VARIANTS[name], split="orbits").make_split(table, seed=5)
    assert len(split.mirrored) == 0
    assert torch.equal(table.mirror[split.train].sort().values, split.train)


@pytest.mark.parametrize("name", [*SYMMETRIC, *EQUATIONS])
@given(fraction=st.floats(0.02, 1.0), seed=st.integers(0, 10_000))
def test_orbits_reach_any_fraction_to_the_row(name: str, fraction: float, seed: int):
    table = TABLES[name]
    task = replace(VARIANTS[name], train_fraction=fraction, split="orbits")
    n_train = int(fraction * len(table.labels))
    if n_train:
        split = task.make_split(table, seed)
        assert len(split.train) == n_train
        assert len(split.mirrored) == 0


@every_rule
def test_a_fraction_of_one_leaves_no_test_rows(name: str, rule: str):
    table = TABLES[name]
    task = replace(VARIANTS[name], train_fraction=1.0, split=rule)
    split = task.make_split(table, seed=5)
    rows = torch.arange(len(table.labels))
    assert torch.equal(split.train, rows if table.never is None else rows[~table.never])
    assert len(split.novel) == len(split.mirrored) == 0


def test_a_data_seed_overrides_the_seed_of_the_network():
    task = replace(VARIANTS["add mod 11"], data_seed=5)
    splits = [task.make_split(TABLES["add mod 11"], seed) for seed in (1, 2)]
    expected = VARIANTS["add mod 11"].make_split(TABLES["add mod 11"], 5)
    assert all(torch.equal(split.train, expected.train) for split in splits)


@pytest.mark.parametrize(
    ("operation", "rule"),
    [("divide", "prime for division"), ("mixed", "prime for division where y is odd")],
)
def test_division_refuses_a_modulus_that_is_not_prime(operation: Any, rule: str):
    with pytest.raises(SettingError) as caught:
        ModularArithmetic(operation=operation, p=12)
    assert str(caught.value) == f"`p` must be {rule}, got 12."


@pytest.mark.parametrize(
    ("operation", "rows", "fewest", "most"),
    # arXiv 2201.02177 on 97: labels of squares and products are not uniform
    [
        ("add", 9409, 97, 97),
        ("subtract", 9409, 97, 97),
        ("divide", 9312, 96, 96),
        ("x2+y2", 9409, 96, 193),
        ("x2+xy+y2", 9409, 96, 193),
        ("x3+xy", 9409, 96, 193),
        ("x3+xy2+y", 9409, 77, 113),
    ],
)
def test_counts_of_the_published_tables(operation: Any, rows: int, fewest: int, most: int):
    labels = ModularArithmetic(operation=operation, p=97).table().labels
    counts = torch.bincount(labels, minlength=97)
    assert (len(labels), int(counts.min()), int(counts.max())) == (rows, fewest, most)


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.5, math.nan, math.inf])
def test_a_fraction_outside_zero_to_one_is_refused(fraction: float):
    with pytest.raises(SettingError, match=r"`train_fraction` must be in \(0, 1\], got"):
        ModularArithmetic(train_fraction=fraction)


def test_a_fraction_too_small_for_one_row_is_refused():
    task = ModularArithmetic(p=7, train_fraction=0.02)
    with pytest.raises(SettingError, match="one of the table's 49 rows"):
        task.make_split(task.table(), seed=0)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("operation", "power", "`operation` must be one of `add`, `subtract`"),
        ("split", "rows", "`split` must be one of `random`, `orbits`, got 'rows'"),
        ("p", 2, "`p` must be at least 3, got 2"),
        ("p", 7.5, "`p` must be a whole number, got 7.5"),
    ],
)
def test_other_bad_settings_are_refused(setting: str, value: object, message: str):
    task = ModularArithmetic()
    # Set behind its back: the tests' type checker would stop a wrong type in the constructor.
    object.__setattr__(task, setting, value)
    with pytest.raises(SettingError, match=message):
        task.__post_init__()


def test_whole_numbers_are_added_without_a_modulus():
    table = TABLES["sums to 12"]
    rows = [(a, b) for a in range(7) for b in range(7)]
    assert table.inputs.tolist() == [list(row) for row in rows]
    assert table.labels.tolist() == [a + b for a, b in rows]
    assert table.n_classes == 13


def test_the_published_share_of_unordered_pairs():
    task = IntegerAddition(train_fraction=45 / 55, split="orbits")
    split = task.make_split(task.table(), 3)
    pairs = {tuple(sorted(task.table().inputs[row].tolist())) for row in split.train}
    assert len(pairs) in (44, 45, 46)
    assert len(split.train) == int(100 * 45 / 55)
