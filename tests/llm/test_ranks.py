"""Two processes that train one model with gloo; what they do is in `two_processes`."""

import pickle

import numpy as np
import pytest
from torch import multiprocessing

from grokscope.core.errors import UsageError
from grokscope.llm import ranks
from grokscope.store import RunDirectory, find_runs
from llm import two_processes
from llm.loops import monitored
from llm.small_olmoe import olmoe

OTHER = {"moe/seconds", "step"}


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """What the first and the second process found, and where."""
    folder = tmp_path_factory.mktemp("two")
    multiprocessing.spawn(two_processes.main, (folder,), nprocs=2)
    return folder, [pickle.loads((folder / f"{rank}.pickle").read_bytes()) for rank in (0, 1)]


def pair(both, scenario):
    return [found[scenario] for found in both[1]]


def require_alike(one, other, **tolerance):
    assert one.keys() == other.keys()
    for name in one.keys() - OTHER:
        np.testing.assert_allclose(one[name], other[name], err_msg=name, **tolerance)


def alone(state, folder):
    """What one process measures of the same weights."""
    model = olmoe()
    model.load_state_dict(state)
    monitor = monitored(model, two_processes.OWN, folder, every=1)
    monitor.step(1)
    return monitor.measurements[0].columns()


def test_both_hold_the_same_measurements(both):
    for scenario in ("trained_together", "uneven", "fewer_batches_than_processes", "resumed"):
        one, other = pair(both, scenario)
        assert one["columns"]
        for own, others in zip(one["columns"], other["columns"], strict=True):
            require_alike(own, others, rtol=0)


def test_two_processes_measure_what_one_does(both, tmp_path):
    found = pair(both, "trained_together")[0]
    since = {"gap", "saturation", "change"}
    expected = alone(found["state"], tmp_path)
    latest = found["columns"][-1]
    known = {n: v for n, v in latest.items() if n.rpartition("/")[2] not in since - {"gap"}}
    require_alike(known, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scenario", ["uneven", "fewer_batches_than_processes"])
def test_batches_that_do_not_come_out_even_are_read_once_or_twice(scenario, both, tmp_path):
    expected = alone(olmoe().state_dict(), tmp_path)
    require_alike(pair(both, scenario)[0]["columns"][0], expected, rtol=1e-4, atol=1e-5)


def test_the_first_process_alone_writes(both):
    one, other = pair(both, "trained_together")
    assert (one["has_run"], other["has_run"]) == (True, False)
    (run,) = find_runs(both[0] / "trained_together")
    assert run.verify() == []
    assert run.curves(["step"])["step"].tolist() == [2, 4]


def test_a_model_is_monitored_before_and_after_accelerate_wraps_it(both, tmp_path):
    one, _ = pair(both, "accelerated")
    assert one["is_wrapped"]
    expected = alone(olmoe().state_dict(), tmp_path)
    for found in (one["columns"][0], one["after"][0]):
        require_alike(found, expected, rtol=1e-4, atol=1e-5)


def test_a_process_that_fails_alone_stops_all_monitors_and_nobody_waits(both):
    one, other = pair(both, "forward_fails_in_one")
    assert one["measured"] == other["measured"] == [False, False]
    assert (one["is_on"], other["is_on"]) == (False, False)
    (said,), (others,) = ([t for t in own["said"] if "off" in t] for own in (one, other))
    assert said.endswith("process 1: division by zero")
    assert others.endswith("ZeroDivisionError: division by zero")
    assert [event["message"] for event in one["events"]] == [said]


def test_a_full_disk_of_the_first_process_stops_all_monitors(both):
    one, other = pair(both, "disk_fails_in_the_first")
    assert one["measured"] == other["measured"] == [False, False]
    (said,), (others,) = ([t for t in own["said"] if "off" in t] for own in (one, other))
    assert said.endswith("No space left on device")
    assert others.endswith("process 0: No space left on device")
    assert [event["message"] for event in one["events"]] == [said]


def test_all_processes_go_on_at_the_same_step_or_refuse(both):
    for own in pair(both, "resumed"):
        assert own["measured"] == [4]
        assert [columns["step"] for columns in own["columns"]] == [0, 2, 4]
        assert "its probes was" in own["refused"]
    run = RunDirectory.open(both[0] / "resumed" / "last")
    assert run.curves(["step"])["step"].tolist() == [0, 2, 4]


def test_training_batches_of_all_processes_are_measured_together(both):
    one, other = pair(both, "streaming")
    assert [columns["step"] for columns in one["columns"]] == [1, 2]
    for own, others in zip(one["columns"], other["columns"], strict=True):
        require_alike(own, others, rtol=0)
    assert {"moe/d0/loss", "moe/d1/loss"} <= one["columns"][0].keys()
    assert [event["step"] for event in one["events"]] == [3, 4]
    assert "process 1: `domains` must be" in one["events"][1]["message"]
    assert (one["is_on"], other["is_on"]) == (False, False)


def test_one_process_works_alone():
    assert ranks.rank_and_count() == (0, 1)
    assert ranks.together(lambda: 3) == ranks.from_first(lambda: 3) == 3
    assert ranks.gathered("own") == ["own"]
    assert ranks.gathered(None) == []
    with pytest.raises(ZeroDivisionError):
        ranks.together(lambda: 1 / 0)
    batches = [np.arange(3), np.arange(3, 5)]
    assert [own.tolist() for own in ranks.own_batches(batches)] == [[0, 1, 2], [3, 4]]


def test_processes_that_have_met_are_not_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "1")
    ranks.require_joined()
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(ranks, "rank_and_count", lambda: (1, 2))
    ranks.require_joined()
    monkeypatch.setattr(ranks, "rank_and_count", lambda: (0, 1))
    with pytest.raises(UsageError, match="do not know of each other"):
        ranks.require_joined()
