"""The directory of a monitor: killed at any moment, filled up at any moment, and gone on with."""

import shutil

import numpy as np
import pytest

from faults.disk import FailingDisk, attempt, each_call
from grokscope.llm.alerts import Alert
from grokscope.llm.monitor_run import MonitorRun, is_monitor
from grokscope.store import RunDirectory
from llm.loops import monitored
from llm.small_olmoe import olmoe, probes

ALERTS = [Alert(kind="collapse", where=f"layer {n}", message="…") for n in (0, 1)]


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A run with one measurement, and the next one to be stored."""
    monitor = monitored(olmoe(), probes(), tmp_path_factory.mktemp("runs"))
    readings = []
    read = monitor._reader.read
    monitor._reader.read = lambda batches: readings.append(read(batches)) or readings[-1]
    monitor.step(0)
    path = monitor.run.path.parent / "first"
    shutil.copytree(monitor.run.path, path)
    measurement = monitor.step(2)
    monitor.finish()
    return path, monitor.run.header, measurement, readings[-1]


def stored(path, header, measurement, reading):
    """Go on with the run and store the measurement, as a resumed monitor does."""
    run = MonitorRun.go_on(path, header)
    try:
        run.add(measurement, reading, ALERTS)
    finally:
        run._open.close()  # what a killed process holds, the system lets go


def require_complete(path, measurement, reading):
    run = MonitorRun(RunDirectory.open(path))
    assert run.steps == [0, 2]
    assert [event["where"] for event in run.directory.events] == ["layer 0", "layer 1"]
    np.testing.assert_array_equal(run.pathways(2).weights, reading.pathways.weights)
    assert [problem for problem in run.directory.verify() if not problem.leftover] == []
    assert run.measurements()[1].groups.keys() == measurement.groups.keys()


@pytest.mark.parametrize("stride", [15, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", ["killed", "full"])
def test_a_run_is_valid_whenever_it_ends_and_is_gone_on_with(
    kind, stride, begun, tmp_path, monkeypatch
):
    first, header, measurement, reading = begun
    disk = FailingDisk(monkeypatch)
    ends = set()
    for number in each_call(disk, stride=stride):
        path = tmp_path / f"run-{number}"
        shutil.copytree(first, path)
        attempt(disk, number, kind, lambda path=path: stored(path, header, measurement, reading))
        run = MonitorRun(RunDirectory.open(path))
        assert [problem for problem in run.directory.verify() if not problem.leftover] == []
        ends.add(tuple(run.steps))
        if run.steps == [0]:
            stored(path, header, measurement, reading)
        require_complete(path, measurement, reading)
        shutil.rmtree(path)
    assert ends == {(0,), (0, 2)}
    assert number > 20


def test_what_is_stored_comes_back(begun):
    path, header, *_ = begun
    run = MonitorRun(RunDirectory.open(path))
    (measurement,) = run.measurements()
    monitor = monitored(olmoe(), probes(), path.parent)
    expected = monitor.step(0)
    monitor.finish()
    assert run.header == header
    assert is_monitor(run.directory)
    assert measurement.columns().keys() == {
        name
        for name, value in expected.columns().items()
        if np.isfinite(value).all() or name == "tokens"
    }
    np.testing.assert_array_equal(measurement.load, expected.load)
    np.testing.assert_array_equal(measurement.dead, expected.dead)
    for group, panel in measurement.groups.items():
        for name, value in panel.scalars.items():
            assert value == expected.groups[group].scalars[name]
        for name, values in panel.layers.items():
            np.testing.assert_array_equal(values, expected.groups[group].layers[name])
    assert (measurement.whole, measurement.problems) == (expected.whole, ())


def test_another_run_is_no_monitor(tmp_path):
    assert not is_monitor(RunDirectory.create(tmp_path, "quick", {"training": {"steps": 3}}))
