"""Explaining grokking through circuit efficiency (arXiv 2309.02390): ungrokking, by forks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
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

_GROKKED_STEPS, _ALL_STEPS = 6_000, 18_000
_BRANCHES: Mapping[str, Mapping[str, Any]] = {
    "10 % of the rows": {"train_fraction": 0.1},
    "20 %": {"train_fraction": 0.2},
    "30 %": {"train_fraction": 0.3},
    "other 60 %": {"data_seed": 4_321},
}


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
            _branch("10 % of the rows"),
            _branch("20 %", role="reference"),
            _branch("30 %", role="reference"),
            _branch("other 60 %", role="control"),
        ),
        minutes=4,
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
            trained("most rows", config, *most, role="control", measure=with_efficiency),
        ),
        minutes=4,
        differs="Memorising networks lose efficiency as published, with an exponent near one half. "
        "Generalising ones lose a little too, and the interval holds the bound: 8,000 steps may be "
        "too few for all that they memorised to be gone.",
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


def _branch(name: str, role: Role = "subject") -> Arm:
    """What became of the networks in one branch; all arms look at the same fork."""
    network = Plan(recipe="varma2023", networks=(_config(),)).to_dict()
    settings = {"network": network, "branches": _BRANCHES, "steps": _ALL_STEPS}

    def work(folder: Path, seeds: Sequence[int]) -> Sequence[Row]:
        key = digest(settings | {"seeds": list(seeds)})[:8]
        run, count = _forked(folder.parent / f"fork-{key}", seeds), len(seeds)
        first = (1 + list(_BRANCHES).index(name)) * count
        own = run.networks[first : first + count]
        return [_row(*pair, name) for pair in zip(run.networks[:count], own, strict=True)]

    return computed(name, work, settings | {"branch": name}, role=role)


def _forked(folder: Path, seeds: Sequence[int]) -> Run:
    """Train on 60 % of the rows until all have generalised, then go on in all branches."""
    networks = tuple(replace(_config(), seed=seed) for seed in seeds)
    parent = finished_run(Plan(recipe="varma2023", networks=networks), folder)
    for directory in find_runs(folder):
        if Plan.from_dict(directory.config).origin is not None:
            return resume_run(directory)
    # the last step is kept in all networks
    step = parent.kept_steps(0)[-1]
    return fork(parent, step, _BRANCHES, out=folder, steps=_ALL_STEPS, stop_when_grokked=False)


def _row(before: Row, own: Row, branch: str) -> Row:
    return {
        "seed": own["seed"],
        "settings": _BRANCHES[branch],
        "test_acc_untouched": before["test_acc_novel"],
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
