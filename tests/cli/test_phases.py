"""`grokscope phases`: text for people, JSON for scripts, a clear line for what cannot be meant."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweep.trained import trained_sweep

Grokscope = Callable[..., Any]


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished sweep, and one that has not begun."""
    root = tmp_path_factory.mktemp("sweeps")
    trained_sweep(root)
    trained_sweep(root, "waiting", train=False)
    return root


def test_the_diagram_is_text_with_a_legend_and_a_table(grokscope: Grokscope, sweeps: Path):
    said = grokscope("phases", "tiny", "--out", sweeps)
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0] == "train fraction ↑"
    assert lines[1].split()[0] == "0.7"
    assert len(lines[1].split()) == 4
    assert lines[3].strip() == "weight decay → 0.01 to 1"
    header = next(line for line in lines if line.startswith("phase "))
    assert header.split() == ["phase", "cells", "stable", "mixed", "runs"]
    rows = lines[lines.index(header) + 1 :]
    assert sum(int(row.split()[-1]) for row in rows if "no majority" not in row) == 12
    assert sum(int(row.split()[-4]) for row in rows) == 6
    assert f"written: {sweeps / 'tiny' / 'report.html'}" in said.err


def test_json_has_every_cell(grokscope: Grokscope, sweeps: Path):
    said = grokscope("phases", "tiny", "--json", "--out", sweeps, "--rule", "liu2022")
    assert said.json["x"]["name"] == "optimizer.weight_decay"
    assert len(said.json["cells"]) == 6
    assert sum(cell["runs"] for cell in said.json["cells"]) == 12
    assert list(said.json["phases"]) == ["liu2022"]
    assert Path(said.json["report"]).is_file()


def test_axes_and_fixed_settings_are_chosen(grokscope: Grokscope, sweeps: Path):
    words = ("phases", "tiny", "--json", "--out", sweeps)
    turned = grokscope(*words, "--x", "train_fraction", "--y", "weight-decay").json
    assert (len(turned["x"]["levels"]), len(turned["y"]["levels"])) == (2, 3)
    one = grokscope(*words, "--where", "train_fraction=0.5").json
    assert one["y"] is None
    assert one["fixed"] == {"task.train_fraction": 0.5}
    pooled = grokscope("phases", "tiny", "--out", sweeps, "--x", "weight_decay")
    assert "Each cell pools runs that differ in train fraction (2 values)" in pooled.err


def test_a_file_gets_the_page_or_the_data(grokscope: Grokscope, sweeps: Path, tmp_path: Path):
    page, data = tmp_path / "page.html", tmp_path / "new" / "cells.json"
    assert grokscope("phases", "tiny", "-o", page, "--out", sweeps).code == 0
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert grokscope("phases", "tiny", "-o", data, "--out", sweeps).code == 0
    stored = json.loads(data.read_text(encoding="utf-8"))
    assert len(stored["cells"]) == 6
    assert list(stored["phases"]) == ["grokdef/1", "liu2022"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--x", "weight_decoy"), "Did you mean `optimizer.weight_decay`"),
        (("--x", "lr"), "`optimizer.lr` does not vary in this sweep"),
        (("--x", "lr", "--y", "lr"), "cannot be both axes"),
        (("--where", "lr"), "`where` must be NAME=VALUE"),
        (("--where", "train_fraction=0.9"), "No finished run has `task.train_fraction` 0.9"),
        (("--rule", "mine"), "`rule` must be one of grokdef/1, liu2022, got 'mine'."),
        (("-o", "picture.png"), "must end in .html or .json."),
    ],
)
def test_what_cannot_be_meant_is_one_clear_line(
    grokscope: Grokscope, sweeps: Path, words: tuple[str, ...], complaint: str
):
    said = grokscope("phases", "tiny", *words, "--out", sweeps)
    assert (said.code, said.out) == (2, "")
    assert len(said.err.strip().splitlines()) == 1
    assert complaint in said.err


def test_a_sweep_that_is_not_there_or_has_nothing_yet(grokscope: Grokscope, sweeps: Path):
    assert "There is no sweep 'nothing'" in grokscope("phases", "nothing", "--out", sweeps).err
    said = grokscope("phases", "waiting", "--out", sweeps)
    assert (said.code, said.complaint) == (2, "grokscope: `waiting` has no finished run yet.")
    assert not (sweeps / "waiting" / "report.html").exists()
