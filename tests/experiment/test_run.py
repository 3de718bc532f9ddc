"""A run from plan to summary: what is on disk, and that stopping anywhere changes nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from grokscope.core.errors import (
    InterruptedRunError,
    MemoryExceededError,
    SettingError,
    UsageError,
    VerificationError,
)
from grokscope.engine import AdamW
from grokscope.experiment import (
    Config,
    Plan,
    Run,
    Training,
    plan_seeds,
    resume_run,
    start_run,
    trainer,
)
from grokscope.experiment import run as run_module
from grokscope.experiment.finish import finish
from grokscope.experiment.listener import TrainingProgress
from grokscope.models import EmbeddingMLP, OneLayerTransformer
from grokscope.store import RunDirectory
from grokscope.tasks import ModularArithmetic

SMALL = Config(
    task=ModularArithmetic(p=11, train_fraction=0.6),
    model=OneLayerTransformer(d_model=16),
    optimizer=AdamW(lr=1e-2, weight_decay=0.5),
    training=Training(steps=60, checkpoint_ratio=2.0),
)
QUEUED = replace(SMALL, training=replace(SMALL.training, capacity=2, batch_size=20))
VARIANTS = ({"attention_rate": 0.0}, {"attention_rate": 1.0})


class Killed(BaseException):
    """As sudden as kill -9: nothing between the training loop and the test catches it."""


class KillAfter:
    """A listener that kills the process, so to speak, at its n-th update."""

    def __init__(self, updates: int) -> None:
        self.left = updates

    def update(self, progress: TrainingProgress) -> None:
        """Count down."""
        self.left -= 1
        if self.left < 0:
            raise Killed


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch):
    """Save a resume point and report at every look, so that short runs have many."""
    monkeypatch.setattr(trainer, "SECONDS_BETWEEN_RESUME_POINTS", 0.0)
    monkeypatch.setattr(trainer, "SECONDS_BETWEEN_UPDATES", 0.0)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    plan = plan_seeds("small", SMALL, VARIANTS, 2)
    return start_run(plan, tmp_path_factory.mktemp("runs"))


def _weights(run: Run) -> dict[str, bytes]:
    """Every checkpoint's tensors, byte for byte."""
    found: dict[str, bytes] = {}
    for entry in run.directory.checkpoints():
        point = run.directory.load_checkpoint(entry.name)
        for group, tensors in point.groups.items():
            for name, value in tensors.items():
                found[f"{entry.name}/{group}/{name}"] = value.numpy().tobytes()
    return found


def _curves(run: Run) -> dict[str, np.ndarray]:
    return {k: v for k, v in run.curves.items() if k != "wall_seconds"}


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(SMALL, id="full batch"),
        pytest.param(QUEUED, id="queue and minibatches", marks=pytest.mark.slow),
    ],
)
@pytest.mark.usefixtures("often")
def test_a_run_killed_many_times_ends_like_one_that_was_not(tmp_path: Path, config: Config):
    plan = plan_seeds("small", config, VARIANTS, 2)
    whole = start_run(plan, tmp_path / "whole")
    with pytest.raises(Killed):
        start_run(plan, tmp_path / "killed", KillAfter(1))
    directory = RunDirectory.open(tmp_path / "killed" / "last")
    for _ in range(40):
        try:
            resumed = resume_run(directory, KillAfter(9))
            break
        except Killed:
            continue
    else:
        pytest.fail("the run never ended")
    expected, got = _weights(whole), _weights(resumed)
    assert expected.keys() == got.keys()
    assert all(expected[name] == got[name] for name in expected)
    for name, values in _curves(whole).items():
        np.testing.assert_array_equal(values, _curves(resumed)[name], err_msg=name)
    assert [{**row, "run": ""} for row in whole.networks] == [
        {**row, "run": ""} for row in resumed.networks
    ]
    assert resumed.directory.verify() == []


@pytest.mark.usefixtures("often")
def test_a_request_to_stop_leaves_a_valid_run(tmp_path: Path):
    class Interrupt:
        def update(self, progress: TrainingProgress) -> None:
            import signal

            signal.raise_signal(signal.SIGINT)

    with pytest.raises(InterruptedRunError, match="--resume"):
        start_run(plan_seeds("small", SMALL, (), 1), tmp_path, Interrupt())
    run = Run(RunDirectory.open(tmp_path / "last"))
    assert run.state == "interrupted"
    assert run.directory.verify() == []
    assert resume_run(run.directory).state == "finished"


