"""The monitor in one's own loop: it measures, changes nothing, stops nothing, refuses early."""

import logging
import re

import numpy as np
import pytest
import torch

from grokscope.core.errors import DiskError, SettingError, UsageError
from grokscope.llm.measurement import Measuring
from grokscope.llm.monitor import Monitor
from grokscope.llm.monitor_run import MonitorRun
from grokscope.llm.probe import Probe
from grokscope.llm.tracking import MOST_KEYS
from grokscope.store import RunDirectory
from grokscope.store.query import query
from llm.loops import QUICK, are_equal, dropping, monitored, train, weights
from llm.small_olmoe import D_VOCAB, EXPERTS, LAYERS, olmoe, probes

ROLES = ("seen", "twin", "test")


def warnings_of(caplog) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]


@pytest.mark.parametrize("own", [probes(roles=ROLES), None], ids=["probes", "streaming"])
def test_training_is_the_same_to_the_bit(own, tmp_path):
    trained = []
    for is_watched in (False, True):
        model = dropping()
        torch.manual_seed(7)
        monitor = monitored(model, own, tmp_path) if is_watched else None
        train(model, 5, monitor)
        trained.append((weights(model), torch.get_rng_state()))
        assert all(module.training for module in model.modules())
    assert [m.step for m in monitor.measurements] == [2, 4]
    assert are_equal(trained[0][0], trained[1][0])
    assert torch.equal(trained[0][1], trained[1][1])
    monitor.finish()
    model = dropping()
    torch.manual_seed(8)
    train(model, 5)
    assert not are_equal(trained[0][0], weights(model))  # the random state matters


def test_a_module_that_was_in_evaluation_stays_there(tmp_path):
    model = olmoe().train()
    model.model.layers[1].eval()
    modes = [module.training for module in model.modules()]
    monitored(model, probes(), tmp_path).step(0)
    assert [module.training for module in model.modules()] == modes


def test_the_run_has_everything_that_was_measured(tmp_path):
    model = olmoe()
    monitor = monitored(model, probes(roles=ROLES), tmp_path)
    monitor.step(0, tokens=0)
    train(model, 4, monitor)
    monitor.finish()
    run = RunDirectory.open(monitor.run.path)
    assert run.verify() == []
    assert run.status["state"] == "finished"
    table = run.curves()
    assert table["step"].tolist() == [0, 2, 4]
    for measurement, row in zip(monitor.measurements, range(3), strict=True):
        for name, value in measurement.columns().items():
            np.testing.assert_equal(np.asarray(table[name][row], float), np.asarray(value, float))
    stored = MonitorRun(run)
    assert stored.losses().shape == stored.correct().shape == (3, len(probes(roles=ROLES)))
    np.testing.assert_array_equal(stored.pathways(4).weights, monitor._history.before)


def test_no_hook_is_left(tmp_path):
    model = olmoe()
    monitor = monitored(model, None, tmp_path)
    monitor.listen()
    monitor.finish()
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert monitor.step(2) is None


def test_losses_and_answers_are_those_of_a_plain_forward(tmp_path):
    model, own = olmoe(), probes(roles=ROLES)
    monitor = monitored(model, own, tmp_path, batch=5)
    monitor.step(0)
    losses, correct = monitor.run.losses()[0], monitor.run.correct()[0]
    for index, probe in enumerate(own):
        ids = torch.tensor([probe.tokens])
        with torch.no_grad():
            output = model.eval()(input_ids=ids, labels=ids)
        assert losses[index] == pytest.approx(float(output.loss), rel=1e-4)
        if probe.answer is None:
            assert np.isnan(correct[index])
        else:
            likely = output.logits[0, :-1].argmax(-1) == ids[0, 1:]
            assert correct[index] == float(likely[probe.answer - 1 :].all())


