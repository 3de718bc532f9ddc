"""Stopping and going on: Ctrl-C, kill, a full disk."""

import hashlib
import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

TRAINING = ("--steps", "500", "--seeds", "2", "--d-model", "16", "--p", "7")


def final_weights(runs: Path) -> str:
    (run,) = runs.glob("2*")
    last = sorted(run.glob("checkpoints/*/model.safetensors"))[-1]
    return hashlib.sha256(last.read_bytes()).hexdigest()


def wait_for_step(process: subprocess.Popen[str], runs: Path, step: int) -> None:
    """Until a checkpoint of that step or a later one is there."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        found = [int(p.name[5:13]) for p in runs.glob("2*/checkpoints/step-*")]
        if max(found, default=-1) >= step:
            return
        time.sleep(0.01)
    raise AssertionError(f"step {step} was not seen: {process.communicate()}")


@pytest.mark.slow
def test_interrupted_or_killed_a_run_goes_on_to_the_same_weights(start, spawn, tmp_path):
    words = ("run", "quick", *TRAINING, "--json")
    whole = spawn(words, tmp_path)
    assert whole.code == 0, whole.err
    expected = final_weights(tmp_path / "runs")

    stopped = tmp_path / "stopped"
    stopped.mkdir()
    process = start(words, stopped)
    wait_for_step(process, stopped / "runs", 30)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (75, "")
    (run,) = (stopped / "runs").glob("2*")
    assert json.loads((run / "status.json").read_bytes())["state"] == "interrupted"
    line = err.strip().splitlines()[-1]
    assert line.startswith("grokscope: Stopped at step ")
    assert line.endswith(f"Go on with `grokscope run --resume {run.name}`.")

    process = start(("run", "--resume", run.name), stopped)
    wait_for_step(process, stopped / "runs", 100)
    process.kill()
    process.communicate()
    resumed = spawn((*words, "--resume", "last"), stopped)
    assert resumed.code == 0, resumed.err
    assert resumed.json["state"] == "finished"
    assert final_weights(stopped / "runs") == expected


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("run quick --resume last --p 11", "`task.p` is 7 in that run and cannot be changed"),
        ("run quick --resume last --seeds 3", "`--seeds` is 2 in that run and cannot be changed"),
        ("run nanda2023 --resume last", "That is a run of `quick`, not of `nanda2023`."),
        ("demo --resume last", "That is a run of `quick`, not of `demo`."),
        ("run --resume nope", "no run 'nope'"),
    ],
)
def test_what_a_run_is_cannot_be_changed_on_resume(grokscope, finished, words, complaint):
    said = grokscope(*words.split(), "--out", finished)
    assert said.code == 2
    assert said.err.startswith(f"grokscope: {complaint}")


def test_resuming_a_finished_run_shows_it_again(grokscope, finished, stub_report):
    said = grokscope("run", "quick", "--resume", "last", "--p", "7", "--out", finished, "--json")
    assert said.code == 0
    assert "has already finished" in said.err
    assert len(said.json["runs"]) == 2


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system of two megabytes; skips where none can be made."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError:
        pytest.skip("no mount command")
    if done.returncode:
        pytest.skip("mounting is not permitted")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_one_line_and_what_is_there_stays_sound(grokscope, small_disk, tiny):
    out = small_disk / "runs"
    words = ("run", "quick", "--p", 7, "--d-model", 64, "--steps", 300, "--out", out)
    said = grokscope(*words)
    assert said.code == 6
    assert said.complaint.startswith("grokscope: cannot write ")
    assert said.complaint.endswith("disk is full")
    assert grokscope("verify", "--out", out, "--json").json["ok"] is True
    assert grokscope("list", "runs", "--out", out, "--json").json[0]["state"] == "failed"

    with suppress(OSError):  # it fills the disk
        (small_disk / "filler").write_bytes(os.urandom(4_000_000))
    said = grokscope("run", "quick", *tiny, "--steps", 5, "--out", small_disk / "second")
    assert said.code == 6
    assert [path.name for path in (small_disk / "second").glob("*")] == []


def test_a_second_ctrl_c_stops_at_once_with_130(grokscope, monkeypatch, finished):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("grokscope.cli.listing.find_runs", interrupt)
    said = grokscope("list", "runs", "--out", finished)
    assert said.code == 130
    assert said.err.startswith("grokscope: stopped at once")