@pytest.mark.usefixtures("often")
def test_a_second_process_that_is_refused_leaves_the_status_alone(tmp_path: Path):
    with pytest.raises(Killed):
        start_run(plan_seeds("small", SMALL, (), 1), tmp_path, KillAfter(2))
    directory = RunDirectory.open(tmp_path / "last")
    before = directory.status
    with directory.locked(), pytest.raises(UsageError, match="being written by process"):
        resume_run(RunDirectory.open(tmp_path / "last"))
    assert RunDirectory.open(tmp_path / "last").status == before


def test_a_run_killed_while_it_is_judged_is_judged_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished: Run
):
    def killed(*arguments: object) -> None:
        finish(*arguments)
        raise Killed

    monkeypatch.setattr(run_module, "finish", killed)
    with pytest.raises(Killed):
        start_run(finished.plan, tmp_path)
    monkeypatch.setattr(run_module, "finish", finish)
    resumed = resume_run(RunDirectory.open(tmp_path / "last"))
    assert _weights(resumed) == _weights(finished)
    assert resumed.directory.events == finished.directory.events
    assert [row["label"] for row in resumed.networks] == [r["label"] for r in finished.networks]


def test_the_same_plan_gives_the_same_bits_twice(tmp_path: Path):
    plan = plan_seeds("small", SMALL, (), 2)
    assert _weights(start_run(plan, tmp_path / "a")) == _weights(start_run(plan, tmp_path / "b"))


def test_curves_hold_every_network_at_log_spaced_steps(finished: Run):
    curves = finished.curves
    for network in range(4):
        steps = curves["step"][curves["network"] == network]
        assert steps[0] == 0
        ratios = steps[2:] / steps[1:-1]
        assert np.all((ratios <= 1.1 + 1e-9) | (np.diff(steps[1:]) == 1))
    assert set(curves["network"]) == {0, 1, 2, 3}


def test_test_accuracy_is_the_mean_over_novel_and_mirrored_rows(finished: Run):
    split = finished.plan.networks[0].task.make_split(finished.plan.base.task.table(), 0)
    novel, mirrored = len(split.novel), len(split.mirrored)
    rows = finished.curves["network"] == 0
    parts = [finished.curves[f"test/acc_{part}"][rows] for part in ("novel", "mirrored")]
    whole = (novel * parts[0] + mirrored * parts[1]) / (novel + mirrored)
    np.testing.assert_allclose(finished.curves["test/acc"][rows], whole, atol=1e-12)


def test_variants_share_their_data_and_differ_in_their_setting(finished: Run):
    splits = finished.directory.splits()
    assert torch.equal(splits["0/train"], splits["2/train"])
    assert not torch.equal(splits["0/train"], splits["1/train"])
    settings = [row["settings"]["model.attention_rate"] for row in finished.networks]
    assert settings == [0.0, 0.0, 1.0, 1.0]


def test_the_last_checkpoint_gives_the_last_accuracy(finished: Run):
    table = finished.plan.base.task.table()
    for row in finished.networks:
        config = finished.plan.networks[row["index"]]
        logits = config.model.forward(finished.weights(row["index"]), table.inputs.unsqueeze(0))[0]
        right = logits.argmax(1) == table.labels
        train = config.task.make_split(table, config.seed).train
        assert float(right[train].double().mean()) == pytest.approx(row["train_acc"], abs=1e-9)


def test_weights_of_a_step_that_was_not_kept_name_the_nearest(finished: Run):
    with pytest.raises(UsageError, match=r"Step 5 was not kept; the nearest are \[4, "):
        finished.weights(0, step=5)


def test_a_plan_survives_its_toml(finished: Run):
    assert Plan.from_dict(finished.directory.config) == finished.plan
    other = plan_seeds("mlp", replace(SMALL, model=EmbeddingMLP(d_model=8)), (), 1)
    assert Plan.from_dict(other.to_dict()) == other


@pytest.mark.usefixtures("often")
def test_changed_splits_are_noticed(tmp_path: Path):
    with pytest.raises(Killed):
        start_run(plan_seeds("small", SMALL, (), 1), tmp_path, KillAfter(3))
    directory = RunDirectory.open(tmp_path / "last")
    splits = directory.splits()
    splits["0/train"][0] += 1
    directory.write_splits(splits)
    with pytest.raises(VerificationError, match="stored splits"):
        resume_run(directory)


