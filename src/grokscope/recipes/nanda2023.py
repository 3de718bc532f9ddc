"""Progress measures for grokking via mechanistic interpretability (arXiv 2301.05217)."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from grokscope.engine import AdamW, CrossEntropy
from grokscope.experiment import Config, Run, Training
from grokscope.models import OneLayerTransformer
from grokscope.recipes.base import Recipe
from grokscope.recipes.replication import Replication, Stage, summary_rows, trained
from grokscope.recipes.rules import (
    Row,
    all_of,
    falls,
    share_at_least,
    share_generalising,
    share_labelled,
)
from grokscope.tasks import ModularArithmetic


def nanda2023() -> Recipe:
    """The mainline run: addition mod 113, 30 % of the rows, full batch, AdamW with decay 1."""
    return Recipe(
        name="nanda2023",
        summary="the mainline one-layer transformer on addition mod 113, 40,000 steps",
        source="arXiv 2301.05217",
        config=Config(
            task=ModularArithmetic(operation="add", p=113, train_fraction=0.3),
            model=OneLayerTransformer(d_model=128, n_heads=4, d_mlp=512),
            optimizer=AdamW(lr=1e-3, weight_decay=1.0, beta1=0.9, beta2=0.98, warmup_steps=10),
            loss=CrossEntropy(precision="float64"),
            training=Training(steps=40_000, stop_when_grokked=False),
        ),
    )


def nanda2023_order() -> Replication:
    """The circuit forms before the test loss falls; with random labels there is none to form."""
    small = Config(
        task=ModularArithmetic(operation="add", p=59, train_fraction=0.5),
        model=OneLayerTransformer(d_model=64),
        optimizer=AdamW(lr=1e-3, weight_decay=1.0, beta1=0.9, beta2=0.98, warmup_steps=10),
        training=Training(steps=6_000, checkpoint_ratio=1.1),
    )
    smoke = Stage(
        arms=(
            trained("addition", small, seeds=10, measure=loss_order),
            trained(
                "random labels",
                small,
                {"task.label_noise": 1.0},
                role="control",
                measure=loss_order,
            ),
        ),
        minutes=5,
    )
    published = replace(nanda2023().config, training=Training(steps=40_000, checkpoint_ratio=1.1))
    paper = Stage(
        arms=(
            trained("addition mod 113", published, measure=loss_order),
            trained(
                "random labels",
                published,
                {"task.label_noise": 1.0},
                role="control",
                measure=loss_order,
            ),
        ),
        minutes=20,
    )
    return Replication(
        name="nanda2023",
        recipe="nanda2023",
        source="arXiv 2301.05217, figure 7",
        published="addition mod 113, 30 % of the rows: restricted loss falls from step 1,400 on, "
        "test loss from 9,400 on",
        rule=all_of(
            share_labelled(0.5),
            share_at_least(0.5, _circuit_is_first, "networks whose restricted loss falls first"),
        ),
        tiers={"smoke": smoke, "paper": paper},
    )


def nanda2023_fraction() -> Replication:
    """The delay shrinks with data until it is gone; random labels never generalise."""
    small = Config(
        task=ModularArithmetic(operation="add", p=59, train_fraction=0.5),
        model=OneLayerTransformer(d_model=64),
        optimizer=AdamW(lr=3e-3, weight_decay=1.0, beta1=0.9, beta2=0.98, warmup_steps=10),
        training=Training(steps=3_600),
    )
    cells = [{"task.train_fraction": share} for share in (0.4, 0.5, 0.65, 0.8)]
    random = [cell | {"task.label_noise": 1.0} for cell in cells[:2]]
    smoke = Stage(
        arms=(
            trained("addition", small, *cells),
            trained("random labels", small, *random, role="control"),
        ),
        minutes=5,
    )
    return Replication(
        name="nanda2023-fraction",
        recipe="nanda2023",
        source="arXiv 2301.05217, appendix D.1",
        published="addition mod 113: from 60 % of the rows on generalisation is immediate, at 30 "
        "to 50 % it is delayed, at 10 to 20 % it does not come in 40,000 steps",
        rule=all_of(
            share_generalising(0.5),
            falls("task.train_fraction", by=1.0),
        ),
        tiers={"smoke": smoke},
    )


def loss_order(run: Run) -> Sequence[Row]:
    """Checkpoints at which restricted and test loss had fallen to half of ln p for good, or None.

    The restricted loss keeps the key frequencies of the end alone and leaves out the rest.
    """
    progress, curves = run.progress, run.curves
    half = math.log(run.plan.base.task.table().n_classes) / 2
    rows: list[Row] = []
    for network, row in enumerate(summary_rows(run)):
        steps, restricted = _of(progress, network, "progress/restricted_loss")
        looks, test = _of(curves, network, "test/loss_novel")
        # the test loss at the last look before each checkpoint: looks are no rarer
        at = np.searchsorted(looks, steps, side="right") - 1
        falls = {
            "restricted_loss_step": _fell_for_good(steps, restricted, half),
            "test_loss_step": _fell_for_good(steps, test[at], half) if len(steps) else None,
        }
        rows.append(row | falls)
    return rows


def _circuit_is_first(row: Row) -> bool:
    restricted, test = row["restricted_loss_step"], row["test_loss_step"]
    return restricted is not None and test is not None and restricted < test


def _of(columns: dict[str, Any], network: int, name: str) -> tuple[Any, Any]:
    if not columns:  # no network had key frequencies
        return np.empty(0, dtype=int), np.empty(0)
    own = columns["network"] == network
    return columns["step"][own], columns[name][own]


def _fell_for_good(steps: Any, losses: Any, below: float) -> int | None:  # noqa: ANN401
    """The first of the steps from which on all losses are below a bound."""
    high = np.flatnonzero(~(losses < below))
    first = int(high[-1]) + 1 if len(high) else 0
    return int(steps[first]) if first < len(steps) else None