def test_an_answer_that_the_model_gives_is_right(tmp_path):
    model = olmoe().eval()
    ids = [5, 6, 7]
    for _ in range(3):
        with torch.no_grad():
            ids.append(int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
    wrong = [*ids[:-1], (ids[-1] + 1) % D_VOCAB]
    own = [
        Probe(domain="d", tokens=tuple(tokens), role="test", answer=3) for tokens in (ids, wrong)
    ]
    monitor = monitored(model, own, tmp_path)
    assert monitor.step(0).groups["d/test"].scalars["accuracy"] == 0.5
    assert monitor.run.correct()[0].tolist() == [1, 0]


@pytest.mark.parametrize("chosen", [(3,), (3, 5)], ids=["one expert", "two experts"])
def test_a_router_row_that_is_edited_changes_the_panel_as_predicted(chosen, tmp_path):
    model = olmoe()
    with torch.no_grad():  # one coordinate is large in every token, so a row can address them all
        model.model.embed_tokens.weight[:, 0] = 100.0
        for layer in model.model.layers:
            layer.post_attention_layernorm.weight.fill_(1.0)
    monitor = monitored(model, probes(), tmp_path)
    before = monitor.step(0).groups["sums"].layers
    with torch.no_grad():
        row = model.model.layers[1].mlp.gate.weight
        row[list(chosen)] = torch.eye(row.shape[1])[0] * 1e4
    after = monitor.step(2)
    panel, n = after.groups["sums"], len(chosen)
    for name, predicted in {
        "entropy": np.log(n),
        "entropy_of_mean": np.log(n),
        "path_length": n,
        "dead_experts": EXPERTS - n,
        "load_variation": np.sqrt(EXPERTS / n - 1),
        "distance": 0.0,
        "overlap": 1 / n,
        "cosine": 1.0,
    }.items():
        assert panel.layers[name][1] == pytest.approx(predicted, abs=1e-6), name
        assert panel.layers[name][0] == before[name][0], name  # the layer before is as it was
    assert panel.scalars["max_violation"] == pytest.approx(
        max(EXPERTS / n - 1, panel.scalars["max_violation"])
    )
    expected = np.zeros(EXPERTS)
    expected[list(chosen)] = 1 / n
    np.testing.assert_allclose(after.load[1], expected)
    assert after.dead[1] == EXPERTS - n
    collapsed = [e["where"] for e in monitor.run.directory.events if e["kind"] == "collapse"]
    assert ("model.layers.1.mlp.gate" in collapsed) == (n == 1)


def test_wrappers_are_looked_through(tmp_path):
    model = olmoe()
    compiled = torch.compile(model, backend="eager")
    monitor = monitored(compiled, probes(), tmp_path)
    assert [r.name for r in monitor.tap.routers] == [
        f"model.layers.{layer}.mlp.gate" for layer in range(LAYERS)
    ]
    assert monitor.step(0) is not None


def nan_router(model, monkeypatch):
    with torch.no_grad():
        model.model.layers[1].mlp.gate.weight.fill_(torch.nan)


def failing_forward(model, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(model.model.layers[2].mlp, "forward", fail)


def full_disk(model, monkeypatch):
    def refuse(*args, **kwargs):
        raise DiskError("No space left on device")

    monkeypatch.setattr(RunDirectory, "save_checkpoint", refuse)


def fuller_disk(model, monkeypatch):
    full_disk(model, monkeypatch)
    monkeypatch.setattr(RunDirectory, "append_events", RunDirectory.save_checkpoint)


def test_nan_in_a_router_is_an_alert_and_the_monitor_goes_on(tmp_path, caplog, monkeypatch):
    model = olmoe()
    monitor = monitored(model, probes(), tmp_path)
    nan_router(model, monkeypatch)
    for step in (2, 4):
        measurement = monitor.step(step)
        assert measurement is not None
        assert any("not finite" in problem for problem in measurement.problems)
    kinds = {(e["kind"], e["where"]) for e in monitor.run.directory.events}
    assert ("not_finite", "model.layers.1.mlp.gate") in kinds
    assert "collapse" not in {kind for kind, _ in kinds}
    assert monitor.run.steps == [2, 4]
    assert len(monitor.run.directory.events) == len(kinds)  # once, when it begins
    assert monitor.run.directory.verify() == []


@pytest.mark.parametrize("fault", [failing_forward, full_disk, fuller_disk])
def test_what_fails_is_said_once_and_training_goes_on(fault, tmp_path, caplog, monkeypatch):
    model = olmoe().train()
    monitor = monitored(model, probes(), tmp_path)
    assert monitor.step(0) is not None
    caplog.clear()
    with monkeypatch.context() as patch:
        fault(model, patch)
        assert monitor.step(2) is None
        assert all(module.training for module in model.modules())
    train(model, 4, monitor, first=3)
    found = warnings_of(caplog)
    assert "The monitor is off after step 2, training goes on: " in found[0]
    assert len(found) == (2 if fault is fuller_disk else 1)
    noted = [e["message"] for e in monitor.run.directory.events if e["kind"] == "problem"]
    assert noted == ([] if fault is fuller_disk else found)
    monitor.finish()
    assert monitor.run.steps == [0]
    assert [p for p in monitor.run.directory.verify() if not p.leftover] == []
    if fault is not fuller_disk:
        assert monitor.run.directory.status["state"] == "failed"


def test_a_tracker_that_raises_is_left_out_and_the_others_go_on(tmp_path, caplog):
    got = []

    def broken(numbers, step):
        numbers.clear()
        raise ConnectionError("no route to host")

    monitor = monitored(
        olmoe(), probes(), tmp_path, trackers=[broken, lambda numbers, step: got.append(numbers)]
    )
    for step in (0, 2, 4):
        assert monitor.step(step) is not None
    assert len(got) == 3
    assert all(got)
    assert [text for text in warnings_of(caplog) if "tracker" in text] == [
        "step 0: A tracker is not called again, it raised ConnectionError: no route to host"
    ]
    events = [e for e in monitor.run.directory.events if e["kind"] == "problem"]
    assert [event["step"] for event in events] == [0]


def test_trackers_get_few_numbers_and_the_table_has_all(tmp_path):
    got = []
    own = [
        Probe(domain=f"domain {d:02}", tokens=(3 + d % 9, 4, 5 + n, 6))
        for d in range(50)
        for n in (0, 1)
    ]
    monitor = monitored(olmoe(), own, tmp_path, trackers=[lambda n, step: got.append((step, n))])
    monitor.step(0)
    monitor.finish()
    ((step, numbers),) = got
    assert step == 0
    assert len(numbers) == MOST_KEYS
    assert "moe/domain 00/loss" in numbers
    assert "moe/cross_distance_normalized" in numbers
    sql = 'SELECT step, "moe/domain 49/loss", "moe/domain 00/layers/entropy" FROM curves'
    ((step, loss, entropy),) = query(tmp_path, sql).rows
    assert (step, len(entropy)) == (0, LAYERS)
    assert loss == monitor.measurements[0].groups["domain 49"].scalars["loss"]


def test_a_query_reads_groups_with_a_role(tmp_path):
    monitor = monitored(olmoe(), probes(), tmp_path)
    monitor.step(0)
    monitor.finish()
    ((found,),) = query(tmp_path, 'SELECT "moe/sums/twin/distance_normalized" FROM curves').rows
    assert found == monitor.measurements[0].groups["sums/twin"].scalars["distance_normalized"]


def dropping_with_a_dead_expert():
    model = dropping()
    with torch.no_grad():
        model.model.embed_tokens.weight[:, 0] = 100.0
        gate = model.model.layers[0].mlp.gate.weight
        gate[2] = torch.eye(gate.shape[1])[0] * -1e4
    torch.manual_seed(3)
    return model


def undisturbed(folder, steps=8):
    model = dropping_with_a_dead_expert()
    monitor = monitored(model, probes(roles=ROLES), folder)
    train(model, steps, monitor)
    monitor.finish()
    return monitor


def test_a_resumed_monitor_ends_as_an_undisturbed_one(tmp_path):
    whole = undisturbed(tmp_path / "whole")
    model = dropping_with_a_dead_expert()
    first = monitored(model, probes(roles=ROLES), tmp_path / "parts")
    train(model, 5, first)
    first.finish()
    second = monitored(model, probes(roles=ROLES), tmp_path, run=first.run.path)
    assert second.step(4) is None  # measured before
    train(model, 3, second, first=6)
    second.finish()
    assert second.run.steps == [2, 4, 6, 8]
    one, other = whole.run.directory.curves(), second.run.directory.curves()
    assert one.keys() == other.keys()
    for name in one.keys() - {"moe/seconds"}:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)
    assert whole.run.directory.events == second.run.directory.events
    assert whole.run.directory.events  # or nothing was compared
    assert [m.step for m in second.measurements] == [2, 4, 6, 8]


def test_a_checkpoint_of_another_name_is_gone_on_with(tmp_path):
    model = olmoe()
    monitor = monitored(model, probes(), tmp_path)
    monitor.step(0)
    monitor.finish()
    model.config._name_or_path = "out/checkpoint-500"
    assert monitored(model, probes(), tmp_path, run=monitor.run.path).step(2) is not None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"own": probes(seed=1)}, "its probes was"),
        ({"own": probes(count=7)}, "its probes was"),
        ({"own": None}, "its recent was not set and is 256 now"),
        (
            {"measuring": Measuring(pairs=20, eps=3.5, threshold=0.6)},
            "its measuring.threshold was 0.7 and is 0.6 now",
        ),
        ({"measuring": Measuring(pairs=20)}, "its measuring.eps was 3.5 and is not set now"),
        ({"settings": {"num_experts": 4}}, "its experts was 8 and is 4 now"),
        ({"settings": {"num_hidden_layers": 2}}, "its layers was"),
    ],
)
def test_another_monitor_is_not_gone_on_with(changed, said, tmp_path):
    monitor = monitored(olmoe(), probes(), tmp_path)
    monitor.step(0)
    monitor.finish()
    model = olmoe(**changed.get("settings", {}))
    own, measuring = changed.get("own", probes()), changed.get("measuring", QUICK)
    with pytest.raises(UsageError, match="cannot be gone on with: ") as caught:
        monitored(model, own, tmp_path, measuring=measuring, run=monitor.run.path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not any(m._forward_hooks for m in model.modules())
    monitored(olmoe(), probes(), tmp_path, run=monitor.run.path).finish()  # no lock is left


def test_two_monitors_do_not_write_one_run(tmp_path):
    monitor = monitored(olmoe(), probes(), tmp_path)
    with pytest.raises(UsageError, match="is being written by process"):
        monitored(olmoe(), probes(), tmp_path, run=monitor.run.path)


def test_the_run_of_something_else_is_refused(tmp_path):
    run = RunDirectory.create(tmp_path, "quick", {"training": {"steps": 3}})
    with pytest.raises(UsageError, match="is not the run of a monitor"):
        monitored(olmoe(), probes(), tmp_path, run=run.path)


def dense():
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=D_VOCAB,
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
        )
    )


