"""What the recipes of the zoo measure, on small runs and on rows whose answer is known."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grokscope.core.settings import flatten
from grokscope.engine import SGD, AdamW, Hinge, MeanSquare
from grokscope.experiment import Config, Plan, Training, load
from grokscope.models import CausalDecoder, DenseMLP, EmbeddingMLP
from grokscope.recipes import levi2023, liu2022, lyu2023, parity, prieto2025, varma2023
from grokscope.recipes.gromov2023 import with_participation
from grokscope.recipes.registry import REPLICATIONS
from grokscope.recipes.replicate import finished_run
from grokscope.recipes.rules import Row
from grokscope.recipes.wang2024 import _is_apart, _is_late, late_and_apart
from grokscope.store import find_runs
from grokscope.tasks import FactComposition, LinearRegression, ModularArithmetic, SparseParity

MLP = Config(
    task=ModularArithmetic(p=7, train_fraction=0.7),
    model=EmbeddingMLP(d_model=8, d_hidden=16),
    optimizer=AdamW(lr=1e-2),
    training=Training(steps=120),
)


def ran(config: Config, folder: Path, seeds: int = 2):
    networks = tuple(replace(config, seed=seed) for seed in range(seeds))
    return finished_run(Plan(recipe="small", networks=networks), folder)


def test_participation_is_that_of_the_first_and_last_checkpoint(tmp_path: Path):
    run = ran(MLP, tmp_path)
    columns = run.measure("ipr")
    for network, row in enumerate(with_participation(run)):
        own = columns["measure/ipr"][columns["network"] == network]
        assert (row["ipr_before"], row["ipr_after"]) == (own[0], own[-1])
        assert row["seed"] == network


def test_hits_are_the_first_looks_at_95_percent_of_small_errors(tmp_path: Path):
    config = Config(
        task=LinearRegression(d=10, n_rows=60, train_fraction=0.5),
        model=DenseMLP(n_hidden_layers=0, bias=False),
        optimizer=SGD(lr=0.1, momentum=0.0, weight_decay=0.0),
        loss=MeanSquare(),
        training=Training(steps=400, stop_when_grokked=False),
    )
    run = ran(config, tmp_path)
    for network, row in enumerate(levi2023.hits(run)):
        own = run.curves["network"] == network
        for name, metric in (("memorized_step", "train/within"), ("grokked_step", "test/within")):
            values, steps = run.curves[metric][own], run.curves["step"][own]
            at = int(np.flatnonzero(steps == row[name])[0])
            assert values[at] >= 0.95
            assert (values[:at] < 0.95).all()


def test_a_diagram_is_one_row_for_each_seed_with_a_phase_for_each_cell(tmp_path: Path):
    cells = [{"optimizer.weight_decay": decay} for decay in (0.0, 200.0)]
    networks = tuple(
        replace(MLP, seed=seed, optimizer=replace(MLP.optimizer, weight_decay=decay))
        for decay in (cell["optimizer.weight_decay"] for cell in cells)
        for seed in range(2)
    )
    run = finished_run(Plan(recipe="grid", networks=networks), tmp_path)
    rows = liu2022.diagrams(run)
    assert [row["seed"] for row in rows] == [0, 1]
    assert all(len(row["cells"]) == 2 for row in rows)
    assert all(row["cells"][1] == "confusion" for row in rows)  # nothing survives that decay
    assert all(set(row["phases"]) == set(row["cells"]) for row in rows)


def test_a_diagram_has_all_phases_only_if_none_is_missing():
    four = sorted(liu2022.PHASES)
    assert liu2022._has_all({"phases": four})
    assert not any(liu2022._has_all({"phases": four[:i] + four[i + 1 :]}) for i in range(4))


def times(slope: float, seeds: int = 3) -> list[dict[str, Any]]:
    """Rows whose λ · time is `slope` · ln(α) and a constant."""
    rate = lyu2023._LR * lyu2023._DECAY
    return [
        {
            "seed": seed,
            "grokked_step": (2 + seed / 10 + slope * math.log(scale)) / rate,
            "settings": {"model.init_scale": scale},
        }
        for seed in range(seeds)
        for scale in lyu2023._SCALES
    ]


@pytest.mark.parametrize(("slope", "outcome"), [(1.0, "passes"), (0.5, "fails"), (1.5, "fails")])
def test_a_slope_passes_within_its_bounds(slope: float, outcome: str):
    found = lyu2023.slope_within(0.8, 1.2).judge({"arm": times(slope)}, "arm")
    assert found.outcome == outcome
    assert found.measured[0].interval.value == pytest.approx(slope)


def test_a_network_that_has_not_generalised_leaves_no_slope():
    rows = times(1.0)
    rows[3]["grokked_step"] = None
    assert lyu2023.slope_within(0.8, 1.2).judge({"arm": rows}, "arm").outcome == "fails"


def test_active_neurons_are_counted_when_memorised_and_at_the_end(tmp_path: Path):
    config = Config(
        task=SparseParity(n=6, k=2, n_rows=60, train_fraction=0.7),
        model=DenseMLP(d_hidden=24, n_hidden_layers=1),
        optimizer=SGD(lr=0.1, momentum=0.0, weight_decay=0.01),
        loss=Hinge(),
        training=Training(steps=300, batch_size=16, checkpoint_ratio=2.0),
    )
    run = ran(config, tmp_path)
    columns = run.measure("active_subnetwork")
    for network, row in enumerate(parity.with_active_neurons(run)):
        own = columns["network"] == network
        steps, active = columns["step"][own], columns["measure/active_neurons"][own]
        assert row["active_end"] == active[-1]
        assert row["memorized_step"] is not None
        first = np.flatnonzero(steps >= row["memorized_step"])[0]
        assert row["active_memorized"] == active[first]


def test_parities_over_bits_are_one_run_for_each_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(parity, "_SIZES", (5, 6))
    small = parity._many_rows(n=20, k=1, n_neurons=8)

    def few_rows(*, n: int, k: int, n_neurons: int) -> Config:
        task = SparseParity(n=n, k=k, n_rows=30, train_fraction=0.8)
        return replace(small, task=task, training=Training(steps=40, batch_size=8))

    monkeypatch.setattr(parity, "_many_rows", few_rows)
    arm = parity._over_bits("1 bit", k=1, role="control")
    assert arm.work is not None
    rows = arm.work(tmp_path, [0, 1])
    assert [(row["settings"]["task.n"], row["seed"]) for row in rows] == [
        (5, 0),
        (5, 1),
        (6, 0),
        (6, 1),
    ]
    assert arm.work(tmp_path, [0, 1]) == rows  # found again


def test_arms_of_a_fork_look_at_branches_of_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    small = replace(MLP, training=Training(steps=60, stop_when_grokked=False))
    monkeypatch.setattr(varma2023, "_config", lambda: small)
    changes = {"less": {"train_fraction": 0.2}, "other": {"data_seed": 5}}
    of = varma2023._Fork(branches=changes, steps=90)
    rows: dict[str, Sequence[Row]] = {}
    for name, own_changes in changes.items():
        arm = varma2023._branch(of, name)
        assert arm.work is not None
        rows[name] = arm.work(tmp_path / name, [3, 4])
        assert [row["seed"] for row in rows[name]] == [3, 4]
        assert all(row["settings"] == own_changes for row in rows[name])
        assert arm.work(tmp_path / name, [3, 4]) == rows[name]
    (shared,) = tmp_path.iterdir()
    runs = [load(directory.path) for directory in find_runs(shared)]
    (fork,) = [run for run in runs if run.plan.origin is not None]
    assert fork.plan.origin is not None
    assert len(runs) == 2
    for name, found in rows.items():
        own = [i for i, branch in enumerate(fork.plan.origin.branches) if branch == name]
        assert [row["test_acc"] for row in found] == [
            fork.networks[i]["test_acc_novel"] for i in own
        ]
        assert [row["test_acc_untouched"] for row in found] == [
            fork.networks[i]["test_acc_novel"] for i in range(2)
        ]
        for row, network in zip(found, own, strict=True):
            chosen = fork.curves["network"] == network
            late = chosen & (fork.curves["step"] >= 75)
            assert row["test_acc_middle"] == fork.curves["test/acc_novel"][late][0]


@pytest.mark.parametrize(
    ("untouched", "changed", "lost"), [(1.0, 0.1, True), (1.0, 0.6, False), (0.3, 0.1, False)]
)
def test_only_who_had_generalised_can_lose_it(untouched: float, changed: float, lost: bool):
    row = {"test_acc_untouched": untouched, "test_acc": changed}
    assert varma2023._has_lost(row) == lost


@pytest.mark.parametrize(
    ("middle", "end", "settles"),
    [(0.6, 0.55, True), (0.6, 0.4, False), (0.95, 0.95, False), (0.05, 0.05, False)],
)
def test_who_settles_in_between_is_there_and_stays(middle: float, end: float, settles: bool):
    assert varma2023._settles_between({"test_acc_middle": middle, "test_acc": end}) == settles


def test_collapse_is_the_share_of_the_last_checkpoint(tmp_path: Path):
    run = ran(replace(MLP, optimizer=AdamW(lr=0.3, weight_decay=0.0)), tmp_path)
    found = run.measure("softmax_collapse")
    for network, row in enumerate(prieto2025.with_collapse(run)):
        own = found["measure/softmax_collapse"][found["network"] == network]
        assert row["softmax_collapse"] == own[-1] > own[0]
    assert prieto2025._has_collapsed({"softmax_collapse": 0.5})
    assert not prieto2025._has_collapsed({"softmax_collapse": 0.49})


def test_facts_apart_are_measured_apart(tmp_path: Path):
    config = Config(
        task=FactComposition(entities=20, relations=6, out_degree=4, train_fraction=0.8),
        model=CausalDecoder(d_model=16, n_heads=2, n_layers=1),
        optimizer=AdamW(lr=1e-2, weight_decay=0.1),
        training=Training(steps=60, batch_size=64, stop_when_grokked=False),
    )
    run = ran(config, tmp_path)
    curves = run.curves
    for network, row in enumerate(late_and_apart(run)):
        own = curves["network"] == network
        assert row["test_acc_end"] == curves["test/acc_novel"][own][-1]
        assert row["ood_acc_end"] == curves["test/acc_ood"][own][-1]


def test_late_is_memorised_first_and_apart_is_less_than_half():
    row = {"test_acc_memorized": 0.1, "test_acc_end": 0.6, "ood_acc_end": 0.1}
    assert _is_late(row)
    assert _is_apart(row)
    assert not _is_late(row | {"test_acc_memorized": 0.5})
    assert not _is_late(row | {"test_acc_memorized": None})
    assert not _is_late(row | {"test_acc_end": 0.3})
    assert not _is_apart(row | {"ood_acc_end": 0.4})


@pytest.mark.parametrize("name", REPLICATIONS)
def test_arms_that_are_compared_have_the_same_seeds(name: str):
    replication = REPLICATIONS[name]()
    for tier, stage in replication.tiers.items():
        if "reference" not in str(replication.rule_of(tier).parameters):
            continue
        compared = [arm for arm in stage.arms if arm.role != "reference"]
        named = str(replication.rule_of(tier).parameters)
        compared += [arm for arm in stage.arms if arm.name in named]
        assert len({arm.seeds for arm in compared}) == 1, tier


@pytest.mark.parametrize("name", REPLICATIONS)
def test_arms_judged_by_a_slope_have_several_values_of_the_setting(name: str):
    replication = REPLICATIONS[name]()
    for tier, stage in replication.tiers.items():
        parameters: Any = replication.rule_of(tier).parameters
        settings = [p["setting"] for p in parameters.get("all_of", [parameters]) if "setting" in p]
        for arm in stage.arms:
            if arm.role == "reference" or arm.make is None:
                continue
            plan = arm.make(arm.seed_range())
            for setting in settings:
                values = {flatten(network)[setting] for network in plan.networks}
                assert len(values) > 1, (tier, arm.name, setting)
