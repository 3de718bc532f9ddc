"""What recipes measure beside the summary, on runs of their own arms made small."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grokscope.engine import AdamW
from grokscope.experiment import Config, Training
from grokscope.models import OneLayerTransformer
from grokscope.recipes.nanda2023 import _circuit_is_first, _fell_for_good, loss_order
from grokscope.recipes.replicate import finished_run
from grokscope.recipes.replication import summary_rows, trained
from grokscope.recipes.zhong2023 import _has_clock, _is_pizza, explained_rows
from grokscope.tasks import ModularArithmetic

SMALL = Config(
    task=ModularArithmetic(operation="add", p=7, train_fraction=0.8),
    model=OneLayerTransformer(d_model=16, n_heads=2, d_mlp=32),
    optimizer=AdamW(lr=1e-2),
    training=Training(steps=150),
)


@pytest.mark.parametrize(
    ("losses", "step"),
    [
        ([3, 2, 1, 0.5], 30),
        ([3, 0.5, 2, 0.5], 40),  # what comes back had not fallen for good
        ([3, 0.5, 0.5, 2], None),
        ([0.5, 0.5, 0.5, 0.5], 10),
        ([3, np.nan, 0.5, 0.5], 30),
        ([], None),
    ],
)
def test_a_loss_has_fallen_for_good_after_its_last_high_value(losses: list[float], step: int):
    steps = np.arange(10, 10 * len(losses) + 1, 10)
    assert _fell_for_good(steps, np.array(losses, dtype=float), 1.5) == step


@pytest.mark.parametrize(
    ("restricted", "test", "is_first"),
    [(10, 20, True), (20, 20, False), (20, 10, False), (10, None, False), (None, 20, False)],
)
def test_a_circuit_is_first_by_at_least_a_checkpoint(restricted, test, is_first: bool):
    row = {"restricted_loss_step": restricted, "test_loss_step": test}
    assert _circuit_is_first(row) == is_first


def test_loss_order_agrees_with_the_recorded_columns(tmp_path: Path):
    run = finished_run(trained("order", SMALL, measure=loss_order).make(range(2)), tmp_path)  # type: ignore[misc]
    rows, progress = loss_order(run), run.progress
    assert [dict(row) | {} for row in summary_rows(run)] == [
        {k: v for k, v in row.items() if k not in ("restricted_loss_step", "test_loss_step")}
        for row in rows
    ]
    half = np.log(7) / 2
    for network, row in enumerate(rows):
        own = progress["network"] == network if progress else np.zeros(0, dtype=bool)
        step = row["restricted_loss_step"]
        if step is not None:
            later = progress["step"][own] >= step
            assert (progress["progress/restricted_loss"][own][later] < half).all()


def test_without_key_frequencies_there_is_no_order(tmp_path: Path):
    idle = replace(SMALL, optimizer=AdamW(lr=0.0), training=Training(steps=5))
    run = finished_run(trained("idle", idle).make(range(2)), tmp_path)  # type: ignore[misc]
    assert not any(_circuit_is_first(row) for row in loss_order(run))


def test_explained_rows_are_kept_with_the_run(tmp_path: Path):
    run = finished_run(trained("explained", SMALL).make(range(2)), tmp_path)  # type: ignore[misc]
    first = explained_rows(run)
    assert len(run.directory.explanation["explanations"]) == 2  # type: ignore[arg-type]
    assert explained_rows(run) == first
    assert all(row["mechanism"] for row in first)


def test_a_pizza_is_alone_and_a_clock_need_not_be():
    names = ("pizza", "clock", "pizza + clock", "unexplained", "not_accurate")
    assert [_is_pizza({"mechanism": name}) for name in names] == [True, False, False, False, False]
    assert [_has_clock({"mechanism": name}) for name in names] == [False, True, True, False, False]