def test_a_network_that_diverges_is_a_competing_event(tmp_path: Path):
    config = replace(SMALL, training=replace(SMALL.training, steps=40))
    plan = plan_seeds("small", config, ({"optimizer.lr": 1e-2}, {"optimizer.lr": 1e30}), 1)
    calm, wild = start_run(plan, tmp_path).networks
    assert wild["label"] == wild["stop_reason"] == "diverged"
    assert wild["first_bad_tensor"]
    assert calm["stop_reason"] == "budget"
    alone = start_run(plan_seeds("small", config, ({"optimizer.lr": 1e-2},), 1), tmp_path)
    assert alone.networks[0]["train_loss"] == pytest.approx(calm["train_loss"], rel=1e-2)


def test_all_the_data_leaves_the_test_undefined(tmp_path: Path):
    config = replace(SMALL, task=replace(SMALL.task, train_fraction=1.0))
    row = start_run(plan_seeds("small", config, (), 1), tmp_path).networks[0]
    assert row["test_acc"] is None
    assert row["grokked_step"] is None


def test_a_task_without_a_group_is_trained_without_fourier_measures(tmp_path: Path):
    config = replace(SMALL, task=ModularArithmetic(operation="multiply", p=12, train_fraction=0.6))
    run = start_run(plan_seeds("small", config, (), 1), tmp_path)
    assert run.progress == {}
    assert run.networks[0]["key_frequencies"] == []
    assert run.portrait(0) is None


def test_networks_of_different_shapes_are_refused_before_anything_is_written(tmp_path: Path):
    plan = plan_seeds("small", SMALL, ({"d_model": 16}, {"d_model": 32}), 1)
    with pytest.raises(SettingError, match="of one shape"):
        start_run(plan, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "`steps` must be at least 1, got 0"),
        ({"eval_ratio": 1.2}, r"`eval_ratio` must be in \(1, 1.1\], got 1.2"),
        ({"checkpoint_ratio": 1.0}, "`checkpoint_ratio` must be greater than 1, got 1.0"),
        ({"batch_size": 0}, "`batch_size` must be at least 1, got 0"),
    ],
)
def test_bad_training_settings_are_refused(settings: dict[str, float], message: str):
    with pytest.raises(SettingError, match=message):
        Training(**settings)


@pytest.mark.slow
def test_a_resumed_run_keeps_its_number_of_threads(tmp_path: Path, often: None):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(Killed):
            start_run(plan_seeds("small", SMALL, (), 1), tmp_path, KillAfter(3))
        torch.set_num_threads(1)
        resume_run(RunDirectory.open(tmp_path / "last"))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_table_larger_than_memory_is_one_line():
    config = replace(SMALL, task=ModularArithmetic(p=10**12))
    with pytest.raises(MemoryExceededError, match="do not fit in memory"):
        start_run(plan_seeds("small", config, (), 1))


def test_without_key_frequencies_there_are_no_progress_measures(tmp_path: Path):
    config = replace(
        SMALL,
        task=ModularArithmetic(p=31, train_fraction=0.3),
        training=replace(SMALL.training, steps=2),
    )
    run = start_run(plan_seeds("small", config, (), 1), tmp_path)
    assert run.networks[0]["key_frequencies"] == []
    assert run.progress == {}


@pytest.mark.parametrize("combine", ["sum", "concat"])
@pytest.mark.parametrize("batch_size", [None, 30])
def test_random_labels_are_learned_by_heart(tmp_path: Path, combine, batch_size):
    """Training rows are fitted to what they say, test rows measured by what is right."""
    training = replace(SMALL.training, steps=400, batch_size=batch_size)
    config = replace(
        SMALL,
        task=replace(SMALL.task, label_noise=1.0, split="orbits"),
        model=EmbeddingMLP(d_model=64, d_hidden=128, combine=combine),
        optimizer=AdamW(lr=1e-2, weight_decay=0.0),
        training=training,
    )
    run = start_run(plan_seeds("noise", config, (), 2), tmp_path)
    table = config.task.table()
    for network, row in enumerate(run.networks):
        logits = run.subject(network).run().logits
        train = config.task.make_split(table, config.seed + network).train
        told = logits.argmax(1)[train] == table.shown[train]
        assert row["train_acc"] == pytest.approx(float(told.double().mean()))
        # a sum of embeddings says of (a, b) and (b, a) the same, of which one is told wrong
        assert row["train_acc"] == 1.0 if combine == "concat" else 0.4 < row["train_acc"] < 0.8
        assert row["test_acc"] < 0.4
        assert row["label"] != "grokking"
