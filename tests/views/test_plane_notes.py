"""The sentences below the planes: nobody is left out in silence."""

from grokscope.views.plane_notes import plane_notes
from views.explanations import circle, explanation, legacy


def test_the_published_rule_is_counted():
    labels = ("pizza", "clock", "none", "none")
    rows = [explanation(i, legacy=legacy(label=label)) for i, label in enumerate(labels)]
    assert plane_notes(rows) == (
        "Here the published rule says pizza of 1 network, clock of 1, and neither of 2."
    )


def test_undefined_and_unstored_measures_are_told_apart():
    undefined = explanation(1, legacy=legacy(distance_irrelevance=None))
    rows = [explanation(0), undefined, explanation(2, legacy=None)]
    notes = plane_notes(rows)
    assert "The published measures are undefined for 1 network, not drawn." in notes
    assert "No published measures were stored for 1 network, not drawn." in notes


def test_circles_without_a_shape_are_counted():
    companion = circle(6, label="companion", shape=None)
    one = [explanation(0, circles=[circle(), companion])]
    assert "1 circle feeds another frequency than its own and has no shape" in plane_notes(one)
    two = [explanation(0, circles=[companion, companion])]
    assert "2 circles feed other frequencies than their own and have no shape" in plane_notes(two)


def test_a_symmetricity_that_tells_nothing_apart_is_said():
    adds = explanation(0, legacy=legacy(gradient_symmetricity=1.0))
    said = "tells nothing apart"
    assert said in plane_notes([adds, adds])
    assert said not in plane_notes([adds, explanation(1)])
