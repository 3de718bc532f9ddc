"""The studies: rows that come back as they were kept, and a page that is what they give."""

import math

import pytest
from benchmarks.studies import __main__ as studies
from benchmarks.studies import rows
from benchmarks.studies.exponent import DECAY

from grokscope.statistics import NEVER, Wait
from grokscope.sweep import Results
from sweep.trained import trained_sweep


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A tiny sweep, and its rows out of the file."""
    root = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "RESULTS", root / "results")
        sweep = trained_sweep(root)
        rows.write("tiny", rows.of_sweep(sweep))
        return sweep, rows.read("tiny")


def test_rows_are_the_results(kept):
    sweep, found = kept
    results = Results(sweep)
    assert len(found) == len(results.all)
    for row, result in zip(found, results.all, strict=True):
        assert row.seed == result.seed
        assert row.budget == result.budget
        assert row.settings[DECAY] == pytest.approx(float(str(results.value(result, DECAY))))
        assert row.labels["label"] == result.label
        assert row.labels["liu_half"] == result.labels["liu2022 at half the budget"]
        assert row.wait("grokked") == result.grokked
        assert row.wait("memorized") == result.memorized


def row(memorized: float, grokked: float, steps: int = 1000, *, diverged: bool = False) -> rows.Row:
    facts = {
        "memorized_step": memorized,
        "memorized_after": memorized * 0.9,
        "grokked_step": grokked,
        "grokked_after": grokked * 0.9,
        "grokked_step_50": grokked,
    }
    return rows.Row(
        settings={}, seed=0, budget=1000, labels={}, facts=facts, steps=steps, diverged=diverged,
        final=1.0,
    )  # fmt: skip


def test_a_delay_lies_between_what_both_events_leave_open():
    assert row(100.0, 500.0).delay() == Wait(350.0, 410.0)
    assert row(100.0, math.nan).delay() == Wait.beyond(900.0)
    assert row(math.nan, math.nan).delay() == Wait.beyond(0.0)
    assert row(100.0, math.nan, diverged=True).delay() == NEVER
    assert row(500.0, 100.0).delay() == Wait(0.0, 1.0)


def test_who_watched_for_less_saw_less():
    late = row(100.0, 600.0)
    assert late.wait("grokked", 500) == Wait.beyond(500.0)
    assert late.wait("grokked", 600) == Wait(540.0, 600.0)
    assert not late.has_half(599)
    assert late.has_half(600)


def test_the_page_is_what_the_rows_give():
    found = {name: study.document() for name, study in studies.STUDIES.items()}
    assert studies.PAGE.read_text(encoding="utf-8") == studies.page(found)


def test_the_four_phases_are_there_and_keep_their_labels():
    found = studies.STUDIES["phases"].document()
    assert found["runs"] == 12 * 12 * 4
    assert found["grokdef/1 passes"]
    assert found["liu2022 passes"]
