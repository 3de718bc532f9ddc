"""Phase diagrams: nothing is hidden, censored cells are hatched, colour is never the only sign."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from grokscope.sweep.boundary import boundary_of
from grokscope.sweep.cells import Cells, cells_of
from grokscope.sweep.tally import ORDER
from grokscope.views.cell_frame import CellFrame
from grokscope.views.cell_map import share_map, time_map
from grokscope.views.label_palette import LABEL_COLOURS
from grokscope.views.phase_diagram import phase_diagram
from sweep.fake_results import DECAY, FRACTION, FakeResults, grid, result

HOSTILE = "<img src=x>"


def cells(**where: Any) -> Cells:
    return cells_of(FakeResults(grid()), where=where)


def areas(figure: go.Figure) -> list[Any]:
    return [t for t in figure.data if isinstance(t.meta, dict) and "label" in t.meta]


def boxes(trace: Any) -> int:
    return sum(x is None for x in trace.x) + 1


def marked(figure: go.Figure, key: str) -> list[Any]:
    return [t for t in figure.data if isinstance(t.meta, dict) and key in t.meta]


def texts(figure: go.Figure) -> list[str]:
    return [
        text
        for t in figure.data
        if isinstance(t, go.Scatter) and t.mode == "text"
        for text in t.text
    ]


def test_every_cell_has_one_area_and_censored_ones_alone_are_hatched():
    found = areas(phase_diagram(cells()))
    assert sum(map(boxes, found)) == 6
    hatched = {t.meta["label"]: t.fillpattern.shape == "/" for t in found}
    assert hatched == {
        "memorization": True,
        "confusion": True,
        "grokking": False,
        "comprehension": False,
        "diverged": False,
        "tie": False,
    }


def test_a_tie_between_censored_labels_is_hatched_too():
    runs = [
        result({DECAY: d}, seed, label)
        for d in (0.1, 1.0)
        for seed, label in enumerate(("memorization", "confusion"))
    ]
    (tie,) = areas(phase_diagram(cells_of(FakeResults(runs, [DECAY]))))
    assert (tie.meta["label"], tie.fillpattern.shape) == ("tie", "/")


def test_mixed_cells_show_all_labels_in_proportion():
    strips = {t.meta["strip"]: t for t in marked(phase_diagram(cells()), "strip")}
    assert set(strips) == {"memorization", "grokking", "confusion"}
    frame = CellFrame.of(cells().x)
    first = np.log(strips["grokking"].x[:2]) - np.log(frame.edges[1])
    width = np.log(frame.edges[2] / frame.edges[1])
    np.testing.assert_allclose(first, [0, 0.75 * width], atol=1e-12)


def test_letters_and_counts_stand_in_the_cells():
    assert sorted(texts(phase_diagram(cells()))) == sorted(
        f"<b>{letter}</b> {count}"
        for letter, count in (
            ("M", "4/4"),
            ("G", "3/4"),
            ("G=F", "2/4"),
            ("F", "4/4"),
            ("C", "4/4"),
            ("D", "4/4"),
        )
    )


def test_unstable_cells_are_marked_and_only_those():
    (marks,) = marked(phase_diagram(cells()), "unstable")
    assert len(marks.x) == 1
    assert marked(phase_diagram(cells(), "liu2022"), "unstable") == []


def test_values_on_a_log_scale_are_drawn_on_one():
    figure = phase_diagram(cells())
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("log", "linear")
    low, high = figure.layout.xaxis.range
    assert low == pytest.approx(-2.5)
    assert high == pytest.approx(0.5)


def test_the_border_is_drawn_with_its_interval():
    runs = [
        result({DECAY: d}, seed, "memorization" if d < 0.05 * (1 + seed % 2) else "grokking")
        for d in (0.01, 0.03, 0.1, 0.3)
        for seed in range(6)
    ]
    results = FakeResults(runs, [DECAY])
    found = cells_of(results)
    (row,) = boundary_of(results, found)
    assert row.begins.value is not None
    assert 0.03 <= row.begins.value <= 0.1
    assert row.ends.sign == "≥"
    halo, points = marked(phase_diagram(found, boundary=[row]), "boundary")
    assert list(points.x) == [row.begins.value]
    assert points.error_x.arrayminus[0] > 0
    assert not halo.showlegend


def test_hovering_shows_all_figures_and_no_markup_of_names():
    runs = [result({"training.device": name}, seed) for name in (HOSTILE, "b") for seed in (0, 1)]
    figure = phase_diagram(cells_of(FakeResults(runs, ["training.device"])))
    hover = next(t for t in figure.data if t.hovertemplate == "%{text}<extra></extra>")
    assert len(hover.text) == 2
    assert "2 of 2" in hover.text[0]
    assert "stable" in hover.text[0]
    assert "<img" not in figure.to_json().replace("\\u003c", "<").replace("&lt;", "")


@pytest.mark.slow
def test_a_few_hundred_cells_have_no_numbers_and_thousands_no_letters():
    runs = [result({DECAY: 1.1**i, FRACTION: 0.3 + 0.01 * j}) for i in range(30) for j in range(30)]
    few = [r for r in runs if r.settings[FRACTION] < 0.5]
    assert set(texts(phase_diagram(cells_of(FakeResults(few))))) == {"G"}
    assert texts(phase_diagram(cells_of(FakeResults(runs)))) == []


def test_the_map_of_shares_has_each_cell_and_holes_where_nothing_ran():
    some = [r for r in grid() if r.settings != {DECAY: 0.1, FRACTION: 0.6}]
    heat = share_map(cells_of(FakeResults(some))).data[0]
    assert [list(row) for row in heat.z] == [[0.0, 0.75, 0.5], [0.0, None, 0.0]]
    assert len(heat.x) == 4


def test_the_map_of_times_is_hatched_where_the_median_was_not_reached():
    figure = time_map(cells())
    (open_cells,) = areas(figure)
    assert (boxes(open_cells), open_cells.fillpattern.shape) == (3, "/")
    assert {">1k", "160", "380"} <= set(texts(figure))
    assert 10 ** figure.data[0].z[1][1] == pytest.approx(160)


def test_no_two_labels_share_a_colour():
    assert set(LABEL_COLOURS) == set(ORDER)
    assert len(set(LABEL_COLOURS.values())) == len(ORDER)


@pytest.mark.parametrize("values", [[1.0], [0.1, 1.0, 10.0], ["a", "b"], [0, 0.1, 1.0, 10.0]])
def test_levels_lie_within_their_edges(values: list[Any]):
    from grokscope.sweep.cell_axis import cell_axis

    frame = CellFrame.of(cell_axis("a.b", values))
    assert len(frame.edges) == len(values) + 1
    for i, middle in enumerate(frame.middles):
        assert frame.edges[i] < middle < frame.edges[i + 1]
        assert frame.within(i, 0.0) == pytest.approx(frame.edges[i])
        assert frame.within(i, 1.0) == pytest.approx(frame.edges[i + 1])
