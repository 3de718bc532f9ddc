"""A disk that fails at every single call, a process killed at every single call.

After any of it the old content is there or the new content is, verification finds at most
leftovers, and doing the same again works.
"""

import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from grokscope.core.errors import DiskError
from grokscope.store import RunDirectory, find_runs

every_kind = pytest.mark.parametrize(
    "kind", [pytest.param("once", marks=pytest.mark.slow), "full", "killed"]
)


def checkpoint_values(run: RunDirectory) -> dict[str, float]:
    names = [entry.name for entry in run.checkpoints()]
    return {n: float(run.load_checkpoint(n).groups["model"]["W_E"][0, 0]) for n in names}


def curve_steps(run: RunDirectory) -> list[int]:
    return sorted(set(run.curves()["step"].tolist()))


def resume_step(run: RunDirectory) -> int:
    return run.load_resume_point().step


# name: what is done, and how to read what it changes
OPERATIONS = {
    "update_status": (
        lambda run, make: run.update_status(state="done"),
        lambda run: run.status["state"],
    ),
    "write_summary": (lambda run, make: run.write_summary([{"index": 1}]), lambda run: run.summary),
    "write_splits": (
        lambda run, make: run.write_splits({"train": torch.arange(9)}),
        lambda run: run.splits()["train"].tolist(),
    ),
    "add_segment": (lambda run, make: run.add_segment(make.columns(20)), curve_steps),
    "write_progress": (
        lambda run, make: run.write_progress(make.columns(20)),
        lambda run: run.progress()["step"].tolist(),
    ),
    "append_events": (
        lambda run, make: run.append_events([{"event": "a"}, {"event": "b"}]),
        lambda run: [event["event"] for event in run.events],
    ),
    "save_checkpoint": (
        lambda run, make: run.save_checkpoint("step-00000020", make.groups(2.0), make.facts(20)),
        checkpoint_values,
    ),
    "replace_checkpoint": (
        lambda run, make: run.save_checkpoint("step-00000010", make.groups(5.0), make.facts(10)),
        checkpoint_values,
    ),
    "save_resume_point": (
        lambda run, make: run.save_resume_point(make.groups(2.0), make.facts(20)),
        resume_step,
    ),
}


@every_kind
@pytest.mark.parametrize("operation", OPERATIONS)
def test_any_failing_call_leaves_the_old_or_the_new(
    prepared, tmp_path, disk, make, operation, kind
):
    act, read = OPERATIONS[operation]
    reference = make.copy_of(prepared, tmp_path / "reference")
    old = read(reference)
    act(reference, make)
    new = read(reference)
    for number in range(1, 200):
        run = make.copy_of(prepared, tmp_path / str(number))
        error = _attempt(lambda run=run: act(run, make), disk, number, kind)
        assert not error or kind == "once" or list(run.path.rglob(".tmp*")) == []
        if not disk.fired:
            assert number > 3
            return
        assert not error or "disk is full" in str(error)
        _check_after_failure(run, kind, read, old, new)
        if kind == "full" and number % 3:
            continue  # going on afterwards is no different each time
        run.rewind(run.load_resume_point())
        assert run.verify() == []
        act(run, make)
        assert read(run) == new
    pytest.fail("the operation never ended")


def _attempt(act, disk, number: int, kind: str) -> DiskError | None:
    try:
        with disk.failing_at(number, kind):
            act()
    except DiskError as error:
        return error
    return None


def _check_after_failure(run, kind, read, old, new) -> None:
    problems = run.verify()
    assert [problem for problem in problems if not problem.leftover] == []
    now = read(run)
    # stopped between the two renames of a replacement: the next sweep brings the old one back
    mended = kind != "once" and any(".replaced-" in str(problem.path) for problem in problems)
    # killed while appending: the events are there up to some point
    part = kind == "killed" and isinstance(new, list) and now == new[: len(now)]
    assert mended or part or now in (old, new)


def test_two_kills_in_a_row_do_not_make_a_replaced_file_look_damaged(
    prepared, tmp_path, disk, make
):
    # the first kill leaves the new content announced but not listed, the second the next one too
    announced = _killed_after_replacing(prepared, tmp_path, disk, make)
    for number in range(1, 30):
        run = make.copy_of(announced.path, tmp_path / f"second-{number}")
        with disk.failing_at(number, "killed"):
            run.write_summary([{"index": 2}])
        assert [problem for problem in run.verify() if not problem.leftover] == []
        assert run.summary in ([{"index": 1}], [{"index": 2}])
        if not disk.fired:
            return
    pytest.fail("the operation never ended")


def _killed_after_replacing(prepared, tmp_path, disk, make) -> RunDirectory:
    for number in range(1, 30):
        run = make.copy_of(prepared, tmp_path / f"first-{number}")
        with disk.failing_at(number, "killed"):
            run.write_summary([{"index": 1}])
        if run.summary == [{"index": 1}]:
            assert disk.fired
            return run
    pytest.fail("the summary was never replaced")


