"""Measures of a run's kept checkpoints."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from grokscope.core.errors import UsageError
from grokscope.engine import MeanSquare
from grokscope.experiment import Config, Run, Training, measured, plan_seeds, start_run
from grokscope.measures.catalogue import MEASURES
from grokscope.measures.competing_circuits import competing_circuits, efficiency
from grokscope.measures.norm import weight_norm
from grokscope.models import DenseMLP, EmbeddingMLP, Rows
from grokscope.tasks import ModularArithmetic, TeacherStudent

CONFIG = Config(
    task=ModularArithmetic(p=7, train_fraction=0.5),
    model=EmbeddingMLP(d_model=8, d_hidden=12),
    training=Training(steps=30, checkpoint_ratio=2.0),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return start_run(plan_seeds("small", CONFIG, (), 4), tmp_path_factory.mktemp("runs"))


def places(columns: dict[str, np.ndarray]) -> list[tuple[int, int]]:
    return list(zip(columns["network"].tolist(), columns["step"].tolist(), strict=True))


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_has_a_row_for_every_kept_network_and_step(run: Run, name: str):
    options = {"draws": 3} if name == "llc" else {}
    found = run.measure(name, **options)
    kept = [(network, step) for network in range(4) for step in run.kept_steps(network)]
    assert places(found) == kept
    assert set(found) == {"network", "step", *MEASURES[name].columns}
    own = run.measure(name, 2, **options)
    rows = [i for i, (network, _) in enumerate(kept) if network == 2]
    assert places(own) == [kept[i] for i in rows]
    for column in MEASURES[name].columns:
        np.testing.assert_allclose(own[column], found[column][rows], rtol=1e-4, atol=1e-6)


def test_what_was_recorded_in_training_is_measured_again(run: Run):
    found, curves = run.measure("scale"), run.curves
    recorded = {p: i for i, p in enumerate(places(curves))}
    shared = [(i, recorded[p]) for i, p in enumerate(places(found)) if p in recorded]
    assert len(shared) > 8
    for column in ("norm/weights", "logit/scale"):
        again = [found[column][i] for i, _ in shared]
        np.testing.assert_allclose(again, [curves[column][j] for _, j in shared], rtol=1e-5)


def test_networks_measured_a_few_at_a_time_come_out_the_same(run: Run, monkeypatch):
    whole = run.measure("circuits")
    monkeypatch.setattr(measured, "_NUMBERS", 3 * 49 * 7)
    few = run.measure("circuits")
    assert places(few) == places(whole)
    for column in MEASURES["circuits"].columns:
        np.testing.assert_allclose(few[column], whole[column], rtol=1e-4, atol=1e-6)


def test_each_network_is_measured_on_its_own_training_rows(run: Run):
    """From the splits on disk, network by network."""
    stored = measured._parts(run.directory, run.plan, CONFIG.task.table())
    assert stored["train"].sum(1).tolist() == [24] * 4
    for network, config in enumerate(run.plan.networks):
        split = config.task.make_split(CONFIG.task.table(), config.seed)
        assert stored["train"][network].nonzero().flatten().tolist() == split.train.tolist()
        assert stored["novel"][network].nonzero().flatten().tolist() == split.novel.tolist()


def test_the_rows_of_a_network_are_its_own(run: Run):
    table = CONFIG.task.table()
    found = run.measure("circuits")
    for network in (1, 3):
        step = run.kept_steps(network)[-1]
        params = run.weights(network, step)
        split = CONFIG.task.make_split(table, run.plan.networks[network].seed)
        train, novel = torch.zeros(2, 1, len(table.labels), dtype=torch.bool)
        train[0, split.train], novel[0, split.novel] = True, True
        logits = CONFIG.model.readout(params, Rows(table.inputs.unsqueeze(0)))
        expected = efficiency(logits, table.labels, train, weight_norm(params))
        row = places(found).index((network, step))
        assert found["measure/efficiency"][row] == pytest.approx(expected.item(), rel=1e-4)
        parts = competing_circuits(logits, table.labels, table.labels, train, novel)
        for name, value in vars(parts).items():
            assert found[f"measure/circuit_{name}"][row] == pytest.approx(value.item(), rel=1e-3)


def test_a_task_without_a_group_gets_one_line(tmp_path: Path):
    config = replace(CONFIG, task=ModularArithmetic(p=7, operation="x3+xy"))
    odd = start_run(plan_seeds("odd", config, (), 1), tmp_path)
    with pytest.raises(UsageError, match=r"`rqi` cannot be measured. The task \(x3\+xy mod 7\)"):
        odd.measure("rqi")
    assert len(odd.measure("effective_rank")["step"]) == len(odd.kept_steps(0))


def test_real_inputs_and_targets_are_measured_where_that_makes_sense(tmp_path: Path):
    config = Config(
        task=TeacherStudent(train_fraction=0.5),
        model=DenseMLP(d_hidden=8),
        loss=MeanSquare(),
        training=Training(steps=5, checkpoint_ratio=4.0),
    )
    real = start_run(plan_seeds("real", config, (), 1), tmp_path)
    assert np.isfinite(real.measure("llc", draws=5)["measure/llc"]).all()
    assert np.isfinite(real.measure("scale")["norm/weights"]).all()
    for name in ("circuits", "softmax_collapse", "active_subnetwork"):
        with pytest.raises(UsageError, match=f"`{name}` cannot be .* has real targets"):
            real.measure(name)
    with pytest.raises(UsageError, match=r"`effective_rank` cannot be .* no embeddings"):
        real.measure("effective_rank")


def test_the_learning_coefficient_is_of_the_labels_that_were_trained_on(tmp_path: Path):
    """A base loss of the noisy labels: with right ones it would be another number."""
    noisy = replace(CONFIG, task=ModularArithmetic(p=7, train_fraction=0.5, label_noise=1.0))
    table = noisy.task.table()
    run = start_run(plan_seeds("noisy", noisy, (), 1), tmp_path)
    params, split = run.weights(0), noisy.task.make_split(table, 0)
    rows = split.train.unsqueeze(0)
    logits = CONFIG.model.readout(params, Rows(table.inputs[rows]))
    loss = measured._training_loss(noisy.loss, table)(logits, rows)
    expected = torch.nn.functional.cross_entropy(logits[0], table.shown[split.train])
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_what_cannot_be_meant_is_refused(run: Run):
    with pytest.raises(UsageError, match="has no network 9: the last is 3"):
        run.measure("rqi", 9)
    with pytest.raises(UsageError, match=r"There is no measure `rqj`\. Did you mean `rqi`\?"):
        run.measure("rqj")
