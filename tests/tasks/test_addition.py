"""Addition by digits, against the sums as Python writes them."""

from typing import Any

import pytest

from grokscope.core.errors import SettingError
from grokscope.tasks import DigitAddition

SYMBOLS = "0123456789+="


def written(row: list[int]) -> str:
    """The tokens of a row as text."""
    return "".join(SYMBOLS[token] for token in row if token >= 0)


@pytest.mark.parametrize(("digits", "problems"), [(1, 55), (3, 400), (5, 200), (18, 20)])
def test_rows_are_what_is_written_before_each_digit_of_a_sum(digits: int, problems: int):
    table = DigitAddition(digits=digits, problems=problems).table()
    rows = list(zip(table.inputs.tolist(), table.labels.tolist(), strict=True))
    assert len(rows) == problems * (digits + 1)
    pairs: set[frozenset[int]] = set()
    bundles = table.bundle
    assert bundles is not None
    assert len(bundles.unique()) == problems
    for first in range(0, len(rows), digits + 1):
        question = written(rows[first][0])
        assert len(bundles[first : first + digits + 1].unique()) == 1
        a, b = question.removesuffix("=").split("+")
        assert len(a) == len(b) == digits
        answer = f"{int(a) + int(b):0{digits + 1}}"
        for place in range(digits + 1):
            inputs, label = rows[first + place]
            assert len(inputs) == 3 * digits + 2
            assert written(inputs) == question + answer[:place]
            assert label == int(answer[place])
        pairs.add(frozenset((int(a), int(b))))
    assert len(pairs) == problems


def test_either_operand_may_be_the_greater_one():
    table = DigitAddition().table()
    a, b = table.inputs[::6, :5].tolist(), table.inputs[::6, 6:11].tolist()
    greater = sum(x > y for x, y in zip(a, b, strict=True))
    assert 600 < greater < 800


def test_the_published_sizes():
    task = DigitAddition()
    table = task.table()
    split = task.make_split(table, seed=0)
    assert table.bundle is not None
    assert len(table.bundle[split.train].unique()) == 700
    assert len(split.train) == 4200
    assert (table.d_vocab, table.n_classes, table.inputs.shape[1]) == (12, 10, 17)
    assert task.name == "5-digit addition"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"digits": 0}, "`digits` must be from 1 to 18, got 0."),
        ({"digits": 19}, "`digits` must be from 1 to 18, got 19."),
        (
            {"digits": 1, "problems": 56},
            "`problems` must be from 1 to 55, the sums of 1 digits, got 56.",
        ),
        (
            {"digits": 2, "problems": 0},
            "`problems` must be from 1 to 5,050, the sums of 2 digits, got 0.",
        ),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], message: str):
    with pytest.raises(SettingError) as caught:
        DigitAddition(**settings)
    assert str(caught.value) == message
