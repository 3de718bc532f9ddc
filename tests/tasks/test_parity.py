"""Sparse parity, against products and sums of Python numbers."""

import itertools
import math
from typing import Any

import pytest

from grokscope.core.errors import SettingError
from grokscope.tasks import SparseParity


@pytest.mark.parametrize("support", ["drawn", "first"])
def test_signs_multiply(support: Any):
    task = SparseParity(n=15, k=3, n_rows=300, support=support)
    table, chosen = task.table(), task.informative().tolist()
    assert len(set(chosen)) == 3
    for row, label in zip(table.inputs.tolist(), table.labels.tolist(), strict=True):
        assert set(row) <= {-1.0, 1.0}
        assert math.prod(row[i] for i in chosen) == (-1 if label else 1)


@pytest.mark.parametrize("support", ["drawn", "first"])
def test_bits_add_up(support: Any):
    task = SparseParity(n=15, k=4, n_rows=300, bits="bits", support=support)
    table, chosen = task.table(), task.informative().tolist()
    for row, label in zip(table.inputs.tolist(), table.labels.tolist(), strict=True):
        assert set(row) <= {0.0, 1.0}
        assert sum(row[i] for i in chosen) % 2 == label


def test_the_first_bits_count_or_those_that_the_seed_draws():
    assert SparseParity(k=4, support="first").informative().tolist() == [0, 1, 2, 3]
    drawn = [SparseParity(data_seed=seed).informative().tolist() for seed in range(200)]
    assert all(one == sorted(set(one)) for one in drawn)
    assert {i for one in drawn for i in one} == set(range(40))


def test_all_rows_there_are_can_be_asked_for():
    rows = SparseParity(n=6, n_rows=64).table().inputs.tolist()
    assert sorted(rows) == sorted(map(list, itertools.product([-1.0, 1.0], repeat=6)))


def test_the_published_sizes():
    task = SparseParity()
    split = task.make_split(task.table(), seed=0)
    assert (len(split.train), len(split.novel)) == (1000, 1000)
    assert task.name == "parity of 3 bits out of 40"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n": 0}, "`n` must be at least 1, got 0."),
        ({"n": 5, "k": 6}, "`k` must be from 1 to `n` = 5, got 6."),
        ({"k": 0}, "`k` must be from 1 to `n` = 40, got 0."),
        ({"n": 6, "n_rows": 65}, "`n_rows` must be from 1 to 2^6, without repetition, got 65."),
        ({"n_rows": 0}, "`n_rows` must be from 1 to 2^40, without repetition, got 0."),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], message: str):
    with pytest.raises(SettingError) as caught:
        SparseParity(**settings)
    assert str(caught.value) == message
