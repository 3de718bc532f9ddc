"""Grokked transformers are implicit reasoners (arXiv 2405.15071): facts and compositions."""

from collections.abc import Sequence
from dataclasses import replace

from grokscope.engine import AdamW
from grokscope.experiment import Config, Run, Training
from grokscope.models import CausalDecoder
from grokscope.recipes.base import Recipe
from grokscope.recipes.replication import Replication, Stage, summary_rows, trained
from grokscope.recipes.rules import Row, all_of, share_at_least
from grokscope.tasks import FactComposition


def wang2024_composition() -> Recipe:
    """Two facts h –r₁→ b –r₂→ t and what follows of them, a small world that trains on a CPU.

    The paper has 2,000 entities, 200 relations, eight layers of width 768 and 1.5 million steps:
    more than a day on one GPU, so there is no tier for it.
    """
    return Recipe(
        name="wang2024-composition",
        summary="a two-layer decoder on a small world of facts and their compositions",
        source="arXiv 2405.15071",
        config=_config(),
    )


def wang2024_composition_gap() -> Replication:
    """Compositions of trained facts are learned late; of facts seen alone only, not at all."""
    smoke = Stage(
        arms=(
            trained("nine tenths of what follows", _config(), measure=late_and_apart),
            trained(
                "one fifth",
                _config(),
                {"task.train_fraction": 0.2},
                role="control",
                measure=late_and_apart,
            ),
        ),
        minutes=5,
        differs="In a world of 20 entities much is inferred while the rest is still memorised: a "
        "third to three quarters of the held-out compositions are right by then. That they go on "
        "to .64 to .88, and stay out of the distribution near 0, is as published; what is not is "
        "the long plateau between. Worlds with less of what follows in training memorise first "
        "and infer little (development: with .75 of it, .17 and .2, then .23 and .36).",
    )
    longer = replace(_config(), training=replace(_config().training, steps=40_000))
    cpu = Stage(
        arms=(
            trained("nine tenths of what follows", longer, measure=late_and_apart),
            trained(
                "one fifth",
                longer,
                {"task.train_fraction": 0.2},
                role="control",
                measure=late_and_apart,
            ),
        ),
        minutes=50,
    )
    return Replication(
        name="wang2024-composition",
        recipe="wang2024-composition",
        source="arXiv 2405.15071, figure 2",
        published="with many inferred facts per atomic one in training, held-out compositions are "
        "answered long after the training rows, and out of the distribution they never are",
        rule=all_of(
            share_at_least(0.5, _is_late, "networks that memorise first and answer .4 at the end"),
            share_at_least(
                0.5, _is_apart, "networks at less than half of that out of distribution"
            ),
        ),
        tiers={"smoke": smoke, "cpu": cpu},
    )


def late_and_apart(run: Run) -> Sequence[Row]:
    """The summary with held-out accuracy at memorisation, and the last accuracies."""
    curves = run.curves
    rows: list[Row] = []
    for network, row in enumerate(summary_rows(run)):
        own = curves["network"] == network
        test, steps = curves["test/acc_novel"][own], curves["step"][own]
        memorized = row["memorized_step"]
        found = {
            "test_acc_memorized": None if memorized is None else float(test[steps == memorized][0]),
            "test_acc_end": float(test[-1]),
            "ood_acc_end": float(curves["test/acc_ood"][own][-1]),
        }
        rows.append(row | found)
    return rows


def _config() -> Config:
    return Config(
        task=FactComposition(entities=20, relations=8, out_degree=8, train_fraction=0.9),
        model=CausalDecoder(d_model=64, n_heads=4, n_layers=2),
        optimizer=AdamW(lr=2e-3, weight_decay=0.5, warmup_steps=100),
        training=Training(steps=8_000, batch_size=128, stop_when_grokked=False),
    )


def _is_late(row: Row) -> bool:
    early = row["test_acc_memorized"]
    return early is not None and early <= 0.2 and row["test_acc_end"] >= 0.4


def _is_apart(row: Row) -> bool:
    return row["ood_acc_end"] < row["test_acc_end"] / 2