@pytest.mark.parametrize(
    ("make", "settings", "error", "said"),
    [
        (dense, {}, UsageError, "has no router"),
        (olmoe, {"own": [Probe(domain="d", tokens=(1, D_VOCAB))]}, UsageError, f"token {D_VOCAB}"),
        (olmoe, {"own": []}, UsageError, "There is no probe"),
        (olmoe, {"every": 0}, SettingError, "`every` must be at least 1, got 0."),
        (olmoe, {"every": -2}, SettingError, "`every` must be at least 1, got -2."),
        (olmoe, {"every": []}, SettingError, "`every` must be at least 1, or steps"),
        (olmoe, {"batch": 0}, SettingError, "`batch` must be at least 1, got 0."),
        (olmoe, {"own": None, "recent": 1}, SettingError, "`recent` must be at least 2, got 1."),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_in_one_line(make, settings, error, said, tmp_path):
    own = settings.pop("own", probes())
    model = make()
    with pytest.raises(error, match=re.escape(said)) as caught:
        monitored(model, own, tmp_path, **settings)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    assert not any(m._forward_hooks for m in model.modules())


def test_processes_that_have_not_met_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(UsageError, match="one of 4 processes that do not know of each other"):
        monitored(olmoe(), probes(), tmp_path)


def test_a_list_of_steps_is_measured_at_these(tmp_path):
    monitor = monitored(olmoe(), probes(), tmp_path, every=[5, 0, 3])
    assert [step for step in range(8) if monitor.step(step) is not None] == [0, 3, 5]


def test_a_forward_of_ones_own_is_used(tmp_path):
    model = olmoe()
    calls = []

    def forward(ids, mask):
        calls.append(ids.shape)
        return model(input_ids=ids, attention_mask=mask).logits

    monitor = Monitor(model, probes(), out=tmp_path, measuring=QUICK, forward=forward)
    assert monitor.step(0) is not None
    assert calls


def test_a_forward_that_runs_another_model_is_noticed(tmp_path, caplog):
    other = olmoe()
    monitor = monitored(
        olmoe(), probes(), tmp_path, forward=lambda ids, mask: other(input_ids=ids).logits
    )
    assert monitor.step(0) is None
    assert "No router ran" in warnings_of(caplog)[0]
