"""Grokking at the edge of numerical stability (arXiv 2501.04697)."""

from collections.abc import Sequence
from dataclasses import replace

from grokscope.engine import AdamW, StableMax
from grokscope.experiment import Config, Run, Training
from grokscope.models import DenseMLP
from grokscope.recipes.base import Recipe
from grokscope.recipes.replication import Replication, Stage, summary_rows, trained
from grokscope.recipes.rules import (
    Row,
    all_of,
    median_at_most,
    share_at_least,
    share_generalising,
)
from grokscope.tasks import ModularArithmetic

_ORTHOGONAL = {"optimizer.orthogonal": True}
_DECAY = {"optimizer.weight_decay": 1.0}


def prieto2025() -> Recipe:
    """Addition mod 113 on 40 % of the rows, one-hot operands, ⊥Grad, no decay; as published.

    `--no-orthogonal` is the plain network, whose softmax collapses; `--loss stablemax` the other
    remedy.
    """
    return Recipe(
        name="prieto2025",
        summary="a ReLU network without decay: ⊥Grad makes it generalise at once",
        source="arXiv 2501.04697",
        config=_config(p=113, fraction=0.4, steps=80_000, orthogonal=True),
    )


def prieto2025_orthogonal() -> Replication:
    """⊥Grad generalises where the plain gradient does not, and sooner than weight decay."""
    plain = _config(p=47, fraction=0.5, steps=3_000)
    smoke = Stage(
        arms=(
            trained("⊥Grad", plain, _ORTHOGONAL, seeds=8),
            trained("decay 1", plain, _DECAY, role="reference", seeds=8),
            trained("plain", plain, role="control", seeds=8),
        ),
        minutes=1.5,
    )
    published = _config(p=113, fraction=0.4, steps=10_000)
    paper = Stage(
        arms=(
            trained("⊥Grad", published, _ORTHOGONAL, seeds=8),
            trained("decay 1", published, _DECAY, role="reference", seeds=8),
            trained("plain", published, role="control", seeds=8),
        ),
        minutes=20,
    )
    return Replication(
        name="prieto2025",
        recipe="prieto2025",
        source="arXiv 2501.04697, figure 1",
        published="addition mod 113, 40 % of the rows, no decay: in float32 with cross-entropy no "
        "generalisation in 80,000 steps, with ⊥Grad within 300, sooner than with weight decay",
        rule=all_of(
            share_generalising(0.5),
            median_at_most(0.5, "decay 1"),
        ),
        tiers={"smoke": smoke, "paper": paper},
    )


def prieto2025_collapse() -> Replication:
    """Without decay the loss of most rows becomes 0 by rounding, and nothing is learned of them."""
    plain = _config(p=47, fraction=0.5, steps=8_000)
    smoke = Stage(
        arms=(
            trained("plain", plain, measure=with_collapse),
            trained("decay 1", plain, _DECAY, role="control", measure=with_collapse),
        ),
        minutes=2,
    )
    return Replication(
        name="prieto2025-collapse",
        recipe="prieto2025",
        source="arXiv 2501.04697, figure 2",
        published="without regularisation the logits grow until the softmax of more and more "
        "training rows is exact in float32, so that their gradient is 0, and test accuracy stops",
        rule=share_at_least(0.5, _has_collapsed, "networks whose loss is 0 on half of their rows"),
        tiers={"smoke": smoke},
    )


def with_collapse(run: Run) -> Sequence[Row]:
    """The summary with the share of the training rows whose loss is 0 by rounding, at the end."""
    found = run.measure("softmax_collapse")
    rows: list[Row] = []
    for network, row in enumerate(summary_rows(run)):
        own = found["measure/softmax_collapse"][found["network"] == network]
        rows.append(row | {"softmax_collapse": float(own[-1])})
    return rows


def _has_collapsed(row: Row) -> bool:
    return row["softmax_collapse"] >= 0.5


def prieto2025_stablemax() -> Replication:
    """StableMax generalises without decay where softmax does not; it takes its time."""
    plain = replace(
        _config(p=31, fraction=0.8, steps=100_000),
        model=DenseMLP(d_hidden=100, n_hidden_layers=2, bias=False),
    )
    slow = replace(plain, optimizer=replace(plain.optimizer, beta2=0.999))
    cpu = Stage(
        arms=(
            trained("StableMax", replace(slow, loss=StableMax())),
            trained("softmax", slow, role="control"),
        ),
        minutes=9,
    )
    return Replication(
        name="prieto2025-stablemax",
        recipe="prieto2025",
        source="arXiv 2501.04697, figures 1 and 4",
        published="StableMax in the place of softmax generalises within 80,000 steps",
        rule=share_generalising(0.5),
        tiers={"cpu": cpu},
    )


def _config(*, p: int, fraction: float, steps: int, orthogonal: bool = False) -> Config:
    return Config(
        task=ModularArithmetic(operation="add", p=p, train_fraction=fraction),
        model=DenseMLP(d_hidden=200, n_hidden_layers=2, bias=False),
        optimizer=AdamW(
            lr=0.01,
            weight_decay=0.0,
            beta2=0.99,
            eps=1e-25,
            warmup_steps=0,
            orthogonal=orthogonal,
        ),
        training=Training(steps=steps),
    )
