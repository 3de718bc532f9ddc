"""Towards understanding grokking (arXiv 2205.10343): four phases by learning rate and decay."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from grokscope.engine import AdamW
from grokscope.experiment import Config, Run, Training
from grokscope.measures.curve import Curve
from grokscope.measures.grokdef import judge
from grokscope.models import EmbeddingMLP
from grokscope.recipes.base import Recipe
from grokscope.recipes.replication import Replication, Stage, trained
from grokscope.recipes.rules import Row, share_at_least
from grokscope.tasks import ModularArithmetic

PHASES = frozenset({"comprehension", "grokking", "memorization", "confusion"})
_EMBEDDING_LR = 1e-3
_DECODER_LRS = (3e-3, 1e-2)
_DECAYS = (0.0, 0.1, 0.3, 1.0, 3.0, 30.0)


def liu2022_phases() -> Recipe:
    """Embeddings learn at one rate without decay; rate and decay of the rest are the axes.

    A small network on addition mod 31. The paper's toy has one number per symbol and a decoder of
    three layers, and its rule of four phases is `liu2022` here: 90 % and a gap of 1,000 steps.
    """
    return Recipe(
        name="liu2022-phases",
        summary="small networks over decoder learning rate and decay: four phases",
        source="arXiv 2205.10343",
        config=_config(),
        variants=_grid(),
    )


def liu2022_four_phases() -> Replication:
    """Every seed's small diagram has all four phases; with random labels two cannot be there."""
    smoke = Stage(
        arms=(
            trained("addition", _config(), *_grid(), measure=diagrams),
            trained(
                "random labels",
                _config(),
                *({"task.label_noise": 1.0} | cell for cell in _grid()),
                role="control",
                measure=diagrams,
            ),
        ),
        minutes=2,
        differs="A small network on addition mod 31 in the place of the toy, with twelve cells; "
        "that grokking lies between comprehension and memorisation is not tested.",
    )
    return Replication(
        name="liu2022-phases",
        recipe="liu2022-phases",
        source="arXiv 2205.10343, figure 6",
        published="diagrams over decoder learning rate and decay show comprehension, grokking, "
        "memorisation and confusion, grokking between comprehension and memorisation",
        rule=share_at_least(0.5, _has_all, "seeds whose diagram has all four phases"),
        tiers={"smoke": smoke},
    )


def diagrams(run: Run) -> Sequence[Row]:
    """One row for each seed: the phases in its diagram, by Liu's rule."""
    curves = run.curves
    found: dict[int, list[str]] = {}
    for network, config in enumerate(run.plan.networks):
        found.setdefault(config.seed, []).append(_phase(curves, network, run))
    return [
        {"seed": seed, "phases": sorted(set(phases)), "cells": phases}
        for seed, phases in found.items()
    ]


def _phase(curves: dict[str, Any], network: int, run: Run) -> str:
    own = {name: values[curves["network"] == network] for name, values in curves.items()}
    curve = Curve(
        step=own["step"].astype(np.int64),
        train_acc=own["train/acc"].astype(np.float64),
        test_acc=own["test/acc_novel"].astype(np.float64),
        n_test=1,
        chance=0.0,
        budget_ended=run.networks[network]["stop_reason"] == "budget",
    )
    return judge(curve, rule="liu2022").label


def _config() -> Config:
    return Config(
        task=ModularArithmetic(operation="add", p=31, train_fraction=0.65),
        model=EmbeddingMLP(d_model=32, d_hidden=64),
        optimizer=AdamW(weight_decay=0.0, warmup_steps=0, undecayed="W_E"),
        training=Training(steps=8_000),
    )


def _grid() -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "optimizer.lr": lr,
            "optimizer.lr_factors": f"W_E={_EMBEDDING_LR / lr:g}",
            "optimizer.weight_decay": decay,
        }
        for lr in _DECODER_LRS
        for decay in _DECAYS
    )


def _has_all(row: Row) -> bool:
    return set(row["phases"]) >= PHASES
