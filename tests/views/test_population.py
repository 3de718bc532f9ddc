"""The page of a population: what is counted, and that nobody is dropped."""

import pytest

from grokscope.explanation.false_positives import COUNTED
from grokscope.statistics import share_of
from grokscope.views.label_share import interval_words, label_lines
from grokscope.views.population import OPEN, population
from grokscope.views.unexplained import failure_counts, unexplained_lines
from views.explanations import explanation, failed, inaccurate, unexplained

MIXED = [
    explanation(0),
    explanation(1),
    unexplained(2, failed("form_variance", 0.91, 0.93)),
    unexplained(3, failed("control", None), failed("form_variance", 0.5, 0.93), label="pizza"),
    inaccurate(4),
]


def test_labels_are_counted_over_the_accurate_networks():
    clock, pizza, total = label_lines(MIXED)
    assert (clock.label, clock.count, clock.share) == ("clock", "3", "75.0 %")
    assert clock.interval == interval_words(share_of(3, 4)) == "19.4 to 99.4 %"
    assert (clock.explained, clock.explained_share) == ("2", "66.7 %")
    assert clock.explained_interval == interval_words(share_of(2, 3))
    assert (pizza.count, pizza.explained, pizza.explained_share) == ("1", "0", "0.0 %")
    assert pizza.explained_interval == "0 to 97.5 %"
    assert (total.count, total.explained, total.is_total) == ("4", "2", True)
    assert total.explained_interval == interval_words(share_of(2, 4))


def test_not_accurate_networks_are_counted_apart_and_drawn():
    found = population(MIXED)
    assert found is not None
    assert found.inaccurate == 1
    assert "of 5 networks" in found.planes["legacy"].alt
    alone = population([inaccurate(0), inaccurate(1)])
    assert alone is not None
    assert (alone.labels, alone.inaccurate, list(alone.planes)) == ([], 2, ["legacy"])


def test_the_unexplained_are_listed_with_figures_and_thresholds():
    first, second = unexplained_lines(MIXED)
    assert (first.number, first.label) == ("2", "clock")
    assert first.failed == [("form variance", "0.9100", "at least 0.93")]
    assert second.failed[0] == ("control", "could not be run", "at least 0.99")
    assert failure_counts([first, second]) == "form variance (2), control (1)"


def test_the_rate_of_false_positives_stands_beside_the_share():
    found = population(MIXED)
    assert found is not None
    interval = interval_words(share_of(*COUNTED))
    assert found.false_positives == f"{COUNTED.explained} of {COUNTED.nulls} ({interval})"


def test_a_single_network_is_no_population():
    assert population([explanation()]) is None


@pytest.mark.parametrize("count", [2, 6, 100])
def test_none_is_dropped_however_many_there_are(count: int):
    rows = [unexplained(i, failed("control", 0.5)) for i in range(count)]
    found = population(rows)
    assert found is not None
    numbers = [line.number for line in (*found.unexplained, *found.more_unexplained)]
    assert numbers == [str(i) for i in range(count)]
    assert len(found.unexplained) == min(count, OPEN)


def test_off_cyclic_groups_there_are_labels_and_no_planes():
    words = {"label": "irreps", "circles": [], "legacy": None}
    rows = [explanation(i, **words, components=[{"name": "sign"}]) for i in range(3)]
    found = population(rows)
    assert found is not None
    assert found.planes == {}
    assert found.planes_note == ""
    assert found.labels[0].label == "irreps"


def test_explanations_of_an_older_version_have_no_published_measures():
    rows = [explanation(i) for i in range(2)]
    for row in rows:
        del row["legacy"]
    found = population(rows)
    assert found is not None
    assert list(found.planes) == ["circles"]
    assert "No published measures were stored for 2 networks" in found.planes_note
