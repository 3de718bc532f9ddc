"""Damage of any file is found, named and told apart from leftovers."""

import json
import shutil

import pytest

from grokscope.core.errors import VerificationError
from grokscope.store import RunDirectory

DURABLE = [
    *("config.toml", "env.json", "splits.safetensors", "summary.json", "MANIFEST.json"),
    *("metrics/seg-000001.parquet", "metrics/progress.parquet"),
    *("checkpoints/step-00000010/optim.safetensors", "checkpoints/step-00000000/MANIFEST.json"),
    *("resume/point-2/model.safetensors", "resume/point-1/MANIFEST.json"),
]


@pytest.mark.parametrize("name", DURABLE)
def test_a_flipped_bit_anywhere_is_found(run, name):
    path = run.path / name
    original = path.read_bytes()
    for position in range(0, len(original) - 1, max(1, len(original) // 9)):
        data = bytearray(original)
        data[position] ^= 4
        path.write_bytes(data)
        problems = [problem for problem in run.verify() if not problem.leftover]
        assert [problem.path for problem in problems] == [path], (position, problems)
        assert "\n" not in problems[0].message


@pytest.mark.parametrize("name", DURABLE)
def test_a_lost_file_is_found(run, name):
    (run.path / name).unlink()
    problems = [problem for problem in run.verify() if not problem.leftover]
    assert [(problem.path, problem.message) for problem in problems] == [
        (run.path / name, "missing")
    ]


@pytest.mark.parametrize("name", ["status.json", "events.jsonl"])
def test_unlisted_documents_are_parsed(run, name):
    (run.path / name).write_bytes(b"{]\n")
    assert [problem.path for problem in run.verify()] == [run.path / name]


def test_a_newer_schema_is_named(run):
    path = run.path / "status.json"
    path.write_text(json.dumps({"schema_version": 7}))
    assert "schema version 7" in run.verify()[0].message


def test_reports_of_other_layers_are_no_problem(run):
    (run.path / "report.html").touch()
    (run.path / "explanation.json").touch()
    assert run.verify() == []


def test_a_run_can_be_moved(run, tmp_path):
    moved = tmp_path / "elsewhere" / "renamed"
    shutil.move(run.path, moved)
    assert RunDirectory.open(moved).verify() == []
    assert RunDirectory.open(moved).curves()["step"].max() == 10


@pytest.mark.parametrize(
    "name", ["../../victim", "/etc/passwd", "metrics/../../victim", "metrics/seg-\n"]
)
def test_a_strangers_manifest_cannot_name_files_elsewhere(run, name):
    from grokscope.store.manifest import seal

    document = {"files": {name: {"sha256": "0" * 64, "size": 0}}, "pending": {}}
    (run.path / "MANIFEST.json").write_bytes(seal(document))
    with pytest.raises(VerificationError, match="is not a file of a run"):
        run.curves()
    assert run.verify()[0].path == run.path / "MANIFEST.json"
