"""Curves of a sweep: who was censored is drawn as such, and the law counts them."""

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from grokscope.statistics import NEVER, Wait
from grokscope.sweep.cell_axis import cell_axis
from grokscope.sweep.cells import cells_of
from grokscope.sweep.law import Law, laws_of
from grokscope.sweep.result import Result
from grokscope.sweep.survival_groups import MOST_GROUPS, SurvivalGroups, survival_groups
from grokscope.views.law_figure import exponent_words, law_figure
from grokscope.views.survival_figure import p_words, survival_figure, test_words
from grokscope.views.sweep_tables import law_sentence, survival_table
from sweep.fake_results import BUDGET, DECAY, FRACTION, FakeResults, grid, result

test_words.__test__ = False  # type: ignore[attr-defined]


def marked(figure: go.Figure, key: str) -> list[Any]:
    return [t for t in figure.data if isinstance(t.meta, dict) and key in t.meta]


def by_decay(runs: list[Result]) -> SurvivalGroups:
    axis = cell_axis(DECAY, [r.settings[DECAY] for r in runs])
    levels: dict[int, list[Result]] = {}
    for run in runs:
        levels.setdefault(axis.index(run.settings[DECAY]), []).append(run)
    return survival_groups(axis, levels)


def power_law(seeds: int = 8, exponent: float = -1.0) -> list[Result]:
    """Times that go as the decay to a power, the slow ones censored."""
    noise = np.random.default_rng(1).normal(0, 0.25, (seeds, 6))
    runs: list[Result] = []
    for seed in range(seeds):
        for i, decay in enumerate(np.geomspace(0.1, 10, 6).tolist()):
            time = 300 * decay**exponent * math.exp(noise[seed, i])
            kind = "grokking" if time < BUDGET else "memorization"
            runs.append(result({DECAY: decay}, seed, kind, max(time, 41.0)))
    return runs


def law() -> Law:
    results = FakeResults(power_law(), [DECAY])
    (found,) = laws_of(results, cells_of(results))
    return found


def test_curves_fall_by_steps_to_the_share_that_is_left():
    groups = by_decay(grid())
    figure = survival_figure(groups)
    curves = [t for t in figure.data if t.line.shape == "hv"]
    assert [t.name for t in curves] == ["0.01 (8)", "0.1 (8)", "1 (8, 4 diverged)"]
    assert [t.y[-1] for t in curves] == pytest.approx([1.0, 1 / 8, 6 / 8])
    assert all(t.y[0] == 1.0 for t in curves)
    assert figure.layout.xaxis.type == "log"
    assert "log-rank p" in figure.layout.title.text


def test_budgets_that_ended_are_ticks_and_divergence_is_none():
    ticks = marked(survival_figure(by_decay(grid())), "censored")
    assert [list(t.text) for t in ticks] == [
        ["8 censored at step 1,000"],
        ["1 censored at step 1,000"],
        ["2 censored at step 1,000"],
    ]


def test_a_band_ends_where_nobody_waits():
    runs = [result({DECAY: d}, seed, step=100.0 * (seed + 1)) for d in (0.1, 1) for seed in (0, 1)]
    bands = [t for t in survival_figure(by_decay(runs)).data if t.fill == "toself"]
    assert [max(t.x) for t in bands] == [200.0, 200.0]


def test_more_groups_than_colours_are_left_out_and_counted():
    runs = [result({DECAY: 1.5**i}, seed) for i in range(20) for seed in (0, 1)]
    groups = by_decay(runs)
    assert (len(groups.drawn), groups.left_out) == (MOST_GROUPS, 20 - MOST_GROUPS)
    assert {g.name for g in groups.drawn} >= {f"{1.0:g}", f"{1.5**19:.4g}"}


def test_a_single_group_has_nothing_to_compare():
    assert test_words(by_decay([result({DECAY: 1.0}), result({DECAY: 1.0}, 1)]).test) == "one group"
    nothing = by_decay([result({DECAY: d}, 0, "memorization") for d in (0.1, 1.0)])
    assert test_words(nothing.test) == "nothing to compare"
    assert (p_words(1e-9), p_words(0.03)) == ("p < 0.0001", "p = 0.03")


def test_the_table_counts_every_run():
    rows = survival_table(by_decay(grid())).rows
    for row in rows:
        assert int(row[1]) == sum(map(int, row[2:5]))


def test_a_law_counts_the_censored_and_least_squares_do_not():
    found = law()
    assert found.exponent is not None
    assert found.exponent.value == pytest.approx(-1.0, abs=0.1)
    assert found.naive is not None
    slope = found.naive.finished.coefficients[DECAY].value
    assert slope is not None
    assert slope > found.exponent.value  # flatter
    middle = found.median_at(1.0)
    assert middle is not None
    assert middle.value == pytest.approx(300, rel=0.15)
    assert middle.low < middle.value < middle.high


def test_seen_and_censored_runs_have_their_own_marks():
    found = law()
    figure = law_figure(found)
    runs = {t.meta["runs"]: t for t in marked(figure, "runs")}
    everyone = [r for own in found.levels.values() for r in own]
    seen = [r for r in everyone if r.has_grokked]
    assert sorted(runs["generalised"].y) == sorted(r.grokked.most for r in seen)
    assert runs["censored at the budget"].marker.symbol == "triangle-up-open"
    assert set(runs["censored at the budget"].y) == {BUDGET}
    assert len(runs["censored at the budget"].x) == len(everyone) - len(seen) > 0
    assert len(marked(figure, "law")) == len(marked(figure, "naive")) == 1
    assert marked(figure, "naive")[0].line.dash == "dash"
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("log", "log")


def test_a_law_stands_in_the_line_where_most_generalise():
    results = FakeResults(grid())
    along_x, along_y = laws_of(results, cells_of(results))
    assert along_x.fixed == {FRACTION: "0.3"}
    assert along_y.fixed == {DECAY: "0.1"}
    assert "at weight decay 0.1" in law_figure(along_y).layout.title.text


def test_where_nothing_generalised_there_is_no_law_and_the_page_says_so():
    runs = [result({DECAY: d}, s, "memorization") for d in (0.1, 1.0) for s in range(3)]
    results = FakeResults(runs, [DECAY])
    (found,) = laws_of(results, cells_of(results))
    assert found.fit is None
    assert "too few runs generalised" in law_sentence(found)
    assert marked(law_figure(found), "law") == []


def test_names_have_no_law():
    runs = [result({"training.device": n}, s) for n in ("a", "b") for s in range(2)]
    results = FakeResults(runs, ["training.device"])
    assert laws_of(results, cells_of(results)) == []


def test_diverged_runs_are_counted_beside_the_law():
    runs = [*power_law(), result({DECAY: 10.0}, 99, "diverged")]
    assert runs[-1].grokked == NEVER
    results = FakeResults(runs, [DECAY])
    (found,) = laws_of(results, cells_of(results))
    assert "1 diverged and left out" in law_sentence(found)
    assert found.median_at(1.0) is not None


def test_exponents_have_a_real_minus():
    found = law().exponent
    assert exponent_words(found).startswith("−1.0")
    assert exponent_words(None) == "unknown"
    assert Wait.of(1.0).was_seen
