"""Sparse parity: hidden progress (arXiv 2207.08799) and two circuits (arXiv 2303.11873)."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from grokscope.engine import SGD, Hinge
from grokscope.experiment import Config, Plan, Run, Training
from grokscope.models import DenseMLP
from grokscope.recipes.base import Recipe
from grokscope.recipes.replicate import finished_run
from grokscope.recipes.replication import (
    Arm,
    Replication,
    Role,
    Stage,
    computed,
    summary_rows,
    trained,
)
from grokscope.recipes.rules import (
    Row,
    all_of,
    delay_ratio_at_least,
    rises,
    share_at_least,
    share_generalising,
)
from grokscope.tasks import SparseParity

_SIZES = (15, 20, 30, 40, 60)


def barak2022_parity() -> Recipe:
    """Parity of 3 of 40 signs from so many rows that hardly any is seen twice."""
    return Recipe(
        name="barak2022-parity",
        summary="parity of 3 of 40 bits by small batches of many rows",
        source="arXiv 2207.08799",
        config=_many_rows(n=40, k=3, n_neurons=1_000),
    )


def merrill2023() -> Recipe:
    """Parity of 3 of 40 signs from 1,000 rows again and again, 1,000 neurons; as published."""
    return Recipe(
        name="merrill2023",
        summary="parity of 3 of 40 bits from 1,000 rows: a few neurons take over",
        source="arXiv 2303.11873",
        config=_few_rows(n_neurons=1_000, fraction=0.5),
    )


def barak2022_exponent() -> Replication:
    """Steps grow like a power of the number of bits, less so for a single bit."""
    smoke = Stage(
        arms=(
            _over_bits("3 bits", k=3, role="subject"),
            _over_bits("2 bits", k=2, role="reference"),
            _over_bits("1 bit", k=1, role="control"),
        ),
        minutes=2,
        differs="The bound lies between the exponents of development seeds for 1 and for 3 bits, "
        "far below k. Medians of the reference give 2 bits no larger an exponent than 1 bit has: "
        "that it grows with k is shown from there to 3 bits only.",
    )
    return Replication(
        name="barak2022-parity",
        recipe="barak2022-parity",
        source="arXiv 2207.08799, figure 2",
        published="(n, k) parities take n^O(k) steps: the exponent of n grows with k",
        rule=rises("task.n", by=0.95, column="grokked_step"),
        tiers={"smoke": smoke},
    )


def merrill2023_sparse() -> Replication:
    """The delay, and the few neurons that are left; without decay neither."""
    small = _few_rows(n_neurons=500, fraction=0.4)
    smoke = Stage(
        arms=(
            trained("decay", small, seeds=8, measure=with_active_neurons),
            trained(
                "no decay",
                small,
                {"optimizer.weight_decay": 0.0},
                role="control",
                seeds=8,
                measure=with_active_neurons,
            ),
        ),
        minutes=1,
    )
    published = merrill2023().config
    paper = Stage(
        arms=(
            trained("1,000 neurons", published, seeds=8, measure=with_active_neurons),
            trained(
                "no decay",
                published,
                {"optimizer.weight_decay": 0.0},
                role="control",
                seeds=8,
                measure=with_active_neurons,
            ),
        ),
        minutes=10,
    )
    return Replication(
        name="merrill2023",
        recipe="merrill2023",
        source="arXiv 2303.11873, figures 1 and 2",
        published="test accuracy rises long after train accuracy, while the smallest subnetwork "
        "that gives the training outputs shrinks from most neurons to a few",
        rule=all_of(
            share_generalising(0.5),
            delay_ratio_at_least(3.0),
            share_at_least(0.5, _has_shrunk, "networks whose active subnetwork shrinks to a fifth"),
        ),
        tiers={"smoke": smoke, "paper": paper},
    )


def with_active_neurons(run: Run) -> Sequence[Row]:
    """The summary with the active neurons when the rows were memorised, and at the end."""
    rows: list[Row] = []
    for network, row in enumerate(summary_rows(run)):
        found = run.measure("active_subnetwork", network)
        steps, active = found["step"], found["measure/active_neurons"]
        memorized = row["memorized_step"]
        after = active[steps >= memorized] if memorized is not None else active[-1:]
        rows.append(row | {"active_memorized": float(after[0]), "active_end": float(active[-1])})
    return rows


def _over_bits(name: str, *, k: int, role: Role) -> Arm:
    """A run for each number of bits, as their tables differ."""

    def work(folder: Path, seeds: Sequence[int]) -> Sequence[Row]:
        rows: list[Row] = []
        for n in _SIZES:
            config = _many_rows(n=n, k=k, n_neurons=300)
            networks = tuple(replace(config, seed=seed) for seed in seeds)
            run = finished_run(Plan(recipe=f"{name} of {n}", networks=networks), folder)
            rows += [row | {"settings": {"task.n": n}} for row in summary_rows(run)]
        return rows

    return computed(name, work, {"k": k, "n": list(_SIZES), "neurons": 300}, role=role)


def _many_rows(*, n: int, k: int, n_neurons: int) -> Config:
    return Config(
        task=SparseParity(n=n, k=k, n_rows=20_000, train_fraction=0.9),
        model=DenseMLP(d_hidden=n_neurons, n_hidden_layers=1),
        optimizer=SGD(lr=0.1, momentum=0.0, weight_decay=0.01),
        loss=Hinge(),
        training=Training(steps=20_000, batch_size=32),
    )


def _few_rows(*, n_neurons: int, fraction: float) -> Config:
    return Config(
        task=SparseParity(n=40, k=3, n_rows=2_000, train_fraction=fraction),
        model=DenseMLP(d_hidden=n_neurons, n_hidden_layers=1),
        optimizer=SGD(lr=0.1, momentum=0.0, weight_decay=0.01),
        loss=Hinge(),
        training=Training(steps=40_000, batch_size=32, checkpoint_ratio=3.0),
    )


def _has_shrunk(row: Row) -> bool:
    return row["active_end"] * 5 <= row["active_memorized"]
