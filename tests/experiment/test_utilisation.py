"""Many runs through few slots: finished ones leave, new ones enter, and the room is used."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from grokscope.engine import AdamW
from grokscope.experiment import Config, Training, plan_seeds, start_run
from grokscope.models import EmbeddingMLP
from grokscope.tasks import ModularArithmetic

SMALL = Config(
    task=ModularArithmetic(p=31, train_fraction=0.6),
    model=EmbeddingMLP(d_model=48, d_hidden=128),
    optimizer=AdamW(lr=1e-2, weight_decay=1.0),
    training=Training(steps=700, checkpoint_ratio=100.0, capacity=2),
)


def status(path: Path) -> dict[str, float]:
    return json.loads((path / "status.json").read_text(encoding="utf-8"))


def test_a_queue_of_runs_flows_through_a_fixed_stack(tmp_path: Path):
    run = start_run(plan_seeds("r", SMALL, (), 6), tmp_path)
    assert [row["index"] for row in run.networks] == list(range(6))
    assert len({row["steps"] for row in run.networks}) > 1  # they left at different times
    assert status(run.path)["utilisation"] > 0.8
    assert status(run.path)["run_steps_per_second"] > 0


def test_each_run_of_the_queue_is_the_run_it_would_have_been_alone(tmp_path: Path):
    short = replace(SMALL, training=replace(SMALL.training, steps=60))
    queued = start_run(plan_seeds("r", short, (), 5), tmp_path)
    training = replace(short.training, capacity=None)
    for i in (0, 4):
        alone = start_run(
            plan_seeds("r", replace(SMALL, training=training, seed=i), (), 1), tmp_path
        )
        ours, theirs = queued.curves, alone.curves
        own = ours["network"] == i
        steps = min(int(own.sum()), 25)  # float32 trajectories part later
        np.testing.assert_array_equal(ours["step"][own][:steps], theirs["step"][:steps])
        np.testing.assert_allclose(
            ours["train/loss"][own][:steps], theirs["train/loss"][:steps], rtol=1e-3
        )