@every_kind
def test_a_creation_that_fails_anywhere_leaves_no_run(tmp_path, disk, kind):
    for number in range(1, 200):
        root = tmp_path / str(number)
        root.mkdir()
        error = _attempt(
            lambda root=root: RunDirectory.create(root, "quick", {"p": 7}), disk, number, kind
        )
        if error:
            assert "disk is full" in str(error)
            assert find_runs(root) == []
            assert kind == "once" or {p.name for p in root.iterdir()} <= {"last"}
        for run in find_runs(root):
            assert run.verify() == []
        if not disk.fired:
            assert number > 5
            return
    pytest.fail("the creation never ended")


@every_kind
def test_an_interrupted_rewind_can_be_repeated(prepared, tmp_path, disk, make, kind):
    later = make.copy_of(prepared, tmp_path / "later")
    later.add_segment(make.columns(20))
    later.append_events([{"event": "later"}])
    later.save_checkpoint("step-00000020", make.groups(2.0), make.facts(20))
    (later.path / "metrics" / ".tmp-left").touch()
    for number in range(1, 200):
        run = make.copy_of(later.path, tmp_path / str(number))
        point = run.load_resume_point()
        _attempt(lambda run=run, point=point: run.rewind(point), disk, number, kind)
        fired = disk.fired
        assert [problem for problem in run.verify() if not problem.leftover] == []
        run.rewind(run.load_resume_point())
        assert run.verify() == []
        assert (curve_steps(run), len(run.events)) == ([0, 10], 1)
        assert list(checkpoint_values(run)) == ["step-00000000", "step-00000010"]
        if not fired:
            assert number > 3
            return
    pytest.fail("the rewind never ended")


@pytest.fixture
def small_files():
    """The operating system itself refuses files beyond 64 KiB: compiled libraries notice too."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, old[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, old)
    signal.signal(signal.SIGXFSZ, handler)


def _too_large(run: RunDirectory, make) -> list:
    noise = np.random.default_rng(0).random(200_000)
    rows = np.arange(200_000)
    tensors = {"model": {"W": torch.zeros(500_000)}}
    return [
        lambda: run.add_segment({"network": rows, "step": rows, "x": noise}),
        lambda: run.write_splits(tensors["model"]),
        lambda: run.save_checkpoint("step-1", tensors, make.facts(1)),
        lambda: run.save_resume_point(tensors, make.facts(1)),
        lambda: run.write_summary([{"index": 0, "text": "x" * 100_000}]),
        lambda: run.append_events([{"event": "x" * 100_000}]),
    ]


def test_what_the_operating_system_refuses_is_undone(run, make, small_files):
    files = sorted(p for p in run.path.rglob("*") if "metrics" in str(p) or p.is_dir())
    for act in _too_large(run, make):
        with pytest.raises(DiskError, match=r"^cannot write .*: File too large"):
            act()
        assert run.verify() == []
    assert sorted(p for p in run.path.rglob("*") if "metrics" in str(p) or p.is_dir()) == files


def test_a_really_full_disk_is_survived(prepared, tmp_path, make):
    mounted = tmp_path / "small"
    mounted.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(mounted)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small file system is not permitted here")
    try:
        run = make.copy_of(prepared, mounted / "runs")
        for act in _too_large(run, make)[:4]:
            with pytest.raises(DiskError, match="disk is full"):
                act()
            assert run.verify() == []
    finally:
        subprocess.run(["umount", str(mounted)], check=True)


WRITER = """
import itertools, sys
from pathlib import Path
import numpy as np, torch
from grokscope.store import RunDirectory
run = RunDirectory.open(Path(sys.argv[1]))
with run.locked():
    point = run.load_resume_point()
    run.rewind(point)
    print("ready", flush=True)
    for step in itertools.count(point.step + 1):
        model = {"model": {"W": torch.full((2000,), float(step))}}
        facts = {"step": step, "networks": [0]}
        run.add_segment({"network": np.zeros(1, int), "step": np.array([step])})
        run.append_events([{"event": "step", "step": step}])
        run.update_status(step=step)
        run.save_checkpoint(f"step-{step:08d}", model, facts)
        run.save_resume_point(model, facts)
"""


def _kill_a_writer(path: Path, delay: float) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
    assert writer.stdout.readline() == b"ready\n"
    time.sleep(delay)
    writer.kill()
    writer.wait()
    writer.stdout.close()


@pytest.mark.parametrize("kills", [2, pytest.param(25, marks=pytest.mark.slow)])
def test_a_writer_killed_at_random_loses_nothing_before_its_resume_point(run, kills):
    for _ in range(kills):
        _kill_a_writer(run.path, random.uniform(0.02, 0.6))
        assert [problem for problem in run.verify() if not problem.leftover] == []
        point = run.load_resume_point()
        run.rewind(point)
        assert run.verify() == []
        assert curve_steps(run) == [0, *range(10, point.step + 1)]
        assert [e["step"] for e in run.events[1:]] == list(range(11, point.step + 1))
        assert run.checkpoints()[-1].step == point.step
