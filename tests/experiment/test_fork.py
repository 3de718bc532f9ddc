"""Forks: the untouched branch is the run itself, and every other differs in what was changed."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from grokscope.algebra.fourier import basis_on, frequency_rows
from grokscope.core.errors import SettingError, UsageError, VerificationError
from grokscope.engine import SGD, AdamW
from grokscope.experiment import (
    Config,
    Run,
    Training,
    fork,
    paired,
    plan_seeds,
    resume_run,
    start_run,
    trainer,
)
from grokscope.experiment.listener import TrainingProgress
from grokscope.models import Decoder, EmbeddingMLP, OneLayerTransformer
from grokscope.store import RunDirectory
from grokscope.tasks import GroupComposition, ModularArithmetic

MLP = Config(
    task=ModularArithmetic(p=13, train_fraction=0.6),
    model=EmbeddingMLP(d_model=12, d_hidden=24),
    optimizer=AdamW(lr=1e-2, weight_decay=0.5),
    training=Training(steps=80, stop_when_grokked=False, checkpoint_ratio=1.6),
)
CONFIGS = {
    "merged rows": MLP,
    "batches": replace(
        MLP,
        model=Decoder(d_model=8, n_heads=2),
        training=replace(MLP.training, batch_size=20),
    ),
    "queue": replace(MLP, training=replace(MLP.training, capacity=2)),
    "transformer": replace(
        MLP, model=OneLayerTransformer(d_model=8, n_heads=2, separate_vocab=True)
    ),
}
CHANGES = {
    "no decay": {"weight_decay": 0.0},
    "less data": {"train_fraction": 0.4},
    "other data": {"data_seed": 77},
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def run(root: Path) -> Run:
    return start_run(plan_seeds("small", MLP, (), 3), root)


def a_step(run: Run) -> int:
    """A kept step in the middle."""
    return run.kept_steps(0)[-3]


def state(run: Run, network: int, step: int) -> dict[str, torch.Tensor]:
    """Everything that was kept of a network."""
    for entry in run.directory.checkpoints():
        if entry.step == step and network in entry.networks:
            point = run.directory.load_checkpoint(entry.name)
            i = point.networks.index(network)
            return {f"{g}/{n}": v[i] for g, named in point.groups.items() for n, v in named.items()}
    raise AssertionError(f"no checkpoint of network {network} at step {step}")


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("merged rows", {}),
        ("merged rows", CHANGES),
        *(pytest.param(n, CHANGES, marks=pytest.mark.slow) for n in CONFIGS if n != "merged rows"),
    ],
)
def test_without_a_change_it_is_the_run_bit_for_bit(
    name: str, changes: dict[str, dict[str, float]], tmp_path: Path
):
    parent = start_run(plan_seeds("small", CONFIGS[name], (), 3), tmp_path)
    found = fork(parent, a_step(parent), changes, out=tmp_path)
    shared = [s for s in parent.kept_steps(0) if s >= a_step(parent)]
    assert set(shared) <= set(found.kept_steps(0))
    for network in range(3):
        for step in shared:
            assert same(state(parent, network, step), state(found, network, step)), step


def test_a_branch_begins_where_it_was_forked_and_then_parts(run: Run, root: Path):
    step = a_step(run)
    found = fork(run, step, CHANGES, out=root)
    names = ["untouched", *CHANGES]
    assert list(found.plan.origin.branches) == [name for name in names for _ in range(3)]
    assert found.plan.origin.networks == (0, 1, 2) * 4
    last = found.kept_steps(0)[-1]
    for branch in range(4):
        for network in range(3):
            begun, ended = (state(found, branch * 3 + network, at) for at in (step, last))
            assert same(begun, state(run, network, step))
            assert same(ended, state(run, network, last)) == (branch == 0)
    sizes = {len(part) for n, part in found.directory.splits().items() if n.endswith("/train")}
    assert sizes == {int(0.6 * 169), int(0.4 * 169)}


def test_less_data_is_a_part_of_the_data_before(run: Run, root: Path):
    found = fork(run, a_step(run), {"less data": {"train_fraction": 0.3}}, [1], out=root)
    splits = found.directory.splits()
    before, less = (set(splits[f"{i}/train"].tolist()) for i in range(2))
    assert less < before
    assert [network.seed for network in found.plan.networks] == [1, 1]


class Killed(BaseException):
    """Nothing catches it between training and the test."""


class KillAtOnce:
    """A listener that ends training at its second update."""

    count = 0

    def update(self, progress: TrainingProgress) -> None:
        """Count."""
        self.count += 1
        if self.count > 1:
            raise Killed


def test_a_fork_that_is_killed_goes_on_to_the_same_weights(
    run: Run, root: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(trainer, "SECONDS_BETWEEN_UPDATES", 0.0)
    whole = fork(run, a_step(run), CHANGES, out=root)
    before = set(root.iterdir())
    with pytest.raises(Killed):
        fork(run, a_step(run), CHANGES, out=root, listener=KillAtOnce())
    (path,) = [p for p in set(root.iterdir()) - before if p.name != "last"]
    resumed = resume_run(RunDirectory.open(path))
    assert resumed.plan == whole.plan
    last = whole.kept_steps(0)[-1]
    for network in range(12):
        assert same(state(whole, network, last), state(resumed, network, last))


def test_a_fork_that_was_killed_before_its_start_was_kept_does_not_begin_at_zero(
    run: Run, root: Path, monkeypatch: pytest.MonkeyPatch
):
    def killed(*_: object) -> None:
        raise Killed

    before = set(root.iterdir())
    with monkeypatch.context() as patch:
        patch.setattr(RunDirectory, "save_resume_point", killed)
        with pytest.raises(Killed):
            fork(run, a_step(run), CHANGES, out=root)
    (path,) = [p for p in set(root.iterdir()) - before if p.name != "last"]
    with pytest.raises(VerificationError, match="fork again"):
        resume_run(RunDirectory.open(path))


@pytest.mark.slow
def test_another_order_of_batches(tmp_path: Path):
    parent = start_run(plan_seeds("small", CONFIGS["batches"], (), 2), tmp_path)
    found = fork(parent, a_step(parent), {"order": {"batch_seed": 9}}, out=tmp_path)
    last = found.kept_steps(0)[-1]
    assert not same(state(found, 0, last), state(found, 2, last))
    splits = found.directory.splits()
    assert torch.equal(splits["0/train"], splits["2/train"])


@pytest.mark.parametrize("name", ["merged rows", "transformer"])
def test_circles_are_taken_out_of_the_embedding(name: str, tmp_path: Path):
    parent = start_run(plan_seeds("small", CONFIGS[name], (), 1), tmp_path)
    step = a_step(parent)
    changes = {"without": {"without_circles": (2, 5)}, "only": {"only_circles": (2, 5)}}
    found = fork(parent, step, changes, out=tmp_path)
    whole, without, only = (found.weights(i, step)["W_E"][0].double() for i in range(3))
    basis = basis_on(13, torch.float64, torch.device("cpu"))
    chosen = torch.cat([basis[frequency_rows(k, 13)] for k in (2, 5)])
    for slot in range(2 if name == "transformer" else 1):
        tokens = slice(13 * slot, 13 * slot + 13)
        own, left, kept = (table[tokens] for table in (whole, without, only))
        assert (chosen @ left).abs().max() < 1e-6
        assert (chosen @ own).abs().max() > 1e-2
        mean = own.mean(0, keepdim=True)
        torch.testing.assert_close(left + kept - mean, own, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(chosen.T @ (chosen @ own) + mean, kept, rtol=1e-5, atol=1e-6)
    if name == "transformer":
        assert torch.equal(without[-1], whole[-1])  # `=` is no operand


def test_weights_are_scaled(run: Run, root: Path):
    step = a_step(run)
    found = fork(run, step, {"small": {"scale_weights": 0.5}}, [0], out=root)
    for name, value in found.weights(0, step).items():
        assert torch.equal(0.5 * value, found.weights(1, step)[name])


def test_pairs_are_differences_at_the_last_common_look(run: Run, root: Path):
    found = fork(run, a_step(run), {"no decay": {"weight_decay": 0.0}}, out=root, steps=100)
    (effect,) = paired(found, "norm/weights")
    curves = found.curves
    last = {n: curves["norm/weights"][curves["network"] == n][-1] for n in range(6)}
    assert [pair.step for pair in effect.pairs] == [100] * 3
    differences = [last[n + 3] - last[n] for n in range(3)]
    assert [pair.difference for pair in effect.pairs] == pytest.approx(differences)
    assert effect.difference.value == pytest.approx(np.mean(differences))
    assert effect.difference.low > 0  # less decay leaves larger weights
    (early,) = paired(found, "norm/weights", step=a_step(run))
    assert early.difference.value == 0


def test_a_run_that_is_no_fork_has_no_pairs(run: Run):
    with pytest.raises(UsageError, match="is no fork, so it has no branches"):
        paired(run)


@pytest.mark.parametrize(
    ("step", "changes", "seeds", "message"),
    [
        (-1, {}, None, r"Step -1 of network 0 of .* was not kept; the nearest are 0 and 1\."),
        (None, {}, [8], r"has no network of seed 8; it has \[0, 1, 2\]\."),
        (None, {"x": {"weight_deacy": 1}}, None, r"no setting `weight_deacy`.*weight_decay"),
        (None, {"x": {"weight_decay": -1.0}}, None, r"`weight_decay` must be at least 0"),
        (None, {"x": {"steps": 300}}, None, r"Budgets and looks are for all branches"),
        (None, {"x": {"p": 11}}, None, r"`task` must be one whose table is that of all other"),
        (
            None,
            {"x": {"d_hidden": 8}},
            None,
            r"`model` must be of one shape .*'d_hidden 24 and 8'",
        ),
        (None, {"x": {"loss.precision": "float64"}}, None, r"`loss` must be the same for all"),
        (None, {"x": {"optimizer": SGD()}}, None, r"`optimizer` is no single setting: name one"),
        (None, {"untouched": {"lr": 1.0}}, None, r"`untouched` is the branch without changes"),
        (None, {"x": {"without_circles": 9}}, None, r"`without_circles` must be frequencies"),
        (None, {"x": {"only_circles": ()}}, None, r"`only_circles` must be frequencies between"),
        (None, {"x": {"scale_weights": 0}}, None, r"`scale_weights` must be a number greater"),
    ],
)
def test_what_cannot_be_forked_is_refused_and_leaves_nothing(
    run: Run,
    root: Path,
    step: int | None,
    changes: dict[str, dict[str, object]],
    seeds: list[int] | None,
    message: str,
):
    before = set(root.iterdir())
    with pytest.raises((UsageError, SettingError), match=message):
        fork(run, a_step(run) if step is None else step, changes, seeds, out=root)
    assert set(root.iterdir()) == before


def test_a_budget_that_is_spent_is_refused(run: Run, root: Path):
    with pytest.raises(SettingError, match="`steps` must be more than the 80 of the fork, got 80"):
        fork(run, 80, {}, out=root)
    longer = fork(run, 80, {}, out=root, steps=90)
    assert longer.kept_steps(0)[0] == 80
    assert longer.kept_steps(0)[-1] == 90


def test_a_task_without_a_cyclic_group_has_no_circles(tmp_path: Path):
    config = replace(MLP, task=GroupComposition(group="S3", train_fraction=0.8))
    parent = start_run(plan_seeds("s3", config, (), 1), tmp_path)
    with pytest.raises(SettingError, match="`without_circles` must be left out for a task without"):
        fork(parent, a_step(parent), {"x": {"without_circles": 1}}, out=tmp_path)


def test_networks_of_other_row_counts_do_not_touch_each_other(tmp_path: Path):
    plan = plan_seeds("x", MLP, ({"train_fraction": 0.6}, {"train_fraction": 0.3}), 2)
    both = start_run(plan, tmp_path)
    for i, fraction in enumerate((0.6, 0.3)):
        alone = start_run(plan_seeds("x", MLP, ({"train_fraction": fraction},), 2), tmp_path)
        last = alone.kept_steps(0)[-1]
        for network in range(2):
            assert same(state(alone, network, last), state(both, 2 * i + network, last))


def test_a_fork_from_the_command_line(grokscope_main, run: Run, root: Path, capsys):
    words = ["fork", run.id, "--out", str(root), "--step", str(a_step(run)), "--seeds", "0,2"]
    branches = ["--branch", "no decay: weight_decay=0", "--branch", "without_circles=2,5"]
    assert grokscope_main([*words, *branches, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [effect["branch"] for effect in said["effects"]] == ["no decay", "without_circles=2,5"]
    assert [row["branch"] for row in said["runs"]] == [
        *["untouched"] * 2,
        *["no decay"] * 2,
        *["without_circles=2,5"] * 2,
    ]
    assert grokscope_main(["show", said["run"], "--out", str(root)]) == 0
    shown = capsys.readouterr().out
    assert f"A fork of {run.id}: it goes on from step {a_step(run)}" in shown
    assert "branch" in shown
    assert [len(effect["pairs"]) for effect in said["effects"]] == [2, 2]
    assert grokscope_main([*words, "--branch", "nothing"]) == 2
    assert "`--branch` must be `NAME: SETTING=VALUE …`, got 'nothing'." in capsys.readouterr().err
    assert grokscope_main([*words, "--branch", "x: lr=1", "--branch", "x: lr=2"]) == 2
    assert "Two branches have the same name." in capsys.readouterr().err
    assert grokscope_main([*words, "--branch", "x: optimizer=sgd"]) == 2
    assert "`optimizer` is no single setting" in capsys.readouterr().err


@pytest.fixture
def grokscope_main():
    from grokscope.cli.main import main

    return main


def test_the_curves_begin_with_those_of_the_run(run: Run, root: Path):
    step = a_step(run)
    found = fork(run, step, {"no decay": {"weight_decay": 0.0}}, [2, 0], out=root)
    ours, theirs = found.curves, run.curves
    numbers = [0, 2, 0, 2]
    for network, number in enumerate(numbers):
        mine, own = ours["network"] == network, theirs["network"] == number
        before, past = ours["step"][mine] < step, theirs["step"][own] < step
        for name in ("step", "train/loss", "test/acc_novel", "fourier/spectrum_W_E"):
            assert np.array_equal(ours[name][mine][before], theirs[name][own][past], equal_nan=True)
        steps = ours["step"][mine]
        assert (np.diff(steps) > 0).all()
        assert step in steps
    assert found.networks[0]["memorized_step"] == run.networks[0]["memorized_step"]
    assert found.networks[1]["memorized_step"] == run.networks[2]["memorized_step"]


@pytest.mark.slow
def test_a_branch_that_loses_what_it_had_with_fewer_rows_is_ungrokking(tmp_path: Path):
    config = replace(
        MLP,
        task=ModularArithmetic(p=23, train_fraction=0.8),
        model=EmbeddingMLP(d_model=32, d_hidden=64, combine="concat"),
        optimizer=AdamW(lr=1e-2, weight_decay=1.0),
        training=Training(steps=2_000),
    )
    parent = start_run(plan_seeds("grokked", config, (), 1), tmp_path)
    assert parent.networks[0]["grokked_step"] is not None
    last = parent.kept_steps(0)[-1]
    changes = {"less data": {"train_fraction": 0.15}}
    found = fork(parent, last, changes, out=tmp_path, steps=last + 2_000)
    untouched, less = found.networks
    assert untouched["steps"] == less["steps"] == last + 2_000  # nobody ends early
    assert untouched["label"] == parent.networks[0]["label"]
    assert less["label"] == "ungrokking"
    assert untouched["grokked_step"] == less["grokked_step"] == parent.networks[0]["grokked_step"]
