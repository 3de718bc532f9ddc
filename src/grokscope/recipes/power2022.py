"""Grokking: generalization beyond overfitting on small algorithmic datasets (arXiv 2201.02177)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from grokscope.engine import AdamW
from grokscope.experiment import Config, Training
from grokscope.models import CausalDecoder, Decoder, EmbeddingMLP
from grokscope.recipes.base import Recipe
from grokscope.recipes.replication import Arm, Replication, Stage, trained
from grokscope.recipes.rules import (
    all_of,
    delay_ratio_at_least,
    falls,
    median_at_most,
    share_generalising,
    share_labelled,
)
from grokscope.tasks import GroupComposition, ModularArithmetic, Task


def power2022() -> Recipe:
    """Division mod 97 on half of the rows: the paper's decoder and its AdamW with decay 1.

    Its best-known picture (figure 1, left) is of this task, but with Adam, no weight decay and a
    budget of 10^6 steps: there test accuracy rises after 10^5 steps. Batches are of 512 rows, or of
    half the training rows where that is less.
    """
    return Recipe(
        name="power2022",
        summary="the decoder in which grokking was found, on division mod 97, 100,000 steps",
        source="arXiv 2201.02177",
        config=_config(ModularArithmetic(operation="divide", p=97, train_fraction=0.5)),
    )


def power2022_s5() -> Recipe:
    """The same decoder on permutations of five things, half of the rows.

    The paper follows x∘y down to 25 to 30 % of the rows, where a percent less takes half as long
    again.
    """
    return Recipe(
        name="power2022-s5",
        summary="the same decoder on composition in S5, or x∘y∘x⁻¹ or x∘y∘x, 100,000 steps",
        source="arXiv 2201.02177",
        config=_config(GroupComposition(group="S5", train_fraction=0.5)),
    )


def power2022_delay() -> Replication:
    """Generalisation long after memorisation, on division; random labels must not show it."""
    small = Config(
        task=ModularArithmetic(operation="divide", p=31, train_fraction=0.8),
        model=Decoder(d_model=64),
        optimizer=AdamW(lr=1.5e-3, weight_decay=0.667, beta1=0.9, beta2=0.98, warmup_steps=10),
        training=Training(steps=8_000, batch_size=186),
    )
    random = {"task.label_noise": 1.0}
    smoke = Stage(
        arms=(
            trained("division", small, seeds=9),
            trained("random labels", small, random, role="control"),
        ),
        minutes=3,
    )
    published = power2022().config
    paper = Stage(
        arms=(
            trained("division mod 97", published),
            trained("random labels", published, random, role="control"),
        ),
        minutes=40,
    )
    return Replication(
        name="power2022",
        recipe="power2022",
        source="arXiv 2201.02177, figure 1",
        published="division mod 97, half of the rows: training accuracy near 1 before 1,000 steps, "
        "validation accuracy at chance for 10⁵ steps and near 1 after 10⁶ (Adam without decay)",
        rule=all_of(share_labelled(0.5), delay_ratio_at_least(3.0)),
        tiers={"smoke": smoke, "paper": paper},
    )


def power2022_fraction() -> Replication:
    """Less data, much later: the time to generalise is a steep power of the share of the rows."""
    config, shares = _small_mlp(p=43, fraction=0.5), (0.4, 0.5, 0.6, 0.7)
    cells = [{"task.train_fraction": share} for share in shares]
    random = [cell | {"task.label_noise": 1.0} for cell in cells[2:]]
    smoke = Stage(
        arms=(
            trained("addition", config, *cells),
            trained("random labels", config, *random, role="control"),
        ),
        minutes=3,
        differs="A small network on addition mod 43 in the place of the decoder on S5; its "
        "steepest part may lie below the shares that were tried.",
    )
    s5 = replace(power2022_s5().config, training=Training(steps=500_000, batch_size=512))
    wide = [{"task.train_fraction": share} for share in (0.28, 0.31, 0.35, 0.4)]
    paper = Stage(
        arms=(
            trained("composition in S5", s5, *wide),
            trained(
                "random labels",
                s5,
                *(cell | {"task.label_noise": 1.0} for cell in wide[2:]),
                role="control",
            ),
        ),
        minutes=600,
    )
    return Replication(
        name="power2022-fraction",
        recipe="power2022",
        source="arXiv 2201.02177, section 3.1",
        published="composition in S5 near 25 to 30 % of the rows: one percent less takes 40 to "
        "50 % more steps, a slope of about −10 on logarithms",
        rule=all_of(
            share_generalising(0.5),
            falls("task.train_fraction", by=3.0),
        ),
        tiers={"smoke": smoke, "paper": paper},
    )


def power2022_regularisers() -> Replication:
    """Decay to zero beside other regularisers, all else the same; none of them is the control."""
    config = _small_mlp(p=31, fraction=0.6)
    none = replace(config, optimizer=replace(config.optimizer, weight_decay=0.0))
    others: dict[str, Mapping[str, Any]] = {
        "decay to the initial weights": {"weight_decay": 1.0, "decay": "to_init"},
        "L1": {"l1": 1e-4},
        "weight noise": {"weight_noise": 0.02},
        "gradient noise": {"gradient_noise": 1e-3},
        "fixed norm": {"fixed_norm": 1.0},
    }
    arms = [
        trained(name, replace(none, optimizer=replace(none.optimizer, **changes)), role="reference")
        for name, changes in others.items()
    ]
    smoke = Stage(
        arms=(
            trained("decay to zero", config),
            *arms,
            *_regularised_decoders(),
            trained("none", none, role="control"),
        ),
        minutes=4,
        differs="Small networks on addition mod 31 in the place of the decoder on S5, one "
        "strength of each regulariser. Dropout is for decoders: it was tried on a small one, and "
        "so was decay, to compare it with.",
    )
    return Replication(
        name="power2022-regularisers",
        recipe="power2022",
        source="arXiv 2201.02177, figure 2 (right)",
        published="weight decay helps most, decay to the initial weights less, noise a little",
        rule=all_of(
            share_generalising(0.5),
            median_at_most(1.0, "decay to the initial weights"),
            median_at_most(1.0, "weight noise"),
        ),
        tiers={"smoke": smoke},
    )


def _regularised_decoders() -> list[Arm]:
    """Dropout, which the network on embeddings has not, with decay and nothing beside it."""
    decoder = Config(
        task=ModularArithmetic(operation="add", p=31, train_fraction=0.6),
        model=CausalDecoder(d_model=32, n_heads=4, n_layers=1, unembed="classes"),
        optimizer=AdamW(lr=1e-3, weight_decay=0.0),
        training=Training(steps=6_000),
    )
    changes: dict[str, Mapping[str, Any]] = {
        "decoder with dropout": {"model.dropout": 0.1},
        "decoder with decay to zero": {"optimizer.weight_decay": 1.0},
        "decoder with none": {},
    }
    return [trained(name, decoder, own, role="reference") for name, own in changes.items()]


def _small_mlp(*, p: int, fraction: float) -> Config:
    return Config(
        task=ModularArithmetic(operation="add", p=p, train_fraction=fraction),
        model=EmbeddingMLP(d_model=64, d_hidden=64, combine="concat"),
        optimizer=AdamW(lr=3e-3, weight_decay=1.0),
        training=Training(steps=12_000 if fraction > 0.5 else 30_000),
    )


def _config(task: Task) -> Config:
    return Config(
        task=task,
        model=Decoder(),
        optimizer=AdamW(lr=1e-3, weight_decay=1.0, beta1=0.9, beta2=0.98, warmup_steps=10),
        training=Training(steps=100_000, batch_size=512),
    )
