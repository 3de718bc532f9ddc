"""`grokscope sweep` and `grokscope worker`: from a command to runs, again and further."""

import json
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Grokscope = Callable[..., Any]

TINY = ("--p", "7", "--set", "d_model=8", "d_hidden=8", "--steps", "40")
AXES = ("--x", "weight_decay=log:0.1:1:2", "--y", "train_fraction=0.4,0.6")
WORDS = ("sweep", "quick-mlp", *AXES, "--seeds", 2, *TINY, "--cohort", 2, "--threads", 1)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A folder with one finished sweep that nobody changes."""
    from grokscope.cli.main import main

    root = tmp_path_factory.mktemp("sweeps")
    assert main([str(word) for word in (*WORDS, "--name", "tiny", "--out", root)]) == 0
    return root


def test_a_sweep_says_what_it_costs_trains_and_counts(grokscope: Grokscope, tmp_path: Path):
    said = grokscope(*WORDS, "--out", tmp_path, "--json")
    assert said.code == 0
    assert (said.json["runs"], said.json["done"], said.json["failed"]) == (8, 8, {})
    assert sum(said.json["labels"].values()) == 8
    lines = said.err.splitlines()
    assert "8 runs added" in lines[0]
    assert lines[1].startswith("8 runs in 4 cohorts of 2 shapes: about ")
    assert sum("2 networks in" in line for line in lines) == 4
    assert Path(said.json["sweep"]).name.startswith("quick-mlp-weight_decay-train_fraction-")


def test_the_same_again_says_that_all_is_done(grokscope: Grokscope, finished: Path):
    said = grokscope(*WORDS, "--name", "tiny", "--out", finished)
    assert said.code == 0
    assert "8 of 8 runs are done" in said.err
    assert "networks in" not in said.err
    assert said.out.splitlines()[0].split() == ["label", "runs"]


def test_the_query_that_is_suggested_has_the_axes(grokscope: Grokscope, finished: Path):
    said = grokscope(*WORDS, "--name", "tiny", "--out", finished)
    words = shlex.split(said.err.splitlines()[-1].strip())
    assert words[:2] == ["grokscope", "query"]
    rows = grokscope(*words[1:], "--json").json
    assert len(rows) == 8
    found = {(row["optimizer_weight_decay"], row["task_train_fraction"]) for row in rows}
    assert found == {(a, b) for a in (0.1, 1.0) for b in (0.4, 0.6)}


def test_more_seeds_extend_it(grokscope: Grokscope, finished: Path, tmp_path: Path):
    shutil.copytree(finished / "tiny", tmp_path / "tiny")
    words = [3 if word == 2 else word for word in WORDS]
    said = grokscope(*words, "--name", "tiny", "--out", tmp_path, "--json")
    assert (said.json["runs"], said.json["done"]) == (12, 12)
    assert "8 of 12 runs are done, 4 runs added" in said.err


def test_a_dry_run_makes_nothing(grokscope: Grokscope, tmp_path: Path, finished: Path):
    said = grokscope(*WORDS, "--out", tmp_path / "new", "--dry-run", "--json")
    assert said.code == 0
    assert (said.json["points"], said.json["runs"], len(said.json["cohorts"])) == (4, 8, 4)
    assert "nothing was trained" in said.err
    assert not (tmp_path / "new").exists()
    known = grokscope(*WORDS, "--out", finished, "--name", "tiny", "--dry-run", "--json")
    assert (known.json["runs"], known.json["known"]) == (0, 8)


def test_a_worker_goes_on_with_what_is_left(grokscope: Grokscope, finished: Path, tmp_path: Path):
    shutil.copytree(finished / "tiny", tmp_path / "tiny")
    gone = next((tmp_path / "tiny" / "runs").iterdir())
    shutil.rmtree(gone)
    from grokscope.sweep import find_sweep
    from grokscope.sweep.start import mend

    assert mend(find_sweep("tiny", tmp_path)) == 2
    said = grokscope("worker", "tiny", "--out", tmp_path, "--json")
    assert said.code == 0
    assert said.json["trained"] == [gone.name]
    assert said.json["done"] == 8
    assert "1 cohort trained here; 8 of 8 runs are done" in said.err


def test_a_plan_in_a_file(grokscope: Grokscope, tmp_path: Path):
    path = tmp_path / "plan.toml"
    path.write_text(
        'recipe = "quick-mlp"\nname = "from-file"\n'
        "[settings]\np = 7\nd_model = 8\nd_hidden = 8\nsteps = 40\n"
        '[axes]\nlr = "log:1e-3:1e-2:2"\n'
    )
    said = grokscope("sweep", path, "--out", tmp_path, "--threads", 1, "--json")
    assert (said.code, said.json["done"]) == (0, 2)
    said = grokscope("sweep", path, "--seeds", 3, "--out", tmp_path)
    assert said.code == 2
    assert "is written in it: leave the other settings out" in said.complaint


def test_finished_runs_are_copied(grokscope: Grokscope, finished: Path, tmp_path: Path):
    url = f"file://{tmp_path}/copy"
    shutil.copytree(finished / "tiny", tmp_path / "sweeps" / "tiny")
    words = (*WORDS, "--name", "tiny", "--out", tmp_path / "sweeps", "--mirror", url)
    shutil.rmtree(next((tmp_path / "sweeps" / "tiny" / "runs").iterdir()))
    assert grokscope(*words).code == 0
    copies = list((tmp_path / "copy" / "tiny" / "runs").iterdir())
    assert len(copies) == 4
    assert all((copy / "MANIFEST.json").exists() for copy in copies)
    (copies[0] / "MANIFEST.json").unlink()  # as if the copy had broken off
    assert grokscope(*words).code == 0
    assert (copies[0] / "MANIFEST.json").exists()


def test_what_fits_in_no_memory_ends_with_its_own_code(grokscope, finished, tmp_path, monkeypatch):
    from grokscope.core.errors import MemoryExceededError
    from grokscope.sweep import worker

    shutil.copytree(finished / "tiny", tmp_path / "tiny")
    shutil.rmtree(next((tmp_path / "tiny" / "runs").iterdir()))

    def too_large(*_):
        raise MemoryExceededError("not even one")

    monkeypatch.setattr(worker, "resume_run", too_large)
    said = grokscope(*WORDS, "--name", "tiny", "--out", tmp_path)
    assert said.code == 5
    assert "2 cohorts failed" in said.complaint
    assert "not even one" in said.complaint


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("quick-mlp",), "A sweep needs an axis, such as `--x weight_decay=log:1e-3:10:12`."),
        (("quik-mlp", "--x", "lr=1,2"), "There is no recipe `quik-mlp`. Did you mean `quick-mlp`?"),
        (("quick-mlp", "--x", "weight-dekay=1,2"), "There is no setting `weight-dekay`. Did you"),
        (("quick-mlp", "--x", "weight_decay"), "'weight_decay' must be NAME=VALUE"),
        (("quick-mlp", "--x", "weight_decay=log:1e-3:10:1"), "must be of at least two points"),
        (("quick-mlp", "--x", "weight_decay=1:2"), "must be a range with a number of points"),
        (("quick-mlp", "--x", "lr=1,2", "--y", "lr=3,4"), "`axes` must be of different settings"),
        (("quick-mlp", "--x", "lr=1,2", "--y", "optimizer.lr=3,4"), "of different settings"),
        (("quick-mlp", "--x", "lr=1,2", "--seeds", "0"), "`seeds` must be at least 1, got 0."),
        (("quick-mlp", "--x", "lr=1,2", "--cohort", "0"), "`cohort` must be at least 1, got 0."),
        (("quick-mlp", "--x", "lr=1,2", "--workers", "0"), "`workers` must be at least 1, got 0."),
        (("quick-mlp", "--x", "lr=1,2", "--threads", "0"), "`threads` must be at least 1, got 0."),
        (("quick-mlp", "--x", "lr=-1,2"), "`lr` must be at least 0, got -1.0."),
        (("quick-mlp", "--x", "lr=1,2", "--pp", "7"), "There is no setting `pp`."),
        (("quick-mlp", "--x", "lr=1,2", "--sedes", "7"), "Did you mean `--seeds`?"),
        (("quick-mlp", "--x", "lr=1,2", "--set", "p"), "'p' must be NAME=VALUE"),
        (("quick-mlp", "--x", "lr=1,2", "--design", "latin"), "`samples` must be at least 1"),
        (("quick-mlp", "--x", "lr=1,2", "--samples", "4"), "`samples` must be left out with a"),
        (("quick-mlp", "--x", "lr=1,2", "--address", "auto"), "add `--engine ray`"),
        (("quick-mlp", "--x", "lr=1,2", "--batch-size", "99999"), "`batch_size` must be"),
        (("quick-mlp", "--x", "lr=1,2", "--name", "a/b"), "`name` must be a plain folder name"),
        (("quick-mlp", "--x", "lr=1,2", "--mirror", "no://where"), "`mirror` must be a URL"),
        (
            ("quick-mlp", "--x", "lr=1,2", "--engine", "ray", "--address", "127.0.0.1:1"),
            "No Ray cluster answers at 127.0.0.1:1: Connection refused.",
        ),
        (
            ("quick-mlp", "--x", "lr=1,2", "--engine", "process", "--workers", "2"),
            "leave `--workers` out, or `--engine pool`",
        ),
        (
            ("quick-mlp", "--x", "lr=1,2", "--lr", "3"),
            "`lr` is an axis: it cannot be set for all runs, too.",
        ),
        (
            ("quick-mlp", "--x", "lr=1,2", "--engine", "ray", "--address", "banana"),
            "`address` must be HOST:PORT, ray://HOST:PORT or auto, got 'banana'.",
        ),
        (("no-such-plan.toml",), "no-such-plan.toml: No such file or directory."),
    ],
)
def test_what_cannot_be_swept_gets_one_line_and_makes_nothing(
    grokscope: Grokscope, tmp_path: Path, monkeypatch, words, said
):
    monkeypatch.chdir(tmp_path)
    answer = grokscope("sweep", *words)
    assert answer.code == 2
    assert said in answer.err
    assert len(answer.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_what_was_fixed_when_it_was_made_stays(grokscope: Grokscope, finished: Path):
    words = [7 if word == 1 else word for word in WORDS]
    said = grokscope(*words, "--name", "tiny", "--out", finished)
    assert said.code == 2
    assert "`threads` was fixed when" in said.complaint
    said = grokscope(*WORDS, "--name", "tiny", "--out", finished, "--ledger", "files")
    assert "`ledger` was fixed when" in said.complaint


def test_an_unfinished_sweep_says_so(grokscope: Grokscope, finished: Path, tmp_path: Path):
    shutil.copytree(finished / "tiny", tmp_path / "tiny")
    shutil.rmtree(next((tmp_path / "tiny" / "runs").iterdir()))
    said = grokscope("phases", "tiny", "--out", tmp_path)
    assert "the sweep is not finished: 2 runs left" in said.err
    said = grokscope("worker", "tiny", "--out", tmp_path)
    assert "2 runs failed or are gone: the command that made the sweep does them" in said.err
    said = grokscope("phases", "tiny", "--out", tmp_path, "--x", "seed")
    assert (said.code, "seeds are what a cell repeats" in said.complaint) == (2, True)


def test_a_signal_before_the_training_is_resumable(grokscope, tmp_path, monkeypatch):
    from grokscope.cli import sweep as command

    made = command.begin

    def slow(*arguments, **options):
        os.kill(os.getpid(), signal.SIGINT)
        return made(*arguments, **options)

    monkeypatch.setattr(command, "begin", slow)
    said = grokscope(*WORDS, "--out", tmp_path)
    assert said.code == 75
    assert "Go on with the same command" in said.complaint


def test_an_engine_that_is_not_installed_names_its_command(grokscope, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "ray", None)
    said = grokscope("sweep", "quick-mlp", "--x", "lr=1,2", "--engine", "ray")
    assert (said.code, "pip install 'grokscope[ray]'" in said.complaint) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_a_worker_of_no_sweep_gets_one_line(grokscope: Grokscope, tmp_path: Path, finished: Path):
    said = grokscope("worker", "tinny", "--out", finished)
    assert said.code == 2
    assert "There is no sweep 'tinny'" in said.complaint
    assert "there are tiny" in said.complaint
    assert "there are none" in grokscope("worker", "x", "--out", tmp_path).complaint


def test_a_failed_cohort_is_said_with_its_reason(grokscope, finished, tmp_path, monkeypatch):
    from grokscope.core.errors import GrokscopeError
    from grokscope.sweep import worker

    shutil.copytree(finished / "tiny", tmp_path / "tiny")
    gone = next((tmp_path / "tiny" / "runs").iterdir())
    shutil.rmtree(gone)

    def broken(*_):
        raise GrokscopeError("no luck")

    monkeypatch.setattr(worker, "resume_run", broken)
    said = grokscope(*WORDS, "--name", "tiny", "--out", tmp_path, "--json")
    assert said.code == 1
    assert said.complaint == f"grokscope: 1 cohort failed; {gone.name}: no luck"
    assert json.loads(said.out)["failed"] == {gone.name: "no luck"}


def test_help_names_the_axes_and_the_engines(grokscope: Grokscope):
    said = grokscope("sweep", "--help")
    assert said.code == 0
    for word in ("--x", "--axis", "--engine", "--workers", "--dry-run", "log:low:high:points"):
        assert word in said.out
    assert "worker" in grokscope("--help").out
