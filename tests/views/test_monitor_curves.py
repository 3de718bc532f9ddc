"""What is read of a monitor's run, and where its steps are drawn."""

from pathlib import Path

import numpy as np
import pytest

from grokscope.core.errors import UsageError
from grokscope.llm.panel_dictionary import DICTIONARY
from grokscope.store import RunDirectory
from grokscope.views import MonitorCurves
from grokscope.views.layer_names import short_layers
from grokscope.views.monitor_axis import MonitorAxis
from views.planted_monitor import LAYERS, Domain, planted


def axis(*steps: int) -> MonitorAxis:
    return MonitorAxis(steps=np.array(steps))


def test_groups_come_domain_by_domain_with_their_roles(monitored: RunDirectory):
    curves = MonitorCurves.of(monitored)
    assert curves.domains == ("sums", "facts", "prose", "canaries")
    assert curves.groups[:3] == ("sums", "sums/twin", "sums/test")
    assert "canaries/test" not in curves.groups
    assert curves.main("sums") == "sums"
    assert curves.tested("sums") == "sums/test"
    assert curves.tested("canaries") is None


def test_numbers_are_those_of_the_table(monitored: RunDirectory):
    curves, table = MonitorCurves.of(monitored), monitored.curves()
    assert (curves.steps == table["step"]).all()
    for name in DICTIONARY:
        column = table.get(f"moe/facts/{name}")
        if column is not None:
            np.testing.assert_array_equal(curves.series("facts", name), column)
    own = table["moe/facts/layers/entropy"]
    np.testing.assert_array_equal(curves.by_layer("facts", "entropy"), own)
    assert np.isnan(curves.series("facts", "nothing")).all()
    assert np.isnan(curves.by_layer("facts", "nothing")).all()


def test_the_mean_over_domains_is_of_their_seen_samples(monitored: RunDirectory):
    curves = MonitorCurves.of(monitored)
    own = [curves.by_layer(domain, "entropy") for domain in curves.domains]
    np.testing.assert_allclose(curves.mean_by_layer("entropy"), np.mean(own, 0))
    first = curves.mean_by_layer("saturation")[0]
    assert first.shape == (LAYERS,)
    assert np.isnan(first).all()


def test_a_step_that_was_measured_again_counts_once(tmp_path: Path):
    run = planted(tmp_path, (0, 10), domains=(Domain(name="sums"),))
    again = {name: values[-1:] for name, values in run.curves().items() if values.ndim == 1}
    run.add_segment(again)
    curves = MonitorCurves.of(run)
    assert curves.steps.tolist() == [0, 10]
    assert len(curves.series("sums", "loss")) == 2


def test_domains_without_seen_samples_are_shown_by_what_they_have(tmp_path: Path):
    domains = (Domain(name="quiz", roles=("test",)), Domain(name="twins", roles=("twin",)))
    curves = MonitorCurves.of(planted(tmp_path, (0, 10), domains=domains))
    assert curves.main("quiz") == "quiz/test"
    assert curves.main("twins") == "twins/twin"


def test_what_is_no_monitors_run_or_has_no_measurement_is_said(tmp_path: Path):
    other = RunDirectory.create(tmp_path, "other", {"task": {"p": 7}})
    with pytest.raises(UsageError, match=f"{other.id} is not the run of a monitor"):
        MonitorCurves.of(other)
    empty = planted(tmp_path, ())
    with pytest.raises(UsageError, match=f"{empty.id} has no measurements yet."):
        MonitorCurves.of(empty)


def test_even_steps_have_a_linear_axis_and_early_ones_a_log_axis():
    even, early = axis(*range(0, 1001, 100)), axis(0, 1, 2, 4, 8, 16, 32, 64, 128)
    assert not even.is_log
    assert even.places(even.steps).tolist() == even.steps.tolist()
    assert early.is_log
    assert early.places(early.steps).tolist() == [0.5, 1, 2, 4, 8, 16, 32, 64, 128]
    layout = early.layout()
    assert layout["ticktext"][0] == "0"
    assert layout["tickvals"][0] == 0.5


@pytest.mark.parametrize("steps", [(0, 10, 20, 40), (0, 1, 2, 4, 8, 16, 64), (5,), (0,), (3, 4)])
def test_cells_are_around_their_measurements(steps: tuple[int, ...]):
    own = axis(*steps)
    edges, places = own.edges(), own.places(own.steps)
    assert (edges[:-1] < places).all()
    assert (places < edges[1:]).all()


def test_large_steps_are_abbreviated():
    assert axis(0, 500_000, 1_000_000).layout()["tickformat"] == "~s"
    assert axis(0, 500, 1_000).layout()["tickformat"] == ","


def test_layers_are_named_by_what_tells_them_apart():
    assert short_layers([f"model.layers.{i}.mlp.gate" for i in (1, 3, 12)]) == ["1", "3", "12"]
    assert short_layers([f"h.{i}.moe2.gate" for i in (10, 11)]) == ["10", "11"]
    assert short_layers(["first.gate", "second.gate"]) == ["1", "2"]
    assert short_layers(["a.0.router", "a.0.router_2"]) == ["1", "2"]
    assert short_layers(["model.layers.0.gate"]) == ["1"]
