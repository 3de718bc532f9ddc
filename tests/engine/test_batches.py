"""Minibatches: drawn without replacement, in an order that seed and epoch alone decide."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grokscope.core.errors import SettingError
from grokscope.engine.batches import Batches


@given(
    n_rows=st.integers(1, 40),
    size=st.integers(1, 40),
    seed=st.integers(0, 99),
    epoch=st.integers(0, 3),
)
def test_an_epoch_shows_no_row_twice_and_drops_less_than_one_batch(
    n_rows: int, size: int, seed: int, epoch: int
):
    size = min(size, n_rows)
    rows = torch.arange(n_rows) * 3 + 1
    batches = Batches(rows, size, seed)
    per_epoch = n_rows // size
    shown = torch.cat([batches.at(epoch * per_epoch + i) for i in range(per_epoch)]).tolist()
    assert len(set(shown)) == len(shown) == per_epoch * size > n_rows - size
    assert set(shown) <= set(rows.tolist())


@given(steps=st.lists(st.integers(0, 50), min_size=1, max_size=12))
def test_a_batch_depends_on_seed_and_step_and_not_on_what_was_asked_before(steps: list[int]):
    rows = torch.arange(23)
    asked = Batches(rows, 5, seed=7)
    for step in steps:
        assert torch.equal(asked.at(step), Batches(rows, 5, seed=7).at(step))


def test_every_epoch_and_every_seed_has_an_order_of_its_own():
    rows = torch.arange(50)
    epochs = [Batches(rows, 50, seed=1).at(step) for step in range(3)]
    assert all(torch.equal(order.sort().values, rows) for order in epochs)
    assert not torch.equal(epochs[0], epochs[1])
    assert not torch.equal(epochs[1], epochs[2])
    assert not torch.equal(epochs[0], Batches(rows, 50, seed=2).at(0))


def test_a_full_batch_is_all_rows_in_their_own_order_at_every_step():
    rows = torch.tensor([5, 2, 9])
    batches = Batches(rows, None, seed=1)
    assert batches.is_full
    assert all(torch.equal(batches.at(step), rows) for step in (0, 1, 99))


@pytest.mark.parametrize("size", [0, -1, 11])
def test_a_batch_of_no_rows_or_more_than_there_are_is_refused(size: int):
    with pytest.raises(SettingError, match=r"`batch_size` must be in \[1, 10\] training rows"):
        Batches(torch.arange(10), size, seed=0)
