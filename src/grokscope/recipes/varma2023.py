"""Explaining grokking through circuit efficiency (arXiv 2309.02390): what less data does, by forks.

Forks leave networks that have generalised. All arms of a replication look at one fork, whichever of
them is the first to train it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from grokscope.engine import AdamW
from grokscope.experiment import Config, Plan, Run, Training, fork, resume_run
from grokscope.models import EmbeddingMLP, OneLayerTransformer
from grokscope.recipes.base import Recipe
from grokscope.recipes.replicate import finished_run
from grokscope.recipes.replication import (
    Arm,
    Replication,
    Role,
    Stage,
    computed,
    digest,
    summary_rows,
    trained,
)
from grokscope.recipes.rules import Row, falls, share_at_least
from grokscope.store import find_runs
from grokscope.tasks import ModularArithmetic

_GROKKED_STEPS = 6_000


@dataclass(frozen=True)
class _Fork:
    """How networks that have generalised go on, and to which step."""

    branches: Mapping[str, Mapping[str, Any]]
    steps: int


_LESS = _Fork(
    branches={
        "10 % of the rows": {"train_fraction": 0.1},
        "20 %": {"train_fraction": 0.2},
        "30 %": {"train_fraction": 0.3},
        "other 60 %": {"data_seed": 4_321},
    },
    steps=18_000,
)
_CRITICAL = _Fork(
    branches={
        "22 % of the rows": {"train_fraction": 0.22},
        "10 %": {"train_fraction": 0.1},
        "other 60 %": {"data_seed": 4_321},
    },
    steps=26_000,
)


def varma2023() -> Recipe:
    """The paper's transformer and task: addition mod 113, decay .1, 30 % of the rows."""
    return Recipe(
        name="varma2023",
        summary="the transformer of the circuit-efficiency paper, to be forked to less data",
        source="arXiv 2309.02390",
        config=Config(
            task=ModularArithmetic(operation="add", p=113, train_fraction=0.3),
            model=OneLayerTransformer(),
            optimizer=AdamW(lr=1e-3, weight_decay=0.1),
            training=Training(steps=100_000, stop_when_grokked=False),
        ),
    )


def varma2023_ungrokking() -> Replication:
    """Networks that have generalised go on with fewer rows; other rows, as many, harm nobody."""
    smoke = Stage(
        arms=(
            _branch(_LESS, "10 % of the rows"),
            _branch(_LESS, "20 %", role="reference"),
            _branch(_LESS, "30 %", role="reference"),
            _branch(_LESS, "other 60 %", role="control"),
        ),
        minutes=2,
    )
    return Replication(
        name="varma2023-ungrokking",
        recipe="varma2023",
        source="arXiv 2309.02390, figure 4",
        published="a network with perfect test accuracy that goes on with less data than a "
        "critical amount falls back to low test accuracy",
        rule=share_at_least(0.5, _has_lost, "networks whose test accuracy ends below one half"),
        tiers={"smoke": smoke},
    )


def varma2023_semi() -> Replication:
    """Near the critical amount of rows networks that have generalised keep a part of it."""
    few = replace(_config(), task=replace(_config().task, train_fraction=0.22))
    scratch = replace(few, training=replace(few.training, steps=_CRITICAL.steps))
    smoke = Stage(
        arms=(
            _branch(_CRITICAL, "22 % of the rows"),
            trained("22 % from the beginning", scratch, role="reference"),
            _branch(_CRITICAL, "10 %", role="control"),
            _branch(_CRITICAL, "other 60 %", role="control"),
        ),
        minutes=2,
        differs="This is the state in between from above. From below, which is what the paper "
        "calls semi-grokking (about .7 with 2,000 rows from the beginning), it was not found: with "
        "30 % of the rows from the beginning none of three networks has begun to generalise after "
        "100,000 steps; with 34 % they are at .05, .7 and .95, and rising (development seeds).",
    )
    return Replication(
        name="varma2023-semi",
        recipe="varma2023",
        source="arXiv 2309.02390, section 5 and appendix A.2",
        published="networks that had generalised and go on with 800 to 1,000 rows, near the "
        "critical amount, keep a test accuracy of about .7",
        rule=share_at_least(
            0.5,
            _settles_between,
            "networks that end between .1 and .9, having moved by .1 at most since the middle",
        ),
        tiers={"smoke": smoke},
    )


