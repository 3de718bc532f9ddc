"""Repeated subsequences, found again by looking at every place of a sequence."""

from dataclasses import replace
from typing import Any

import pytest

from grokscope.core.errors import SettingError
from grokscope.tasks import Induction

TASKS = {
    "default": Induction(sequences=50),
    "published, fewer": Induction(
        length=85, subsequence=16, repeats=3, vocabulary=128, sequences=10
    ),
    "without other tokens": Induction(
        length=12, subsequence=4, repeats=3, vocabulary=5, sequences=40
    ),
    "side by side": Induction(length=5, subsequence=2, repeats=2, vocabulary=4, sequences=60),
}


@pytest.mark.parametrize("name", TASKS)
def test_what_comes_next_is_what_came_next_before(name: str):
    table = TASKS[name].table()
    for row, label in zip(table.inputs.tolist(), table.labels.tolist(), strict=True):
        seen = [token for token in row if token >= 0]
        *before, last = seen
        assert last in before
        assert {seen[i + 1] for i, token in enumerate(before) if token == last} == {label}


@pytest.mark.parametrize("name", TASKS)
def test_every_sequence_has_a_row_per_token_that_can_be_known(name: str):
    task = TASKS[name]
    table = task.table()
    assert table.bundle is not None
    per_sequence = (task.repeats - 1) * (task.subsequence - 1)
    counts = table.bundle.bincount().tolist()
    assert counts == [per_sequence] * task.sequences
    rows = [[token for token in row if token >= 0] for row in table.inputs.tolist()]
    assert len({tuple(row) for row in rows}) == len(rows)
    for first in range(0, len(rows), per_sequence):
        group = rows[first : first + per_sequence]
        assert all(one == group[-1][: len(one)] for one in group)
        whole = [*group[-1], int(table.labels[first + per_sequence - 1])]
        times = [whole.count(token) for token in dict.fromkeys(whole)]
        assert sorted(set(times)) in ([1, task.repeats], [task.repeats])
        assert times.count(task.repeats) == task.subsequence


def test_the_last_repetition_starts_anywhere():
    ends = (Induction().table().inputs >= 0).sum(1)[7::8]
    assert set(ends.tolist()) == set(range(14, 24))


def test_all_sequences_there_are_can_be_asked_for():
    # two fresh tokens out of two, no other: ab ab, ba ba
    task = Induction(length=4, subsequence=2, repeats=2, vocabulary=2, sequences=2)
    assert sorted(task.table().inputs.tolist()) == [[0, 1, 0], [1, 0, 1]]
    with pytest.raises(
        SettingError, match="`sequences` must be from 1 to 2, all that differ, got 3"
    ):
        replace(task, sequences=3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"subsequence": 1}, "`subsequence` must be at least 2, got 1."),
        ({"repeats": 1}, "`repeats` must be at least 2, got 1."),
        ({"length": 14}, "`length` must be at least `subsequence` · `repeats` = 15, got 14."),
        (
            {"vocabulary": 13},
            "`vocabulary` must be at least 14, the different tokens of a sequence, got 13.",
        ),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], message: str):
    with pytest.raises(SettingError) as caught:
        Induction(**settings)
    assert str(caught.value) == message


def test_as_many_sequences_as_rows_can_begin_in_different_ways():
    # 3 tokens, of which 2 are repeated: aba, abca, abcb with any tokens for a, b and c
    task = Induction(length=5, subsequence=2, repeats=2, vocabulary=3, sequences=6 + 6 + 6)
    rows = task.table().inputs.tolist()
    fresh = [(a, b, c) for a in range(3) for b in range(3) for c in range(3) if len({a, b, c}) == 3]
    expected = {(a, b, a, -1) for a, b, _ in fresh}
    expected |= {(a, b, c, last) for a, b, c in fresh for last in (a, b)}
    assert {tuple(row) for row in rows} == expected
    with pytest.raises(SettingError, match="from 1 to 18, all that differ, got 19"):
        replace(task, sequences=19)
