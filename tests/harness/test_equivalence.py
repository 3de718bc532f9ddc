"""Equivalence of grokked steps: what counts as equivalent, and that it runs."""

import json
import sys
from pathlib import Path

import pytest
from benchmarks import equivalence
from benchmarks.equivalence import SUBJECTS, Subject, compare, grokked_steps

from grokscope.core.seeds import EVALUATION_SEEDS
from grokscope.engine import AdamW
from grokscope.models import EmbeddingMLP
from grokscope.tasks import ModularArithmetic

SMALL = Subject(
    task=ModularArithmetic(p=31, train_fraction=0.8),
    model=EmbeddingMLP(d_model=48, d_hidden=64),
    optimizer=AdamW(lr=1e-2),
    steps=400,
)
"""Groks after some 200 steps."""


def test_equal_steps_are_equivalent_and_steps_a_fifth_apart_are_not():
    steps: equivalence.Steps = [100, 200, 300, None]
    found = compare(steps, steps)
    assert found["ratio"] == 1.0
    assert found["equivalent"] is True
    assert found["pairs"] == 3
    assert found["only_one_grokked"] == 0
    later: equivalence.Steps = [120, 240, 360, 400]
    apart = compare(later, steps)
    assert apart["ratio"] == 1.2
    assert apart["equivalent"] is False
    assert apart["only_one_grokked"] == 1


def test_a_mean_ratio_near_one_is_not_enough_where_the_spread_is_wide():
    found = compare([100, 400, 100, 400], [200, 200, 200, 200])
    assert found["ratio"] == 1.0
    assert found["equivalent"] is False


def test_the_spread_is_that_of_a_sample():
    found = compare([200, 800], [200, 200])
    assert found["ratio"] == 2.0
    assert found["spread_of_log_ratio"] == pytest.approx(0.9803, abs=1e-4)  # log 4 / √2


@pytest.mark.parametrize(
    ("ours", "theirs", "n_pairs"),
    [([None, 100], [100, None], 0), ([100, 200, None], [100, None, 100], 1)],
)
def test_without_two_pairs_nothing_is_claimed(
    ours: equivalence.Steps, theirs: equivalence.Steps, n_pairs: int
):
    line = f"at least 2 networks must grok both times, got {n_pairs} of {len(ours)}"
    with pytest.raises(SystemExit, match=line):
        compare(ours, theirs)


def test_its_networks_grok_within_their_steps():
    subject = SUBJECTS["mlp"]
    steps = grokked_steps(subject, list(EVALUATION_SEEDS)[:2], "full")
    assert all(step is not None and 100 < step <= subject.steps for step in steps)


def test_steps_are_kept_and_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(SUBJECTS, "mlp", SMALL)
    kept = tmp_path / "before.json"
    for words in (["--save", str(kept)], ["--against", str(kept)]):
        monkeypatch.setattr(sys, "argv", ["equivalence", "--seeds", "2", *words])
        equivalence.main()
    steps = json.loads(kept.read_text(encoding="utf-8"))
    assert all(100 < step < SMALL.steps for step in steps)
    found = json.loads(capsys.readouterr().out)
    assert found["pairs"] == len(steps) == 2
    assert found["ratio"] == 1.0
    assert found["spread_of_log_ratio"] == 0.0
    assert found["equivalent"] is True


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seeds", "0"], "argument --seeds: must be a whole number of at least 2, got 0"),
        (["--seeds", "1"], "argument --seeds: must be a whole number of at least 2, got 1"),
        (["--against", "/nowhere.json"], "argument --against: cannot be read"),
        (["--seeds", "3", "--against", "two.json"], "--against: it holds 2 networks, not 3"),
    ],
)
def test_bad_arguments_get_one_line_before_anything_is_trained(
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(tmp_path)
    Path("two.json").write_text("[100, null]", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["equivalence", *words])
    with pytest.raises(SystemExit) as left:
        equivalence.main()
    assert left.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