def varma2023_efficiency() -> Replication:
    """What only memorises loses efficiency with more rows; what only generalises does not."""
    config = replace(_config(), training=Training(steps=8_000, stop_when_grokked=False))
    few_and_many = [{"task.train_fraction": share} for share in (0.2, 0.4, 0.6, 0.8)]
    most = [{"task.train_fraction": share} for share in (0.6, 0.7, 0.8, 0.9)]
    smoke = Stage(
        arms=(
            trained(
                "random labels",
                config,
                *(cell | {"task.label_noise": 1.0} for cell in few_and_many),
                measure=with_efficiency,
            ),
            # their efficiencies differ by 4 %: few seeds do not tell a slope of 0 from one of −.1
            trained("most rows", config, *most, role="control", seeds=24, measure=with_efficiency),
        ),
        minutes=4,
        differs="Memorising networks lose efficiency as published, with an exponent near one half. "
        "Generalising ones have 60 to 90 % of the rows: with fewer, what they memorised is long in "
        "going.",
    )
    return Replication(
        name="varma2023-efficiency",
        recipe="varma2023",
        source="arXiv 2309.02390, figure 3",
        published="the efficiency of memorising networks (trained on random labels) falls with the "
        "size of the data, that of generalising ones does not",
        rule=falls("task.train_fraction", by=0.1, column="efficiency"),
        tiers={"smoke": smoke},
    )


def with_efficiency(run: Run) -> Sequence[Row]:
    """The summary with the margin of the training rows per norm of the weights, at the end."""
    found = run.measure("circuits")
    rows: list[Row] = []
    for network, row in enumerate(summary_rows(run)):
        own = found["measure/efficiency"][found["network"] == network]
        rows.append(row | {"efficiency": max(float(own[-1]), 0.0)})
    return rows


def _branch(of: _Fork, name: str, role: Role = "subject") -> Arm:
    """What became of the networks in one branch."""
    network = Plan(recipe="varma2023", networks=(_config(),)).to_dict()
    settings = {"network": network, "branches": of.branches, "steps": of.steps}

    def work(folder: Path, seeds: Sequence[int]) -> Sequence[Row]:
        key = digest(settings | {"seeds": list(seeds)})[:8]
        run = _forked(of, folder.parent / f"fork-{key}", seeds)
        first = (1 + list(of.branches).index(name)) * len(seeds)
        return [_row(run, i, first + i, of.branches[name]) for i in range(len(seeds))]

    return computed(name, work, settings | {"branch": name}, role=role)


def _forked(of: _Fork, folder: Path, seeds: Sequence[int]) -> Run:
    """Train on 60 % of the rows until all have generalised, then go on in all branches."""
    networks = tuple(replace(_config(), seed=seed) for seed in seeds)
    parent = finished_run(Plan(recipe="varma2023", networks=networks), folder)
    for directory in find_runs(folder):
        if Plan.from_dict(directory.config).origin is not None:
            return resume_run(directory)
    # the last step is kept in all networks
    step = parent.kept_steps(0)[-1]
    return fork(parent, step, of.branches, out=folder, steps=of.steps, stop_when_grokked=False)


def _row(run: Run, untouched: int, network: int, changes: Mapping[str, Any]) -> Row:
    own, curves, origin = run.networks[network], run.curves, run.plan.origin
    assert origin is not None
    chosen = curves["network"] == network
    steps, test = curves["step"][chosen], curves["test/acc_novel"][chosen]
    middle = (origin.step + steps[-1]) / 2
    return {
        "seed": own["seed"],
        "settings": changes,
        "test_acc_untouched": run.networks[untouched]["test_acc_novel"],
        "test_acc_middle": float(test[steps >= middle][0]),
        "test_acc": own["test_acc_novel"],
        "train_acc": own["train_acc"],
        "label": own["label"],
    }


def _config() -> Config:
    return Config(
        task=ModularArithmetic(operation="add", p=43, train_fraction=0.6),
        model=EmbeddingMLP(d_model=64, d_hidden=64, combine="concat"),
        optimizer=AdamW(lr=3e-3, weight_decay=1.0),
        training=Training(steps=_GROKKED_STEPS, stop_when_grokked=False),
    )


def _has_lost(row: Row) -> bool:
    return row["test_acc_untouched"] > 0.9 and row["test_acc"] < 0.5


def _settles_between(row: Row) -> bool:
    moved = abs(row["test_acc"] - row["test_acc_middle"])
    return 0.1 <= row["test_acc"] <= 0.9 and moved <= 0.1
