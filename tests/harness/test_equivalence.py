"""Equivalence of grokked steps: what counts as equivalent, and that it runs."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks import equivalence
from benchmarks.equivalence import SUBJECTS, compare, grokked_steps


def test_equal_steps_are_equivalent_and_steps_a_fifth_apart_are_not():
    steps: equivalence.Steps = [100, 200, 300, None]
    found = compare(steps, steps)
    assert found["ratio"] == 1.0 and found["equivalent"] is True
    assert found["pairs"] == 3 and found["only_one_grokked"] == 0
    later: equivalence.Steps = [120, 240, 360, 400]
    apart = compare(later, steps)
    assert apart["ratio"] == 1.2 and apart["equivalent"] is False
    assert apart["only_one_grokked"] == 1


def test_a_mean_ratio_near_one_is_not_enough_where_the_spread_is_wide():
    found = compare([100, 400, 100, 400], [200, 200, 200, 200])
    assert found["ratio"] == 1.0
    assert found["equivalent"] is False


def test_without_a_pair_nothing_is_claimed():
    with pytest.raises(SystemExit, match="no network grokked both times"):
        compare([None, 100], [100, None])


def test_a_subject_groks_where_its_curves_say_so():
    quick = replace(SUBJECTS["mlp"], steps=1200)
    steps = grokked_steps(quick, [10_000, 10_001], "full")
    assert all(step is not None and 100 < step <= 1200 for step in steps)


def test_steps_are_kept_and_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(equivalence, "grokked_steps", lambda *_: [100, 300])
    kept = tmp_path / "before.json"
    for words in (["--save", str(kept)], ["--against", str(kept)]):
        monkeypatch.setattr(sys, "argv", ["equivalence", "--seeds", "2", *words])
        equivalence.main()
    assert json.loads(capsys.readouterr().out)["equivalent"] is True
