"""Training batches in the place of probes."""

import logging

import numpy as np
import pytest
import torch

from grokscope.core.errors import UsageError
from grokscope.llm.probe import Probe
from grokscope.llm.tap import RouterTap
from llm.loops import batch, monitored, train
from llm.small_olmoe import olmoe


def spied(monitor, monkeypatch):
    """The numbers of samples of all recordings."""
    opened = []
    record = RouterTap.record
    monkeypatch.setattr(
        RouterTap,
        "record",
        lambda self, **given: opened.append(given["samples"]) or record(self, **given),
    )
    return opened


def run(model, monitor, ids, *, domains=None, score=True, **tokens):
    """One training forward that is watched."""
    with monitor.watch(domains=domains, **tokens) as watched:
        own = {name: value for name, value in tokens.items() if name != "segments"}
        output = model.train()(input_ids=ids, use_cache=False, **own)
    if score:
        watched.score(output.logits, ids)
    return output


def read(model, sequences, folder):
    """The same sequences as probes: weights, losses."""
    own = [Probe(domain="d", tokens=tuple(s)) for s in sequences]
    monitor = monitored(model, own, folder)
    monitor.step(0)
    pathways, losses = monitor.run.pathways(0), monitor.run.losses()[0]
    monitor.finish()
    return pathways.weights, losses


def test_training_sequences_are_read_as_probes_would_be(tmp_path):
    model = olmoe()
    monitor = monitored(model, None, tmp_path, recent=64)
    mask = torch.tensor([[1] * 8, [1] * 5 + [0] * 3, [0] * 8, [0] * 2 + [1] * 6])
    sequences = []
    for step in (1, 2):
        ids = batch(step)
        run(model, monitor, ids, attention_mask=mask, domains=["a", "b", "b", "a"])
        sequences += [row[m.bool()].tolist() for row, m in zip(ids, mask, strict=True) if m.any()]
        measurement = monitor.step(step)
    weights, losses = read(model, sequences, tmp_path)
    stored = monitor.run.pathways(2)
    np.testing.assert_allclose(stored.weights, weights, atol=1e-5)
    np.testing.assert_allclose(monitor.run.losses()[0], losses, rtol=1e-4)
    assert stored.tokens.tolist() == [8, 5, 6, 8, 5, 6]
    assert monitor.run.groups(2) == {"a": [0, 2, 3, 5], "b": [1, 4]}
    assert set(measurement.groups) == {"a", "b"}
    assert measurement.groups["b"].scalars["loss"] == pytest.approx(losses[[1, 4]].mean(), rel=1e-4)
    assert "cross_overlap" in measurement.whole
    assert not {"gap", "memorized", "saturation", "change"} & set(measurement.groups["a"].scalars)


@pytest.mark.parametrize("by", ["position_ids", "segments"])
def test_documents_in_one_row_are_sequences_of_their_own(by, tmp_path):
    model = olmoe()
    monitor = monitored(model, None, tmp_path)
    ids = batch(1, rows=1, width=9)
    position_ids = torch.tensor([[0, 1, 2, 3, 0, 1, 2, 3, 4]])
    tokens = {"position_ids": position_ids}
    if by == "segments":
        tokens["segments"] = torch.tensor([[0] * 4 + [1] * 5])
    run(model, monitor, ids, domains=["a", "b"], **tokens)
    monitor.step(2)
    documents = [ids[0, :4].tolist(), ids[0, 4:].tolist()]
    weights, losses = read(model, documents, tmp_path)
    np.testing.assert_allclose(monitor.run.pathways(2).weights, weights, atol=1e-5)
    np.testing.assert_allclose(monitor.run.losses()[0], losses, rtol=1e-4)


def test_only_the_updates_that_hold_the_latest_sequences_are_read(tmp_path, monkeypatch):
    model = olmoe()
    monitor = monitored(model, None, tmp_path, every=10, recent=10)
    opened = spied(monitor, monkeypatch)
    found = {}
    for step in range(1, 21):
        before = len(opened)
        train(model, 1, monitor, first=step)  # four sequences in each
        found[step] = len(opened) > before
    assert [step for step, was_read in found.items() if was_read] == [1, 8, 9, 10, 18, 19, 20]
    assert [m.step for m in monitor.measurements] == [10, 20]
    assert monitor.run.pathways(20).weights.shape[1] == 10


def test_without_labels_there_is_routing_but_no_loss(tmp_path):
    model = olmoe()
    monitor = monitored(model, None, tmp_path)
    run(model, monitor, batch(1), attention_mask=torch.ones(4, 8), score=False)
    panel = monitor.step(2).groups["train"]
    assert "loss" not in panel.scalars
    assert panel.scalars["distance"] > 0
    assert monitor.measurements[0].problems == ()


def test_labels_that_do_not_count_are_left_out(tmp_path):
    model = olmoe()
    monitor = monitored(model, None, tmp_path)
    ids = batch(1)
    labels = ids.clone()
    labels[:, :5] = -100
    labels[0] = -100  # nothing of this one
    with monitor.watch(attention_mask=torch.ones_like(ids)) as watched:
        output = model(input_ids=ids)
    watched.score(output.logits, labels)
    monitor.step(2)
    logs = output.logits[:, 4:-1].log_softmax(-1)
    expected = -logs.gather(-1, ids[:, 5:, None]).mean((1, 2)).detach().numpy()
    found = monitor.run.losses()[0]
    assert np.isnan(found[0])
    np.testing.assert_allclose(found[1:], expected[1:], rtol=1e-5)
    assert monitor.measurements[0].problems == ()


