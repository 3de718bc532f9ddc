"""A monitor's figures show the numbers of its table."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest

from grokscope.llm.balance import load_of
from grokscope.llm.monitor_run import MonitorRun
from grokscope.llm.pathway import kept
from grokscope.statistics.trend import trend_correlations
from grokscope.store import RunDirectory
from grokscope.views import (
    MonitorCurves,
    balance_figure,
    consistency_figure,
    distance_figure,
    domain_loss_figure,
    layer_map,
    load_map,
    memory_gaps,
    pathway_accuracy_figure,
    settling_figure,
    sharing_figure,
    twin_figure,
)
from grokscope.views.domain_style import DASHES, drawn_domains
from grokscope.views.measure_panels import Line, robust_axis
from grokscope.views.pathway_trend import pathway_trends, trend_table, unrelated
from grokscope.views.ratio_axis import LARGEST, ratio_axes
from grokscope.views.theme import GROUP_COLOURS
from views.planted_monitor import DEAD_EXPERT, DEAD_LAYER, NAMES, Domain, planted


@pytest.fixture(scope="module")
def curves(monitored: RunDirectory) -> MonitorCurves:
    """Its numbers."""
    return MonitorCurves.of(monitored)


def titles(figure: go.Figure) -> list[str]:
    return [note.text for note in figure.layout.annotations]


def lines(figure: go.Figure, panel: int) -> dict[str, np.ndarray]:
    """Values of the named lines of a panel, counted from 1."""
    own = "y" if panel == 1 else f"y{panel}"
    return {
        trace.name: np.asarray(trace.customdata, dtype=float)
        for trace in figure.data
        if trace.yaxis == own and trace.customdata is not None
    }


def legend(figure: go.Figure) -> list[str]:
    return [trace.name for trace in figure.data if trace.showlegend is not False]


def test_distances_are_the_tables_and_the_control_is_grey(curves: MonitorCurves):
    figure = distance_figure(curves)
    for panel, name in enumerate(("distance", "distance_normalized", "path_length"), start=1):
        for domain in curves.domains:
            found = lines(figure, panel)[domain]
            np.testing.assert_array_equal(found, curves.series(domain, name))
    control = lines(figure, 2)["between domains (control)"]
    np.testing.assert_array_equal(control, curves.across("cross_distance_normalized"))
    assert set(lines(figure, 1)) == set(curves.domains)


def test_axes_of_distances_span_one_ratio_and_hold_all_that_is_drawn(curves: MonitorCurves):
    layout = distance_figure(curves).layout
    spans = [np.ptp(own.range) for own in (layout.yaxis, layout.yaxis2, layout.yaxis3)]
    assert max(spans) == pytest.approx(min(spans))
    for own, name in ((layout.yaxis, "distance"), (layout.yaxis3, "path_length")):
        values = np.log10([curves.series(domain, name) for domain in curves.domains])
        assert own.range[0] < values.min() < values.max() < own.range[1]
    assert layout.xaxis.matches == layout.xaxis2.matches == "x3"


def test_a_distance_of_zero_leaves_a_ratio_axis_and_does_not_stretch_it():
    (own,) = ratio_axes([[np.array([5.0, 0.0, 4.0, np.nan])]])
    assert 10 ** own["range"][0] > 3.5
    (own,) = ratio_axes([[np.array([5.0, 1e-6])]])
    assert 10 ** np.ptp(own["range"]) < LARGEST**1.2
    assert all(own["range"][0] <= math.log10(tick) <= own["range"][1] for tick in own["tickvals"])
    assert len(ratio_axes([[], [np.full(3, np.nan)]])) == 2


def test_a_zero_on_a_log_axis_is_drawn_below_it_and_named_in_the_hover(curves: MonitorCurves):
    name = "moe/prose/distance"
    values = curves.columns[name].copy()
    values[-1] = 0.0
    fallen = replace(curves, columns={**curves.columns, name: values})
    figure = distance_figure(fallen)
    prose = next(trace for trace in figure.data if trace.name == "prose" and trace.yaxis == "y")
    assert prose.customdata[-1] == 0
    assert 0 < prose.y[-1] < 10 ** figure.layout.yaxis.range[0]


def test_losses_have_a_dash_for_each_role_and_a_band_around_the_gap(
    monitored: RunDirectory, curves: MonitorCurves
):
    gaps = memory_gaps(monitored)
    figure = domain_loss_figure(curves, gaps)
    assert [title.strip("</b>").split(":")[0].split(",")[0] for title in titles(figure)] == [
        "Loss",
        "Accuracy",
        "Memory gap",
        "Share memorised by the online rule",
    ]
    found = lines(figure, 1)
    np.testing.assert_array_equal(found["sums, twins"], curves.series("sums/twin", "loss"))
    np.testing.assert_array_equal(
        lines(figure, 2)["facts, tests"], curves.series("facts/test", "accuracy")
    )
    dashes = {
        t.name: t.line.dash for t in figure.data if t.yaxis == "y" and t.customdata is not None
    }
    assert dashes["sums"] == DASHES["seen"]
    assert dashes["sums, twins"] == DASHES["twin"]
    assert dashes["sums, tests"] == DASHES["test"]
    bands = [t for t in figure.data if t.fill == "toself"]
    highs = [interval.high for interval in gaps["sums"]]
    np.testing.assert_allclose(bands[0].y[: len(highs)], highs)
    assert len(bands) == len(curves.domains)
    assert legend(figure)[-3:] == ["seen samples", "twins, never seen", "tests"]


def test_consistency_is_shown_under_both_signs(curves: MonitorCurves):
    figure = consistency_figure(curves)
    published, other, cosines, centred = (lines(figure, panel) for panel in (1, 2, 3, 4))
    np.testing.assert_array_equal(published["sums"], curves.series("sums", "path_inconsistency"))
    np.testing.assert_allclose(other["sums"], 1 - published["sums"], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(cosines["sums"], curves.series("sums", "mean_cos"))
    folded = curves.series("sums", "mean_cos_folded")
    np.testing.assert_array_equal(cosines["sums, gain folded in"], folded)
    np.testing.assert_array_equal(centred["sums"], curves.series("sums", "mean_cos_centred"))


def test_a_jump_does_not_flatten_the_other_values():
    values = np.sin(np.arange(100.0))
    values[50] = 1e4
    (low, high) = robust_axis([Line(name="a", values=values, colour="#000000")])["range"]
    assert -3 < low < -1
    assert 1 < high < 3
    values[50] = 0.0
    assert robust_axis([Line(name="a", values=values, colour="#000000")]) == {}
    assert robust_axis([]) == {}


def test_sharing_balance_and_settling_are_the_tables(curves: MonitorCurves):
    sharing, balance, settling = (
        draw(curves) for draw in (sharing_figure, balance_figure, settling_figure)
    )
    for panel, name in enumerate(("overlap", "cosine", "jaccard", "effective_dimension"), start=1):
        np.testing.assert_array_equal(lines(sharing, panel)["facts"], curves.series("facts", name))
    entropy = lines(balance, 1)
    np.testing.assert_array_equal(entropy["facts"], curves.series("facts", "entropy"))
    mean = curves.series("facts", "entropy_of_mean")
    np.testing.assert_array_equal(entropy["facts, of the mean"], mean)
    for panel, name in ((2, "load_variation"), (3, "dead_experts")):
        np.testing.assert_array_equal(lines(balance, panel)["sums"], curves.series("sums", name))
    for panel, name in ((1, "saturation"), (2, "change")):
        np.testing.assert_array_equal(lines(settling, panel)["sums"], curves.series("sums", name))
    uniform = next(trace for trace in balance.data if trace.text and "uniform" in trace.text)
    assert uniform.y[0] == pytest.approx(math.log(16))


def test_the_load_is_that_of_the_weights_on_disk_and_a_dead_expert_has_a_cross(
    monitored: RunDirectory,
):
    weights = MonitorRun(monitored).pathways(30_000).weights
    load = load_of(weights, kept(weights, 0.7)).share
    figure = load_map(load, NAMES)
    heat, crosses = figure.data
    np.testing.assert_allclose(heat.customdata, load * 16)
    found = set(zip(crosses.y.tolist(), crosses.x.tolist(), strict=True))
    assert (DEAD_LAYER, DEAD_EXPERT) in found
    assert found == set(zip(*(part.tolist() for part in np.nonzero(load < 0.1 / 16)), strict=True))
    assert len(load_map(np.full((2, 4), 0.25), ["a.0", "a.1"]).data) == 1


def test_layers_are_drawn_of_a_domain_or_of_the_mean(curves: MonitorCurves):
    of_one = layer_map(curves, "entropy", "facts")
    np.testing.assert_array_equal(of_one.data[0].z, curves.by_layer("facts", "entropy").T)
    of_all = layer_map(curves, "saturation")
    np.testing.assert_array_equal(of_all.data[0].z, curves.mean_by_layer("saturation").T)
    assert len(of_all.data[0].x) == len(curves.steps) + 1
    assert "mean over domains" in of_all.layout.title.text


def test_seen_less_twins_is_near_zero_beside_what_the_measure_did(curves: MonitorCurves):
    figure = twin_figure(curves)
    found = lines(figure, 1)
    expected = curves.series("sums", "distance_normalized") - curves.series(
        "sums/twin", "distance_normalized"
    )
    np.testing.assert_array_equal(found["sums"], expected)
    low, high = figure.layout.yaxis.range
    assert low == -high
    assert np.abs(found["sums"][-5:]).max() < 0.4 * high
    assert found["canaries"][-5:].mean() < -0.4 * high


def test_paths_to_accuracy_have_the_measures_and_end_at_the_large_point(curves: MonitorCurves):
    figure = pathway_accuracy_figure(curves)
    assert [trace.name for trace in figure.data] == ["sums", "facts", "prose"]
    path = figure.data[0]
    np.testing.assert_array_equal(path.x, curves.series("sums", "distance_normalized"))
    np.testing.assert_array_equal(path.y, curves.series("sums/test", "accuracy"))
    assert path.marker.size[-1] > path.marker.size[0]
    assert path.customdata[-1] == "30,000"
    cosine = pathway_accuracy_figure(curves, "mean_cos").data[0]
    np.testing.assert_array_equal(cosine.x, curves.series("sums", "mean_cos"))


def test_trends_are_those_of_the_statistics_without_step_zero(curves: MonitorCurves):
    trends = pathway_trends(curves)
    assert [(t.domain, t.measure) for t in trends[:2]] == [
        ("sums", "distance_normalized"),
        ("sums", "mean_cos"),
    ]
    own = trends[0]
    expected = trend_correlations(
        curves.series("sums", "distance_normalized")[1:],
        curves.series("sums/test", "accuracy")[1:],
        curves.steps[1:],
    )
    assert own.found == expected
    assert own.points == len(curves.steps) - 1
    table = trend_table(trends)
    assert table.rows[0][3].startswith(f"{expected['levels'].pearson:.2f}".replace("-", "−"))
    assert table.rows[-1][3] == "–"  # nothing was ever learned of prose


def test_over_few_points_unrelated_lines_correlate():
    assert unrelated(2) is None
    assert unrelated(1000) is None
    few = unrelated(5)
    assert few is not None
    assert 0.92 < few < 0.96


def test_six_of_many_domains_are_drawn_with_six_colours(tmp_path: Path):
    domains = tuple(Domain(name=f"d{i}", roles=("seen",)) for i in range(9))
    curves = MonitorCurves.of(planted(tmp_path, (0, 10), domains=domains, samples=3))
    drawn = drawn_domains(curves)
    assert [domain.name for domain in drawn] == [f"d{i}" for i in range(6)]
    assert [domain.colour for domain in drawn] == list(GROUP_COLOURS)
    assert legend(sharing_figure(curves))[:6] == [f"d{i}" for i in range(6)]


def test_names_are_no_markup_for_plotly(tmp_path: Path):
    domains = (Domain(name="<b>bold", is_remembered=True), Domain(name="<i>slanted"))
    header = {"layers": [f"<u>{i}" for i in range(8)]}
    run = planted(tmp_path, (0, 10), domains=domains, samples=3, header=header)
    curves = MonitorCurves.of(run)
    figures = [
        *(draw(curves) for draw in (distance_figure, domain_loss_figure, consistency_figure)),
        *(draw(curves) for draw in (sharing_figure, balance_figure, twin_figure, settling_figure)),
        *(pathway_accuracy_figure(curves), layer_map(curves, "entropy", "<b>bold")),
    ]
    for figure in figures:
        text = str(figure.to_dict())  # JSON would hide the signs
        assert not any(tag in text for tag in ("<b>bold", "<i>slanted", "<u>"))
        assert "&lt;b&gt;bold" in text
