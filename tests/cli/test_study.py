"""`grokscope study`: what is left, how long it takes, answers; one line for what is not meant."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grokscope.recipes.olmoe_mini import form as forms
from grokscope.recipes.olmoe_mini.study import Study
from recipes.olmoe_mini.planted import record
from recipes.olmoe_mini.small_form import TINY

Grokscope = Callable[..., Any]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("olmo-mini",), "grokscope: There is no study 'olmo-mini'. There is olmoe-mini."),
        (("--form", "tpu"), "grokscope: `form` must be one of cpu, gpu, got 'tpu'."),
        (("--workers", "0"), "grokscope: `workers` must be at least 1, got 0."),
    ],
)
def test_what_cannot_be_meant_gets_one_line_and_makes_nothing(
    grokscope: Grokscope, tmp_path: Path, words: tuple[str, ...], complaint: str
):
    said = grokscope("study", *words, "--out", tmp_path / "studies")
    assert (said.code, said.complaint) == (2, complaint)
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_says_what_is_left_and_runs_nothing(grokscope: Grokscope, tmp_path: Path):
    said = grokscope("study", "--dry-run", "--workers", 2, "--out", tmp_path / "studies")
    assert said.code == 0
    assert "olmoe-mini-cpu: 0 runs done, 6 left, about 30 min" in said.err
    assert "nothing was run (--dry-run)" in said.err
    assert list(tmp_path.iterdir()) == []


def test_a_finished_study_is_answered_and_not_run_again(
    grokscope: Grokscope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Study, "left", lambda own: [])
    monkeypatch.setattr(Study, "records", lambda own: [record(seed) for seed in (1, 2, 3)])
    said = grokscope("study", "--out", tmp_path)
    assert said.code == 0
    rows = {tuple(line.split()[:2]): line for line in said.out.splitlines()}
    assert " yes " in rows["delayed", "code"]
    assert " yes " in rows["changes", "distance_normalized"]
    document = grokscope("study", "--out", tmp_path, "--json").json
    assert document["form"] == "cpu"
    found = {(one["question"], one["about"]): one for one in document["answers"]}
    assert found["delayed", "code"]["estimate"]["low"] > 1


@pytest.mark.slow
def test_a_tiny_study_runs_from_the_command_line(
    grokscope: Grokscope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(forms.FORMS, "cpu", TINY)
    said = grokscope("study", "--workers", 2, "--out", tmp_path)
    assert said.code == 0, said.err
    assert said.err.count(": done") == len(TINY.runs)
    assert "delayed" in said.out
    runs = grokscope("list", "runs", "--out", tmp_path / "olmoe-mini-cpu", "--json").json
    assert len(runs) == len(TINY.runs)
