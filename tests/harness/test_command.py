"""`python -m benchmarks`: one line for bad arguments, JSON for programs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from benchmarks.arguments import parse

ROOT = Path(__file__).resolve().parents[2]

BAD = {
    "--repeats 1": "argument --repeats: must be a whole number of at least 2, got 1",
    "--repeats two": "argument --repeats: must be a whole number of at least 2, got two",
    "--case nanda": "argument --case: invalid choice: 'nanda'",
    "--contestants jax": "argument --contestants: invalid choice: 'jax'",
    "--device tpu": "argument --device: invalid choice: 'tpu'",
    "--growth --append": "--append goes with the cases, not with --growth or --draw",
}


@pytest.mark.parametrize("words", BAD)
def test_a_bad_argument_gets_one_line_and_exit_code_2(
    words: str, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as left:
        parse(words.split())
    assert left.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert BAD[words] in line


def test_cuda_is_refused_where_there_is_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit) as left:
        parse(["--device", "cuda"])
    assert left.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--device cuda: torch finds no CUDA device here" in line


def test_contestants_beside_the_three_can_be_chosen_or_left_out():
    assert parse([]).contestants == ["compiled", "vmap"]
    assert parse(["--contestants", "vmap"]).contestants == ["vmap"]
    assert parse(["--contestants"]).contestants == []


@pytest.mark.slow
def test_a_small_run_gives_a_json_list_of_cases():
    words = "-m benchmarks --case mlp --repeats 2 --threads 1 --contestants vmap --json"
    process = subprocess.run(
        [sys.executable, *words.split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    (found,) = json.loads(process.stdout)
    times = [found[f"{name}_ms"] for name in ("floor", "ours", "textbook", "vmap", "roofline")]
    assert all(value > 0 for value in times)
    assert found["case"] == "mlp"
    assert found["machine"]["threads"] == 1
    assert found["repeats"] >= 2
