"""What is written comes back; names and values of every odd kind included."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from grokscope.core.errors import DiskError, SettingError, UsageError, VerificationError
from grokscope.store import RunDirectory, environment, find_runs, naming
from grokscope.store import run as run_module


def test_a_new_run_has_its_documents_and_passes_verification(tmp_path):
    config = {"task": {"p": 113, "operations": ("add", "divide")}, "optim": {"lr": 1e-3}}
    run = RunDirectory.create(tmp_path / "runs", "quick", config)
    assert run.config == {
        "task": {"p": 113, "operations": ["add", "divide"]},
        "optim": {"lr": 1e-3},
    }
    assert run.status["state"] == "created"
    assert run.status["recipe"] == "quick"
    assert (run.summary, run.events, run.splits(), run.curves(), run.progress()) == (
        [],
        [],
        {},
        {},
        {},
    )
    assert run.checkpoints() == []
    assert run.load_resume_point() is None
    assert run.verify() == []


def test_every_document_carries_the_schema_version(run):
    for name in ("env.json", "status.json", "summary.json", "MANIFEST.json"):
        assert json.loads((run.path / name).read_text())["schema_version"] == 1
    assert (run.path / "config.toml").read_text().startswith("schema_version = 1\n")
    assert json.loads((run.path / "events.jsonl").read_text())["schema_version"] == 1


def test_last_points_to_the_newest_run(tmp_path):
    for recipe in ("first", "second"):
        run = RunDirectory.create(tmp_path, recipe, {})
        assert RunDirectory.open(tmp_path / "last").id == run.id
        assert RunDirectory.open(tmp_path / "last").path == run.path.resolve()


def test_a_file_system_without_links_still_takes_runs(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "symlink", refuse)
    RunDirectory.create(tmp_path, "quick", {})
    assert len(find_runs(tmp_path)) == 1
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("recipe", "readable"),
    [
        ("nanda", "nanda"),
        ("../../etc/passwd", "etc-passwd"),
        ("größe 113 ×", "größe-113"),
        ("", "run"),
        ("///", "run"),
        ("a\x00b\nc\x1b[31m", "a-b-c-31m"),
        ("x" * 300, "x" * 40),
        ("群論", "群論"),
    ],
)
def test_any_recipe_name_becomes_a_readable_directory(tmp_path, recipe, readable):
    assert naming.readable_name(recipe) == readable
    run = RunDirectory.create(tmp_path, recipe, {})
    assert run.path.parent == tmp_path
    assert run.status["recipe"] == recipe


@pytest.mark.parametrize(
    "folder", ["a[b]c", "st*r?", 'quo\'te "x"', "back\\slash", "ü\nn", "metrics"]
)
def test_folders_of_any_name_can_hold_runs(tmp_path, make, folder):
    run = make.build_run(tmp_path / folder / "runs")
    assert run.verify() == []
    assert run.curves()["step"].tolist() == [0, 10] * 3


def test_a_setting_that_toml_cannot_hold_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(SettingError, match=r"`task\.data_seed` must be something TOML can hold"):
        RunDirectory.create(tmp_path / "runs", "quick", {"task": {"data_seed": None}})
    assert not (tmp_path / "runs").exists()


def test_opening_something_else_names_what_is_missing(tmp_path):
    with pytest.raises(UsageError, match=r"is not a grokscope run: no config\.toml"):
        RunDirectory.open(tmp_path)


def test_a_run_of_a_newer_grokscope_is_refused_with_both_versions(run):
    path = run.path / "config.toml"
    path.write_text(path.read_text().replace("schema_version = 1", "schema_version = 2"))
    with pytest.raises(UsageError, match=r"schema version 2, but .* up to 1"):
        RunDirectory.open(run.path)


def test_status_fields_are_merged(run):
    run.update_status(state="running", networks=3)
    run.update_status(state="done", loss=float("nan"))
    status = run.status
    assert (status["state"], status["networks"], status["recipe"]) == ("done", 3, "quick")
    assert status["loss"] is None


def test_a_summary_with_numpy_values_and_nan_is_standard_json(run):
    run.write_summary(
        [{"index": np.int64(3), "loss": np.float32("nan"), "w": np.arange(2), "t": (1, 2)}]
    )
    text = (run.path / "summary.json").read_text()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert run.summary == [{"index": 3, "loss": None, "w": [0, 1], "t": [1, 2]}]


def test_events_are_appended_in_order(run):
    run.append_events([{"event": "grokked", "text": "ü\n\u2028"}, {"event": "b"}])
    run.append_events([])
    run.append_events([{"event": "c"}])
    assert [event["event"] for event in run.events] == ["started", "grokked", "b", "c"]
    assert run.events[1]["text"] == "ü\n\u2028"


def test_an_unfinished_event_is_ignored_and_then_overwritten(run):
    with (run.path / "events.jsonl").open("ab") as stream:
        stream.write(b'{"event": "torn' + b" and longer than the next" * 9)
    assert [event["event"] for event in run.events] == ["started"]
    assert [problem.leftover for problem in run.verify()] == [True]
    run.append_events([{"event": "next"}])
    assert [event["event"] for event in run.events] == ["started", "next"]
    assert run.verify() == []


def test_splits_of_every_integer_type_come_back(run):
    tensors = {
        "a": torch.arange(5),
        "b": torch.tensor([True, False]),
        "c": torch.zeros(0, dtype=torch.uint8),
    }
    run.write_splits(tensors)
    loaded = run.splits()
    assert loaded.keys() == tensors.keys()
    assert all(loaded[k].dtype == tensors[k].dtype and loaded[k].equal(tensors[k]) for k in tensors)


def test_a_second_writer_is_told_who_the_first_is(run):
    with run.locked(), pytest.raises(UsageError, match=f"by process {os.getpid()}"), run.locked():
        pytest.fail("two writers")
    with run.locked():
        pass


def test_the_lock_ends_with_its_process(run):
    program = (
        "import sys, time; from pathlib import Path\n"
        "from grokscope.store.lock import hold_lock\n"
        "with hold_lock(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(run.path)], stdout=subprocess.PIPE
    )
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(UsageError, match=f"by process {holder.pid}"), run.locked():
        pytest.fail("two writers")
    holder.kill()
    holder.wait()
    holder.stdout.close()
    with run.locked():
        pass


def test_a_read_only_folder_is_named(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(DiskError, match=r"^cannot write .*runs: the file system is read-only$"):
        RunDirectory.create(tmp_path / "runs", "quick", {})


def test_old_remains_of_killed_creations_go_and_young_ones_stay(tmp_path):
    old, young = tmp_path / ".tmp-1-old", tmp_path / ".tmp-2-young"
    for folder in (old, young):
        folder.mkdir()
        (folder / "config.toml").touch()
    os.utime(old, (time.time() - 1e6,) * 2)
    RunDirectory.create(tmp_path, "quick", {})
    assert (old.exists(), young.exists()) == (False, True)
    assert len(find_runs(tmp_path)) == 1


def test_a_damaged_document_is_named(run):
    (run.path / "status.json").write_text("[1, 2]")
    with pytest.raises(VerificationError, match=r"status\.json: not a JSON object"):
        _ = run.status
    (run.path / "status.json").write_text("[" * 100_000)
    with pytest.raises(VerificationError, match=r"status\.json: not valid JSON"):
        _ = run.status


def test_the_environment_names_versions_and_no_host(tmp_path, monkeypatch):
    monkeypatch.setattr(run_module, "describe_environment", environment.describe_environment)
    env = RunDirectory.create(tmp_path, "quick", {}).env
    # a build's own suffix, such as +cu130, need not be in what pip knows
    assert torch.__version__.startswith(env["versions"]["torch"])
    assert env["torch"]["build"].split()[0] in ("CPU", "CUDA")
    assert env["cpu"]["count"] == os.cpu_count()
    assert os.uname().nodename not in json.dumps(env["cpu"]) + json.dumps(env["platform"])


def test_an_explanation_is_listed_and_a_changed_one_is_refused(run):
    assert run.explanation == {}
    run.write_explanation({"explanations": [{"value": float("nan")}]})
    assert run.explanation == {"explanations": [{"value": None}]}
    assert run.verify() == []
    path = run.path / "explanation.json"
    path.write_text(path.read_text(encoding="utf-8").replace("null", "0.99"), encoding="utf-8")
    with pytest.raises(VerificationError):
        _ = run.explanation
    assert [problem.path for problem in run.verify()] == [path]
