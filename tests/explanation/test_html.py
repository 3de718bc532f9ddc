"""The notebook's view of an explanation is well-formed and says what the text says."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from benchmarks.explainer.planted import plant
from benchmarks.explainer.trust import explain_planted

from grokscope.explanation import Explanation
from grokscope.explanation.html import circles_table, verdicts_table


@pytest.fixture(scope="module")
def pizza() -> Explanation:
    return explain_planted(plant("pizza", seed=0))


def test_every_circle_and_test_has_a_row(pizza: Explanation):
    page = ElementTree.fromstring(f"<div>{pizza._repr_html_()}</div>")
    circles, tests = page.findall("table")
    assert len(circles.findall("tr")) == 1 + len(pizza.circles)
    assert len(tests.findall("tr")) == 1 + len(pizza.tests)
    words = "".join(page.itertext())
    assert pizza.sentence in words
    for circle in pizza.circles:
        assert f"{circle.shape:.2f}" in words if circle.shape is not None else "–" in words


def test_a_profile_is_drawn_between_its_extremes(pizza: Explanation):
    """The largest value is at the top of the picture, the smallest or 0 at the bottom."""
    (drawn, *_) = ElementTree.fromstring(circles_table(pizza.circles[:1])).iter("polyline")
    heights = [float(pair.split(",")[1]) for pair in drawn.attrib["points"].split()]
    circle = pizza.circles[0]
    n = len(circle.profile)
    turns = [circle.speaks * d % n for d in range(n)]
    highest = max(range(n), key=lambda d: circle.profile[d])
    assert len(heights) == n
    assert heights[turns[highest]] == min(heights) == 2
    assert max(heights) <= 26


def test_what_failed_says_so(pizza: Explanation):
    assert "failed" not in verdicts_table(pizza.tests)
    broken = [replace(test, value=float("nan")) for test in pizza.tests]
    assert verdicts_table(broken).count("failed") == len(broken)


def test_names_are_text():
    stranger = Explanation(verdict="not_accurate", accuracy=0.5, name="<script>", group="Z_5")
    assert "<script>" not in stranger._repr_html_()
    assert "&lt;script&gt;" in stranger._repr_html_()
