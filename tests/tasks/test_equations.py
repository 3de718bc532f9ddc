"""Whole equations: the tables of single operations, one after another."""

from typing import Any

import pytest

from grokscope.core.errors import SettingError
from grokscope.tasks import Equations


def test_rows_read_like_equations():
    table = Equations(operations="add divide x2+y2", p=7).table()
    symbols = [*"0123456", "+", "/", "o", "="]
    expected = [
        *[(f"{a}+{b}=", (a + b) % 7) for a in range(7) for b in range(7)],
        *[
            (f"{a}/{b}=", next(c for c in range(7) if c * b % 7 == a))
            for a in range(7)
            for b in range(1, 7)
        ],
        *[(f"{a}o{b}=", (a * a + b * b) % 7) for a in range(7) for b in range(7)],
    ]
    rows = ["".join(symbols[token] for token in row) for row in table.inputs.tolist()]
    assert list(zip(rows, table.labels.tolist(), strict=True)) == expected
    assert (table.d_vocab, table.n_classes) == (11, 7)


def test_mirror_images_swap_operands_where_the_operation_allows_it():
    table = Equations(operations="subtract multiply divide", p=7).table()
    rows = table.inputs.tolist()
    for (a, op, b, equals), mirror in zip(rows, table.mirror.tolist(), strict=True):
        expected = [b, op, a, equals] if op == 8 else [a, op, b, equals]
        assert rows[mirror] == expected


def test_the_name_lists_the_operations():
    assert Equations().name == "equations (add, subtract) mod 97"


@pytest.mark.parametrize("operations", ["", "add power", "add add", "add,subtract"])
def test_other_operations_are_refused(operations: str):
    with pytest.raises(SettingError, match="`operations` must be different ones out of `add`, `su"):
        Equations(operations=operations)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"operations": "add divide", "p": 12}, "`p` must be prime for division, got 12."),
        ({"p": 2}, "`p` must be at least 3, got 2."),
    ],
)
def test_a_modulus_that_an_operation_refuses_is_refused(settings: dict[str, Any], message: str):
    with pytest.raises(SettingError) as caught:
        Equations(**settings)
    assert str(caught.value) == message
