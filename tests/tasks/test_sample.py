"""Rows that are drawn without repetition, and rows cut off."""

import torch

from grokscope.tasks.sample import distinct_rows, prefixes


def test_repeated_rows_are_dropped_and_the_others_keep_their_order():
    batches = iter([torch.tensor([[2], [1], [2]]), torch.tensor([[1], [0], [3]])])
    assert distinct_rows(lambda _: next(batches), 3).tolist() == [[2], [1], [0]]


def test_a_key_says_what_is_to_differ():
    rows = torch.tensor([[2, 7], [2, 8], [1, 7]])
    assert distinct_rows(lambda _: rows, 2, lambda drawn: drawn[:, :1]).tolist() == [[2, 7], [1, 7]]


def test_all_there_are_can_be_drawn():
    stream = torch.Generator().manual_seed(3)
    rows = distinct_rows(lambda count: torch.randint(2, (count, 5), generator=stream), 32)
    assert len({tuple(row) for row in rows.tolist()}) == 32


def test_prefixes_end_in_minus_one():
    cut = prefixes(torch.tensor([[7, 8, 9], [4, 5, 6]]), torch.tensor([1, 3]))
    assert cut.tolist() == [[7, -1, -1], [4, 5, 6]]
