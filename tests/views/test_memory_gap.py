"""The memory gap with its interval, from the losses on disk."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from grokscope.store import RunDirectory
from grokscope.views import MonitorCurves, domain_loss_figure, memory_gaps
from grokscope.views.memory_gap import gap_intervals
from views.planted_monitor import Domain, planted


def test_gaps_are_those_of_the_table_with_intervals_around_them(monitored: RunDirectory):
    gaps, curves = memory_gaps(monitored), MonitorCurves.of(monitored)
    assert set(gaps) == set(curves.domains)
    for domain, intervals in gaps.items():
        values = [interval.value for interval in intervals]
        np.testing.assert_allclose(values, curves.series(domain, "gap"), rtol=1e-5, atol=1e-6)
        assert all(i.low <= i.value <= i.high for i in intervals)
    assert gaps["canaries"][-1].high < -0.3
    assert gaps["canaries"][0].low < 0 < gaps["canaries"][0].high


def test_the_interval_is_about_that_of_welch():
    stream = np.random.default_rng(0)
    seen, twins = stream.normal(1, 0.5, (1, 80)), stream.normal(2, 1.0, (1, 50))
    (found,) = gap_intervals(seen, twins)
    error = np.sqrt(seen.var() / 80 + twins.var() / 50)
    assert found.value == pytest.approx(seen.mean() - twins.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_samples_without_a_loss_are_left_out_and_a_lone_one_has_no_interval():
    seen, twins = np.array([[1.0, np.nan], [2.0, 3.0]]), np.array([[3.0], [3.0]])
    assert [(i.value, i.low, i.high) for i in gap_intervals(seen, twins)] == [
        (-2.0, None, None),
        (-1.0, None, None),
    ]
    nothing = np.full((2, 3), np.nan)
    assert [i.value for i in gap_intervals(nothing, twins)] == [None, None]


def test_twins_need_not_be_as_many_as_the_seen():
    seen, twins = np.ones((3, 4)), np.full((3, 9), 2.0)
    assert [i.value for i in gap_intervals(seen, twins)] == [-1.0] * 3


def test_without_the_losses_there_are_no_intervals_but_a_figure(tmp_path: Path):
    run = planted(tmp_path, (0, 10), domains=(Domain(name="sums"),))
    shutil.rmtree(run.path / "checkpoints")
    assert memory_gaps(run) == {}
    assert domain_loss_figure(MonitorCurves.of(run), {}).data
    assert memory_gaps(planted(tmp_path, (0,), streaming=True)) == {}
