"""Resume points: the newest sound one, and the exact way back to it."""

import logging

import pytest

from grokscope.core.errors import UsageError, VerificationError
from grokscope.store import RunDirectory


def contents(run: RunDirectory) -> dict[str, bytes]:
    """Every file by its path, without the lock and the status, which nobody rewinds."""
    paths = (
        p for p in run.path.rglob("*") if p.is_file() and p.name not in (".lock", "status.json")
    )
    return {str(p.relative_to(run.path)): p.read_bytes() for p in paths}


def flip(path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def go_on(run: RunDirectory, make) -> None:
    run.add_segment(make.columns(20))
    run.append_events([{"event": "later"}])
    run.save_checkpoint("step-00000020", make.groups(2.0), make.facts(20))
    run.add_segment(make.columns(30))
    run.write_summary([{"index": 0, "label": "grokking"}])


def test_the_newest_point_is_loaded_and_two_are_kept(run, make):
    for step in (20, 30):
        run.save_resume_point(make.groups(), make.facts(step))
    assert run.load_resume_point().step == 30
    assert sorted(p.name for p in (run.path / "resume").iterdir()) == ["point-3", "point-4"]


def test_point_numbers_are_compared_as_numbers(run, make):
    for step in range(20, 30):
        run.save_resume_point(make.groups(), make.facts(step))
    assert run.load_resume_point().name == "point-12"


@pytest.mark.parametrize("name", ["model.safetensors", "MANIFEST.json"])
def test_a_damaged_newest_point_gives_way_to_the_one_before(run, caplog, name):
    flip(run.path / "resume" / "point-2" / name)
    with caplog.at_level(logging.WARNING):
        point = run.load_resume_point()
    assert (point.name, point.step) == ("point-1", 0)
    assert name in caplog.text
    run.rewind(point)
    assert run.load_resume_point().name == "point-1"
    assert run.curves()["step"].tolist() == [0, 0, 0]
    assert run.verify() == []


def test_without_a_sound_point_there_is_none(run):
    for point in ("point-1", "point-2"):
        flip(run.path / "resume" / point / "rng.safetensors")
    assert run.load_resume_point() is None


def test_rewinding_restores_every_byte(run, make):
    # the summary of the prepared run was written before the point, so it must survive
    before = contents(run)
    run.add_segment(make.columns(20))
    run.append_events([{"event": "later"}])
    run.save_checkpoint("step-00000020", make.groups(2.0), make.facts(20))
    run.rewind(run.load_resume_point())
    assert contents(run) == before
    assert run.verify() == []


def test_rewinding_drops_a_summary_that_was_rewritten_since(run, make):
    go_on(run, make)
    run.rewind(run.load_resume_point())
    assert run.summary == []
    assert len(run.progress()["x"]) == 3
    assert run.curves()["step"].max() == 10
    assert run.verify() == []


def test_a_rewound_run_goes_on_as_an_uninterrupted_one(prepared, tmp_path, make):
    straight, resumed = (make.copy_of(prepared, tmp_path / name) for name in "ab")
    go_on(straight, make)
    go_on(resumed, make)
    resumed.rewind(resumed.load_resume_point())
    go_on(resumed, make)
    assert contents(resumed) == contents(straight)


def test_rewinding_to_an_older_point_removes_the_newer_one(run):
    newer = run.load_resume_point()
    flip(run.path / "resume" / "point-2" / "rng.safetensors")
    run.rewind(run.load_resume_point())
    assert [entry.name for entry in run.checkpoints()] == ["step-00000000"]
    assert (run.summary, run.progress()) == ([], {})
    with pytest.raises(VerificationError, match="1 segments, but 2 were written"):
        run.rewind(newer)


def test_rewinding_to_nothing_leaves_the_run_as_created_with_its_splits(run):
    run.rewind(None)
    assert (run.curves(), run.events, run.summary, run.checkpoints()) == ({}, [], [], [])
    assert run.load_resume_point() is None
    assert len(run.splits()["train"]) == 4
    assert run.verify() == []


def test_leftovers_are_reported_as_such_and_swept(run, make):
    before = contents(run)
    (run.path / "metrics" / "seg-000003.parquet").write_bytes(b"half")
    (run.path / ".tmpAbC123").write_bytes(b"half")
    (run.path / "checkpoints" / ".tmp-1-step").mkdir()
    (run.path / "checkpoints" / ".tmp-1-step" / "model.safetensors").write_bytes(b"half")
    problems = run.verify()
    assert len(problems) == 3
    assert all(problem.leftover for problem in problems)
    assert run.curves()["step"].max() == 10
    run.rewind(run.load_resume_point())
    assert contents(run) == before


def test_a_segment_written_over_a_leftover_is_sound(run, make):
    (run.path / "metrics" / "seg-000003.parquet").write_bytes(b"half")
    assert run.add_segment(make.columns(20)).name == "seg-000003.parquet"
    assert run.curves()["step"].max() == 20
    assert run.verify() == []


def test_a_shortened_event_log_is_not_silently_accepted(run):
    (run.path / "events.jsonl").write_bytes(b"")
    with pytest.raises(VerificationError, match=r"events\.jsonl: 0 bytes long"):
        run.rewind(run.load_resume_point())


def test_a_checkpoint_is_not_a_point_to_rewind_to(run):
    with pytest.raises(UsageError, match="is not a resume point"):
        run.rewind(run.load_checkpoint("step-00000010"))
