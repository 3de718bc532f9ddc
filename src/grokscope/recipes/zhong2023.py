"""The Clock and the Pizza (arXiv 2306.17844): constant against softmax attention."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from grokscope.engine import AdamW, CrossEntropy
from grokscope.experiment import Config, Run, Training
from grokscope.experiment.explained import explain_run, store_explanations
from grokscope.models import OneLayerTransformer
from grokscope.recipes.base import Recipe
from grokscope.recipes.replication import Replication, Role, Stage, summary_rows, trained
from grokscope.recipes.rules import Row, share_at_least
from grokscope.tasks import ModularArithmetic

_CONFIG = Config(
    task=ModularArithmetic(operation="add", p=59, train_fraction=0.8),
    model=OneLayerTransformer(
        d_model=128, n_heads=4, equals_token=False, causal=False, init_like="zhong2023"
    ),
    optimizer=AdamW(lr=1e-3, weight_decay=2.0, beta1=0.9, beta2=0.98, warmup_steps=10),
    loss=CrossEntropy(precision="float64"),
    training=Training(steps=20_000, stop_when_grokked=False),
)


def zhong2023_a() -> Recipe:
    """Model A: attention rate 0, a sum of values; the published example of a pizza."""
    return Recipe(
        name="zhong2023-a",
        summary="constant attention on addition mod 59, 80 % of the data, 20,000 steps",
        source="arXiv 2306.17844, model A",
        config=replace(_CONFIG, model=replace(_CONFIG.model, attention_rate=0.0)),
    )


def zhong2023_b() -> Recipe:
    """Model B: attention rate 1, ordinary attention; the published example of a clock."""
    return Recipe(
        name="zhong2023-b",
        summary="softmax attention on addition mod 59, 80 % of the data, 20,000 steps",
        source="arXiv 2306.17844, model B",
        config=replace(_CONFIG, model=replace(_CONFIG.model, attention_rate=1.0)),
    )


def zhong2023_a_pizza() -> Replication:
    """Model A computes a pizza; model B must not."""
    return _replication(
        "pizza",
        name="zhong2023-a",
        published="attention rate 0, addition mod 59: a pizza, whose logits depend on a − b",
    )


def zhong2023_b_clock() -> Replication:
    """Model B computes a clock, and often pizzas beside it; model A must have none."""
    return _replication(
        "clock",
        name="zhong2023-b",
        published="attention rate 1, addition mod 59: a clock, whose logits do not depend on a − b",
    )


def explained_rows(run: Run) -> Sequence[Row]:
    """The summary with `mechanism`: the label of an explained network, else the verdict."""
    networks = range(len(run.plan.networks))
    document: Any = run.directory.explanation
    if not document:
        document = explain_run(run, networks)
        store_explanations(run, document)
    found = {each["network"]: each for each in document["explanations"]}
    return [
        row | {"mechanism": _mechanism(found.get(network, {"verdict": "not kept"}))}
        for network, row in enumerate(summary_rows(run))
    ]


def _mechanism(explanation: Row) -> str:
    explained = explanation["verdict"] == "explained"
    return explanation["label"] if explained else explanation["verdict"]


def _replication(kind: Literal["pizza", "clock"], *, name: str, published: str) -> Replication:
    small = replace(
        _CONFIG,
        task=ModularArithmetic(operation="add", p=47, train_fraction=0.7),
        model=replace(_CONFIG.model, d_model=64),
        optimizer=replace(_CONFIG.optimizer, lr=3e-3),
        training=Training(steps=2_000, stop_when_grokked=False),
    )
    roles: dict[float, Role] = {0.0: "subject", 1.0: "control"}
    if kind == "clock":
        roles = {1.0: "subject", 0.0: "control"}
    arms, published_arms = (
        [
            trained(
                f"attention rate {rate:g}",
                config,
                {"model.attention_rate": rate},
                role=role,
                # three of four are pizzas, and few networks do not tell that from a half
                seeds=30 if kind == "pizza" and role == "subject" else 6,
                measure=explained_rows,
            )
            for rate, role in roles.items()
        ]
        for config in (small, _CONFIG)
    )
    what = "a pizza alone" if kind == "pizza" else "a clock, whatever is beside it"
    return Replication(
        name=name,
        recipe=name,
        source="arXiv 2306.17844, figure 3",
        published=published,
        rule=share_at_least(
            0.5, _is_pizza if kind == "pizza" else _has_clock, f"networks explained as {what}"
        ),
        tiers={
            "smoke": Stage(arms=tuple(arms), minutes=4),
            "paper": Stage(arms=tuple(published_arms), minutes=20),
        },
    )


def _is_pizza(row: Row) -> bool:
    return row["mechanism"] == "pizza"


def _has_clock(row: Row) -> bool:
    return "clock" in row["mechanism"].split(" + ")
