"""Cells of a phase diagram: every run is in one of them, and none is counted twice."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokscope.core.errors import SettingError, UsageError
from grokscope.measures.label import Label
from grokscope.sweep.cell import RULES
from grokscope.sweep.cells import Cells, cells_of
from grokscope.sweep.phase_count import TIE
from grokscope.sweep.tally import LETTERS, ORDER, Tally
from sweep.fake_results import BUDGET, DECAY, FRACTION, FakeResults, grid, result

LABELS = st.sampled_from(ORDER)
POINTS = st.tuples(st.sampled_from((0.01, 0.1, 1.0)), st.sampled_from((0.3, 0.6)))
RUNS = st.lists(st.tuples(POINTS, LABELS, LABELS), min_size=1, max_size=40)


def found(*, x: str | None = None, y: str | None = None, **where: float) -> Cells:
    return cells_of(FakeResults(grid()), x, y, where)


def at(cells: Cells, column: int, row: int = 0):
    cell = cells.at(column, row)
    assert cell is not None
    return cell


@given(RUNS)
def test_counts_add_up_and_the_order_of_runs_does_not_matter(drawn):
    corners = [result({DECAY: d, FRACTION: f}, 99) for d, f in ((0.01, 0.3), (1.0, 0.6))]
    runs = corners + [
        result({DECAY: d, FRACTION: f}, seed, label, half=half)
        for seed, ((d, f), label, half) in enumerate(drawn)
    ]
    cells = cells_of(FakeResults(runs))
    assert sorted(r.id for r in cells.results) == sorted(r.id for r in runs)
    for cell in cells.cells:
        assert all(tally.total == cell.runs for tally in cell.tallies.values())
        assert cell.grokked + cell.censored + cell.diverged == cell.runs
        assert cell.share.count == cell.grokked
        assert cell.share.low <= cell.share.value <= cell.share.high
        assert 0 < (cell.mean.value or 0) <= cells.horizon
    for rule in RULES:
        phases = cells.phases(rule)
        assert sum(phase.cells for phase in phases) == len(cells.cells)
        assert sum(phase.runs for phase in phases if phase.label != TIE) == len(runs)
        assert all(phase.stable <= phase.cells for phase in phases)
    shuffled = random.Random(0).sample(runs, len(runs))
    assert cells_of(FakeResults(shuffled)).document() == cells.document()


def test_a_cell_says_what_prevails_and_how_surely():
    cells = found()
    assert [(c.column, c.row) for c in cells.cells] == [(c, r) for r in (0, 1) for c in (0, 1, 2)]
    all_alike, mixed, tie = (at(cells, i) for i in range(3))
    assert (all_alike.tally("grokdef/1").majority, all_alike.censored) == ("memorization", 4)
    assert all_alike.median.value is None
    assert all_alike.mean.value == BUDGET
    assert mixed.tally("grokdef/1").counts == {"grokking": 3, "memorization": 1}
    assert (mixed.tally("grokdef/1").share, mixed.share.count) == (0.75, 3)
    assert tie.tally("grokdef/1").leading == ("grokking", "confusion")
    assert tie.tally("grokdef/1").majority is None
    assert not tie.tally("grokdef/1").is_censored
    assert at(cells, 1, 1).median.value == 160.0
    assert at(cells, 2, 1).diverged == 4


def test_a_cell_whose_label_depends_on_the_budget_is_not_stable():
    diverged = at(found(), 2, 1)
    assert not diverged.is_stable("grokdef/1")
    assert diverged.is_stable("liu2022")
    assert diverged.changes("grokdef/1") == {
        "grokdef/1 at half the budget": ("memorization",),
    }
    by_threshold = [result({DECAY: d}, at_99="semi_grokking") for d in (0.1, 1.0)]
    cells = cells_of(FakeResults(by_threshold, [DECAY]))
    assert at(cells, 0).changes("grokdef/1") == {"grokdef/1 at 0.99": ("semi_grokking",)}


def test_a_median_is_of_all_runs_with_those_that_were_censored():
    mixed = at(found(), 1)
    assert mixed.median.value == 380.0  # of 340, 380, 420 and one beyond 1,000
    assert mixed.mean.value == pytest.approx((340 + 380 + 420 + 1000) / 4)


def test_neighbours_lend_where_they_are_alike():
    runs = [
        result({DECAY: d, FRACTION: f}, seed, "memorization")
        for d in (0.01, 0.1, 1.0)
        for f in (0.3, 0.6)
        for seed in range(3)
    ]
    lent = at(cells_of(FakeResults(runs)), 0).neighbourhood
    assert lent is not None
    assert (lent.own, lent.borrowed, lent.pooled_share.total) == (3, 9, 12)


def test_names_have_no_neighbours():
    runs = [
        result({"loss.kind": kind, DECAY: d}, seed, "memorization")
        for kind in ("a", "b")
        for d in (0.1, 1.0)
        for seed in range(3)
    ]
    results = FakeResults(runs, ["training.device", DECAY])
    for run in runs:
        settings = dict(run.settings)
        settings["training.device"] = settings.pop("loss.kind")
        object.__setattr__(run, "settings", settings)
    cells = cells_of(results)
    assert (cells.x.scale, cells.x.levels) == ("named", ("a", "b"))
    assert all(c.neighbourhood and c.neighbourhood.borrowed == 3 for c in cells.cells)


def test_one_axis_pools_the_other_and_says_so():
    cells = found(x="weight_decay")
    assert (cells.y, cells.pooled) == (None, {FRACTION: 2})
    assert [cell.runs for cell in cells.cells] == [8, 8, 8]
    assert [cell.seeds for cell in cells.cells] == [4, 4, 4]


def test_a_setting_can_be_fixed():
    cells = found(x="weight_decay", train_fraction=0.6)
    assert (cells.fixed, cells.pooled) == ({FRACTION: 0.6}, {})
    assert [cell.runs for cell in cells.cells] == [4, 4, 4]
    usual = found(train_fraction=0.6)
    assert (usual.x.name, usual.y) == (DECAY, None)


def test_only_the_second_axis_is_given():
    cells = found(y="weight_decay")
    assert cells.y is not None
    assert (cells.x.name, cells.y.name) == (FRACTION, DECAY)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"x": "weight_decoy"}, "Did you mean `optimizer.weight_decay`"),
        ({"x": "lr"}, "`optimizer.lr` does not vary in this sweep"),
        ({"x": "weight_decay", "y": "weight_decay"}, "cannot be both axes"),
        ({"x": "weight_decay", "weight_decay": 0.1}, "is fixed, so it is no axis"),
        ({"weight_decay": 0.5}, "there are 0.01, 0.1, 1."),
    ],
)
def test_what_cannot_be_meant_is_one_clear_line(words, said):
    with pytest.raises(UsageError, match=said.replace("(", r"\(")):
        found(**words)


def test_without_runs_there_is_no_diagram():
    with pytest.raises(UsageError, match="no finished run yet"):
        cells_of(FakeResults([]))


def test_different_budgets_are_compared_at_the_smallest():
    runs = [
        result({DECAY: d}, budget=budget, label="memorization")
        for d, budget in ((0.1, 500), (1.0, 2000))
    ]
    cells = cells_of(FakeResults(runs, [DECAY]))
    assert cells.horizon == 500
    assert [cell.mean.value for cell in cells.cells] == [500, 500]


def test_every_label_has_a_letter_of_its_own():
    from typing import get_args

    assert set(LETTERS) == set(get_args(Label))
    assert len(set(LETTERS.values())) == len(LETTERS)


def test_labels_of_nobody_are_refused():
    with pytest.raises(SettingError):
        Tally.of([])


def test_the_document_is_json_without_surprises():
    import json

    text = json.dumps(found().document(), allow_nan=False)
    assert json.loads(text)["cells"][0]["labels"]["grokdef/1"] == {"memorization": 4}
    assert math.isfinite(json.loads(text)["horizon"])