def test_a_loss_that_is_not_finite_is_an_alert(tmp_path):
    model = olmoe()
    monitor = monitored(model, None, tmp_path)
    ids = batch(1)
    with monitor.watch(attention_mask=torch.ones_like(ids)) as watched:
        output = model(input_ids=ids)
    watched.score(output.logits * torch.nan, ids)
    monitor.step(2)
    assert ("not_finite", "model") in {
        (e["kind"], e["where"]) for e in monitor.run.directory.events
    }


def test_a_step_before_which_nothing_was_watched_is_not_measured(tmp_path, caplog):
    model = olmoe()
    monitor = monitored(model, None, tmp_path, every=1)
    assert monitor.step(0) is None
    assert caplog.records == []  # nobody could have watched
    for step in (1, 2, 3):
        assert monitor.step(step) is None
    assert len(caplog.records) == 1
    assert [e["step"] for e in monitor.run.directory.events] == [1]
    run(model, monitor, batch(4), attention_mask=torch.ones(4, 8))
    assert monitor.step(4) is not None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"domains": ["a", "b"]}, "`domains` must be one for each of 4 samples, got 2."),
        ({"domains": ["a", "b/c", "d", "e"]}, "`domain` must be a name without a slash"),
        ({"domains": ["a", "A", "d", "e"]}, "differ only in case"),
        ({"position_ids": torch.zeros(3, 8)}, "`position_ids` must be of the shape"),
        ({"attention_mask": None}, "`attention_mask` must be given"),
        ({"labels": torch.zeros(9, 9, dtype=torch.long)}, "size"),
    ],
)
def test_what_is_wrong_is_said_at_the_next_measurement_and_training_goes_on(
    wrong, said, tmp_path, caplog
):
    model = olmoe()
    monitor = monitored(model, None, tmp_path)
    ids = batch(1)
    given = {"attention_mask": torch.ones_like(ids)} | wrong
    labels = given.pop("labels", ids)
    with monitor.watch(**given) as watched:
        output = model(input_ids=ids)
    watched.score(output.logits, labels)
    assert caplog.records == []
    assert monitor.step(1) is None
    assert monitor.step(2) is None
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert said in record.getMessage()
    (event,) = monitor.run.directory.events
    assert event["message"] == record.getMessage()
    train(model, 3, monitor, first=3)
    monitor.finish()
    assert len(caplog.records) == 1


def test_what_is_wrong_is_said_at_the_end_if_no_measurement_comes(tmp_path, caplog):
    model = olmoe()
    monitor = monitored(model, None, tmp_path, every=100)
    with monitor.watch(attention_mask=torch.ones(4, 8), domains=["a"]):
        model(input_ids=batch(1))
    monitor.step(1)
    monitor.finish()
    assert len(caplog.records) == 1
    assert monitor.run.directory.status["state"] == "failed"


def test_an_error_of_the_training_itself_is_not_swallowed(tmp_path):
    model = olmoe()
    monitor = monitored(model, None, tmp_path)
    ids = batch(1)
    mask = torch.ones_like(ids)
    with pytest.raises(ZeroDivisionError), monitor.watch(attention_mask=mask):
        raise ZeroDivisionError
    run(model, monitor, ids, attention_mask=mask)  # and the next batch is watched
    assert monitor.step(2).groups["train"].scalars["loss"] > 0
    assert len(monitor.run.pathways(2).tokens) == 4


def test_a_monitor_with_probes_is_not_to_be_watched_with(tmp_path):
    monitor = monitored(olmoe(), [Probe(domain="d", tokens=(3, 4))], tmp_path)
    with pytest.raises(UsageError, match="reads probes"):
        monitor.watch(attention_mask=torch.ones(1, 2))


def test_a_streaming_run_is_gone_on_with(tmp_path):
    model = olmoe()
    first = monitored(model, None, tmp_path)
    train(model, 3, first)
    first.finish()
    second = monitored(model, None, tmp_path, run=first.run.path)
    train(model, 3, second, first=4)
    second.finish()
    assert second.run.steps == [2, 4, 6]
    assert second.run.directory.verify() == []


def test_hooks_watch_training_and_leave_evaluation_alone(tmp_path, monkeypatch):
    model = olmoe()
    monitor = monitored(model, None, tmp_path)
    monitor.listen()
    opened = spied(monitor, monkeypatch)
    ids = batch(1)
    with torch.no_grad():
        model.eval()(input_ids=ids)
    assert opened == []
    model.train()(ids, labels=ids)
    model(input_ids=batch(2), position_ids=torch.arange(8)[None].expand(4, 8))
    assert opened == [4, 4]
    assert monitor.step(2).groups["train"].scalars["loss"] > 0
    assert np.isnan(monitor.run.losses()[0]).tolist() == [False] * 4 + [True] * 4


def test_hooks_survive_a_forward_that_raised(tmp_path):
    model = olmoe().train()
    monitor = monitored(model, None, tmp_path)
    monitor.listen()
    with pytest.raises(IndexError):
        model(input_ids=torch.full((2, 4), 1_000))
    ids = batch(1)
    model(input_ids=ids, labels=ids)
    monitor.step(2)
    assert monitor.run.pathways(2).tokens.tolist() == [8] * 4
