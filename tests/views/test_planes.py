"""The two planes: every mark at its measures, coloured by label, with the published lines."""

from typing import Any

import pytest

from grokscope.views import circle_plane, legacy_plane
from grokscope.views.circle_plane import SHAPES
from grokscope.views.label_colour import CIRCLE_COLOURS, INACCURATE, NETWORK_COLOURS, network_kind
from views.explanations import circle, explanation, inaccurate, legacy, unexplained
from views.test_report import HOSTILE


def marks(figure: Any) -> dict[tuple[float, float], tuple[str, str, str]]:
    """Colour, symbol and words of each mark by its place."""
    return {
        (x, y): (trace.marker.color, trace.marker.symbol, text)
        for trace in figure.data
        if trace.text is not None
        for x, y, text in zip(trace.x, trace.y, trace.text, strict=True)
    }


def test_networks_lie_at_their_published_measures():
    rows = [
        explanation(0),
        unexplained(1, label="clock + pizza", legacy=legacy(gradient_symmetricity=0.5)),
        inaccurate(2) | {"legacy": legacy(gradient_symmetricity=0.99, distance_irrelevance=0.3)},
    ]
    found = marks(legacy_plane(rows))
    assert set(found) == {(0.6, 0.9), (0.5, 0.9), (0.99, 0.3)}
    assert found[0.6, 0.9][:2] == (NETWORK_COLOURS["clock"], "circle")
    assert found[0.5, 0.9][:2] == (NETWORK_COLOURS["several kinds"], "circle-open")
    assert found[0.99, 0.3][:2] == (NETWORK_COLOURS["not accurate"], "x-thin-open")
    assert "network 1: unexplained" in found[0.5, 0.9][2]
    assert "q on the largest wrong logit 0.800" in found[0.6, 0.9][2]


def test_the_published_lines_are_drawn_and_named():
    figure = legacy_plane([explanation(0)])
    lines = {(line.x0, line.x1, line.y0, line.y1) for line in figure.layout.shapes}
    assert lines == {(0.98, 0.98, 0, 1), (0, 1, 0.6, 0.6)}
    names = {note.text for note in figure.layout.annotations}
    assert names == {"s<sub>g</sub> = .98", "q = .6", "← clock", "pizza →"}


def test_circles_lie_at_their_shape_and_use_of_attention():
    pizza = circle(5, label="pizza", shape=0.67, attention=0.0)
    companion = circle(10, label="companion", shape=None)
    figure = circle_plane([explanation(0, circles=[circle(), pizza, companion])])
    found = marks(figure)
    assert set(found) == {(0.02, 0.8), (0.67, 0.0)}
    assert found[0.02, 0.8][:2] == (CIRCLE_COLOURS["clock"], "circle")
    assert found[0.67, 0.0][2].startswith("network 0, frequency 5: pizza")
    assert [t.name for t in figure.data if t.showlegend is not False] == ["clock", "pizza"]
    assert {note.text for note in figure.layout.annotations} == {"clock: 0", "pizza: 2/3"}


def test_the_interval_of_a_shape_is_shown_where_there_is_one():
    with_interval = circle(4, shape=0.67, shape_interval=[0.641, 0.702])
    words = marks(circle_plane([explanation(0, circles=[circle(), with_interval])]))
    assert "shape 0.67 (0.64 to 0.70)," in words[0.67, 0.8][2]
    assert "shape 0.02, change" in words[0.02, 0.8][2]


def test_a_shape_without_bound_is_drawn_at_the_edge_and_told():
    figure = circle_plane([explanation(0, circles=[circle(shape=41.0), circle(4, shape=-7.0)])])
    found = marks(figure)
    assert {x for x, _ in found} == set(SHAPES)
    assert "shape 41.00" in found[SHAPES[1], 0.8][2]
    low, high = figure.layout.xaxis.range
    assert low < SHAPES[0] < SHAPES[1] < high


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("clock", "clock"),
        ("pizza + collapsed read-out", "pizza"),
        ("clock + mixture", "several kinds"),
        ("lookup", "lookup"),
        ("not accurate", "not accurate"),
    ],
)
def test_a_network_has_the_colour_of_its_one_kind(label: str, kind: str):
    assert network_kind(label) == kind


def test_hostile_labels_stay_text():
    rows = [explanation(0, label=HOSTILE, circles=[circle(label=HOSTILE)])]
    for figure in (legacy_plane(rows), circle_plane(rows)):
        words = [text for _, _, text in marks(figure).values()]
        assert any("&lt;img" in text for text in words)
        assert not any("<img" in text for text in words)


def test_no_two_kinds_share_a_colour():
    """But the unlabelled and the inaccurate, whose symbols differ."""
    colours = [colour for kind, colour in NETWORK_COLOURS.items() if kind != INACCURATE]
    assert len(set(colours)) == len(colours)
