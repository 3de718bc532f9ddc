"""Flipped bits, cut and lost files: found by the same command, and what is lost is done again."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from faults import tiny
from grokscope.core.errors import VerificationError
from grokscope.store.manifest import read_sealed
from grokscope.sweep import Sweep, Worker
from grokscope.sweep.lease import SILENCE_SECONDS

UNLISTED = (".lock", "status.json", "events.jsonl")
"""Without a checksum: nothing that a result depends on."""


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 16
    path.write_bytes(data)


DAMAGES: dict[str, Callable[[Path], None]] = {"cut": cut, "flip": flip, "lose": Path.unlink}


def files_of(run: Path, stride: int) -> list[Path]:
    """Some files of a run directory, and one that each damage is found in."""
    found = sorted(path.relative_to(run) for path in run.rglob("*") if path.is_file())
    return [path for path in found if path.name not in UNLISTED][::stride]


@pytest.mark.faults(1)
@pytest.mark.parametrize("damage", ["cut", "flip", pytest.param("lose", marks=pytest.mark.slow)])
@pytest.mark.parametrize("stride", [13, pytest.param(4, marks=pytest.mark.slow)])
def test_a_published_run_that_is_damaged_is_kept_and_done_again(
    ledger, damage, stride, trained, faults, reference, tmp_path
):
    root = trained(ledger, tmp_path / "sweeps")
    sweep = Sweep.open(root / "tiny")
    cohort = sweep.cohorts()[0].id
    names = files_of(sweep.runs / cohort, stride)
    if ledger == "sqlite":
        names = names[::2]
    for name in names:
        DAMAGES[damage](sweep.runs / cohort / name)
        faults.count()
        tiny.command(root, ledger)
    tiny.require_same(sweep, reference)
    kept = {path.name for path in (sweep.path / "damaged").iterdir()}
    assert kept == {f"{cohort}.{i + 1}" for i in range(len(names))}


@pytest.mark.faults(1)
@pytest.mark.parametrize("damage", ["cut", "flip", pytest.param("lose", marks=pytest.mark.slow)])
@pytest.mark.parametrize("stride", [19, pytest.param(5, marks=pytest.mark.slow)])
def test_a_run_in_training_that_is_damaged_is_done_again(
    ledger, damage, stride, planned, disk, faults, next_process, reference, tmp_path
):
    root = planned(ledger, tmp_path / "begun")
    with disk.failing_at(150, "killed"):
        Worker(sweep=Sweep.open(root / "tiny")).work()
    (begun,) = (root / "tiny" / "work").glob("*/*")
    names = files_of(begun, stride)
    for name in names[:: 2 if ledger == "sqlite" else 1]:
        copy = tmp_path / "copy"
        shutil.copytree(root, copy)
        DAMAGES[damage](copy / begun.relative_to(root) / name)
        faults.count()
        next_process()
        tiny.require_same(tiny.command(copy, ledger), reference)
        shutil.rmtree(copy)


@pytest.mark.faults(2)
def test_a_deleted_run_is_done_again(ledger, trained, faults, reference, tmp_path):
    root = trained(ledger, tmp_path / "sweeps")
    sweep = Sweep.open(root / "tiny")
    for folder in (next(sweep.runs.iterdir()), sweep.runs):
        shutil.rmtree(folder)
        faults.count()
        tiny.require_same(tiny.command(root, ledger), reference)


def inodes(sweep: Sweep) -> dict[Path, int]:
    return {path: path.stat().st_ino for path in sweep.runs.rglob("*") if path.is_file()}


@pytest.mark.faults(2)
def test_an_emptied_ledger_is_filled_anew_and_nothing_is_trained_again(
    ledger, trained, faults, next_process, reference, tmp_path
):
    root = trained(ledger, tmp_path / "sweeps")
    sweep = Sweep.open(root / "tiny")
    known = inodes(sweep)
    for again in (lambda: tiny.command(root, ledger), Worker(sweep=sweep).work):
        if ledger == "sqlite":
            (sweep.path / "ledger.sqlite").write_bytes(b"")
        else:
            shutil.rmtree(sweep.path / "ledger")
        sweep.open_ledger()
        faults.count()
        next_process()
        again()
        tiny.require_same(sweep, reference)
        assert inodes(sweep) == known


@pytest.mark.faults(2)
@pytest.mark.parametrize("who", ["command", "worker"])
def test_what_holders_of_a_lost_ledger_left_is_taken_over(
    ledger, who, planned, disk, faults, next_process, reference, tmp_path
):
    root = planned(ledger, tmp_path / "sweeps")
    for number in (60, 150, 130):  # three holders: the new ledger's tokens are lower than theirs
        with disk.failing_at(number, "killed"):
            Worker(sweep=Sweep.open(root / "tiny")).work()
        faults.count(disk.fired)
        next_process()
    for path in (root / "tiny").glob("ledger*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    began = time.monotonic()
    if who == "worker":
        Worker(sweep=Sweep.open(root / "tiny")).work()
    else:
        tiny.command(root, ledger)
    assert time.monotonic() - began < SILENCE_SECONDS  # nobody is waited for
    tiny.require_same(Sweep.open(root / "tiny"), reference)


@pytest.mark.faults(1)
@pytest.mark.parametrize("damage", ["cut", "flip", "lose"])
@pytest.mark.parametrize("number", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_damaged_plan_is_a_line_and_what_it_says_helps(number, damage, trained, faults, tmp_path):
    root = trained("files", tmp_path / "sweeps")
    more = tiny.tiny_plan(seeds=2)
    sweep = tiny.command(root, "files", more)
    known = inodes(sweep)
    folder = sweep.path / "plans" / f"{number:06d}"
    DAMAGES[damage](folder / "plan.json")
    faults.count()
    for act in (
        lambda: tiny.command(root, "files", more),
        Worker(sweep=Sweep.open(sweep.path)).work,
    ):
        with pytest.raises(VerificationError, match=r"plan\.json: .*move this plan's folder away"):
            act()
    assert inodes(sweep) == known
    folder.rename(tmp_path / "away")
    tiny.command(root, "files")
    again = tiny.command(root, "files", more)
    tiny.require_whole(again, more)
    assert inodes(sweep) == known


@pytest.mark.faults(2)
def test_a_damaged_note_of_a_split_does_no_harm(ledger, faults, next_process, tmp_path):
    sweep = tiny.prepare(tmp_path, ledger, per_cohort=3)
    (cohort,) = sweep.cohorts()
    parts = sweep.split(cohort)
    note = sweep.path / "splits" / cohort.id / "split.json"
    assert [own["id"] for own in read_sealed(note)["cohorts"]] == [part.id for part in parts]
    for damage in (flip, cut):
        damage(note)
        faults.count()
        assert Sweep.open(sweep.path).cohorts() == list(parts)
    tiny.require_whole(tiny.command(tmp_path, ledger, per_cohort=3))
