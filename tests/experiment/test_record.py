"""The record of a run while it trains: what it writes, takes in again, and shows."""

from pathlib import Path

import numpy as np
import pytest
import torch

from grokscope.engine import AdamW
from grokscope.experiment import Config, Training, plan_seeds, start_run
from grokscope.experiment.listener import NetworkProgress, TrainingProgress
from grokscope.experiment.metrics import Metrics
from grokscope.experiment.record import Record
from grokscope.measures.running_judge import RunningJudge, Terms
from grokscope.models import EmbeddingMLP
from grokscope.store import RunDirectory
from grokscope.tasks import ModularArithmetic


def network_progress(count: int) -> list[NetworkProgress]:
    return [NetworkProgress(index=i, name="MLP", seed=i) for i in range(count)]


def recording(progress: list[NetworkProgress]) -> Record:
    terms = [Terms(n_test=100, chance=0.1, loss_scale=2.3) for _ in progress]
    return Record(RunningJudge(terms), progress)


def look(count: int, stream: torch.Generator) -> Metrics:
    names = ("train/acc", "test/acc_novel", "train/loss", "test/loss_novel")
    columns = {name: torch.rand(count, generator=stream) for name in names}
    if count > 1:
        columns["test/acc_novel"][0] = torch.nan
    return Metrics.of(columns | {"fourier/spectrum_W_E": torch.rand(count, 4, generator=stream)})


def test_looks_at_some_networks_become_one_table_that_is_taken_in_again(tmp_path: Path):
    run, stream = RunDirectory.create(tmp_path, "quick", {}), torch.Generator().manual_seed(0)
    shown = network_progress(3)
    record = recording(shown)
    expected: dict[tuple[int, int], list[float]] = {}
    looks = [([0, 1, 2], [0, 0, 0]), ([2, 0], [5, 3]), ([1], [4]), ([0, 1, 2], [9, 9, 9])]
    for i, (networks, steps) in enumerate(looks):
        metrics = look(len(networks), stream)
        record.add(networks, steps, 0.5 * i, metrics.start_fetch())
        expected |= zip(zip(networks, steps, strict=True), metrics.table.tolist(), strict=True)
        if i == 1:
            run.add_segment(record.take())
    run.add_segment(record.take())
    assert record.take() == {}
    curves = run.curves()
    assert list(zip(curves["network"], curves["step"], strict=True)) == sorted(expected)
    for row, key in enumerate(sorted(expected)):
        found = [curves[name][row] for name in list(curves)[3:]]
        np.testing.assert_array_equal(np.hstack(found), expected[key])
    assert curves["wall_seconds"][:3].tolist() == [0.0, 0.5, 1.5]
    again = network_progress(3)
    resumed = recording(again)
    resumed.resume(run)
    assert repr(again) == repr(shown)
    assert [resumed.last_step(i) for i in range(3)] == [9, 9, 9]
    assert resumed.may_stop([0, 1, 2]) == record.may_stop([0, 1, 2])


def test_before_the_first_look_there_is_nothing(tmp_path: Path):
    run, shown = RunDirectory.create(tmp_path, "quick", {}), network_progress(1)
    record = recording(shown)
    record.resume(run)
    assert record.take() == {}
    assert record.last_step(0) == -1
    assert record.may_stop([0]) == [False]
    assert shown == network_progress(1)


class Last:
    """A listener that keeps what it was told last."""

    def update(self, progress: TrainingProgress) -> None:
        """Keep it."""
        self.progress = progress


@pytest.mark.parametrize("rate", [3e-3, 1e30])
def test_what_was_shown_at_the_end_is_what_is_said_of_a_run(tmp_path: Path, rate: float):
    config = Config(
        task=ModularArithmetic(p=11, train_fraction=0.8),
        model=EmbeddingMLP(d_model=32, d_hidden=64),
        optimizer=AdamW(lr=3e-3, weight_decay=1.0),
        training=Training(steps=700, checkpoint_ratio=4.0),
    )
    listener = Last()
    run = start_run(plan_seeds("r", config, ({"optimizer.lr": rate},), 2), tmp_path, listener)
    for shown, said in zip(listener.progress.networks, run.networks, strict=True):
        assert shown.ended
        assert shown.memorized_step == said["memorized_step"]
        assert shown.grokked_step == said["grokked_step"]
        assert (shown.phase == "diverged") == (said["label"] == "diverged")
        assert (shown.phase == "grokked") == (said["label"] in ("grokking", "comprehension"))
        own = run.curves["network"] == shown.index
        for name, values in (("step", shown.steps), ("train/acc", shown.train_acc)):
            assert run.curves[name][own].tolist() == values
