"""Real processes: killed, interrupted, told to stop; workers, and the driver of a pool."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from faults import tiny
from faults.processes import ended, start, until
from grokscope.sweep import Sweep
from grokscope.sweep.start import standing

WORDS = (
    *("sweep", "quick-mlp", "--x", "weight_decay=0.1,1,3", "--cohort", "2", "--threads", "1"),
    *("--p", "7", "--d-model", "8", "--d-hidden", "8", "--steps", "15", "--name", "tiny"),
)


def words_for(root: Path, ledger: str) -> tuple[object, ...]:
    return (*WORDS, "--out", root, "--ledger", ledger)


def in_training(root: Path) -> bool:
    return any(root.glob("tiny/work/*/cohort-*/checkpoints/step-*"))


@pytest.mark.faults(2)
@pytest.mark.parametrize("kills", [2, pytest.param(15, marks=pytest.mark.slow)])
def test_a_command_killed_at_random_moments(ledger, kills, faults, reference, tmp_path):
    draw = random.Random(f"{ledger} {kills}")
    for _ in range(kills):
        process = start(words_for(tmp_path, ledger), tmp_path / "said")
        time.sleep(draw.uniform(0.05, 1.5))
        process.kill()
        ended(process)
        faults.count()
    assert ended(start(words_for(tmp_path, ledger), tmp_path / "said")) == 0
    tiny.require_whole(Sweep.open(tmp_path / "tiny"))
    if kills < 5:
        assert tiny.outcomes(Sweep.open(tmp_path / "tiny")) == reference


@pytest.mark.faults(1)
@pytest.mark.parametrize(("number", "code"), [
    (signal.SIGTERM, 75), pytest.param(signal.SIGINT, 75, marks=pytest.mark.slow)
])  # fmt: skip
def test_asked_to_stop_a_worker_gives_its_lease_back(
    ledger, number, code, faults, reference, tmp_path
):
    process = start(words_for(tmp_path, ledger), tmp_path / "said", step=0.1)
    until(lambda: in_training(tmp_path), process)
    asked = time.monotonic()
    os.kill(process.pid, number)
    faults.count()
    assert ended(process) == code
    assert time.monotonic() - asked < 30
    assert "Go on with the same command, or `grokscope worker" in (tmp_path / "said").read_text()
    sweep = Sweep.open(tmp_path / "tiny")
    assert {entry.state for entry in sweep.ledger.entries()} == {"waiting"}
    began = time.monotonic()
    assert ended(start(("worker", sweep.path), tmp_path / "said")) == 0
    assert time.monotonic() - began < 20  # not the half minute of somebody who fell silent
    tiny.require_same(sweep, reference)


@pytest.mark.faults(2)
def test_a_second_ctrl_c_stops_at_once(ledger, faults, reference, tmp_path):
    process = start(words_for(tmp_path, ledger), tmp_path / "said", step=0.4)
    until(lambda: in_training(tmp_path), process)
    for _ in range(2):
        os.kill(process.pid, signal.SIGINT)
        time.sleep(0.1)
        faults.count()
    assert ended(process) == 130
    tiny.require_same(tiny.command(tmp_path, ledger), reference)


@pytest.mark.faults(1)
def test_a_signal_between_training_and_publication_is_not_lost(
    faults, planned, tmp_path, monkeypatch
):
    from grokscope.core.errors import InterruptedRunError
    from grokscope.experiment.trainer import Trainer
    from grokscope.sweep import Worker

    save = Trainer._save_point

    def save_and_signal(trainer: Trainer) -> None:
        save(trainer)
        if not trainer.population.lanes and not faults.number:
            faults.count()
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Trainer, "_save_point", save_and_signal)
    worker = Worker(sweep=Sweep.open(planned("files", tmp_path / "sweeps") / "tiny"))
    with pytest.raises(InterruptedRunError):
        worker.work()
    assert len(worker.trained) == 1
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def children(pid: int) -> list[int]:
    """Workers of a pool's driver."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.faults(2)
@pytest.mark.parametrize("when", ["at once", pytest.param("in training", marks=pytest.mark.slow)])
def test_the_driver_of_a_pool_is_killed_and_its_workers_end(when, faults, reference, tmp_path):
    words = (*words_for(tmp_path, "sqlite"), "--engine", "pool", "--workers", "2")
    driver = start(words, tmp_path / "said")
    until(lambda: len(children(driver.pid)) == 2, driver)
    if when == "in training":
        until(lambda: in_training(tmp_path), driver)
    workers = children(driver.pid)
    driver.kill()
    faults.count(2)
    ended(driver)
    until(lambda: not any(map(is_alive, workers)))
    if when == "at once":
        assert not in_training(tmp_path)
        assert standing(Sweep.open(tmp_path / "tiny")).done == 0
    tiny.require_same(tiny.command(tmp_path, "sqlite"), reference)


@pytest.mark.slow
@pytest.mark.faults(6)
def test_workers_of_a_pool_that_are_killed_are_replaced(ledger, faults, tmp_path):
    words = (*words_for(tmp_path, ledger), "--engine", "pool", "--workers", "2")
    driver = start(words, tmp_path / "said")
    for _ in range(3):
        until(lambda: len(children(driver.pid)) == 2, driver)
        for pid in children(driver.pid):
            os.kill(pid, signal.SIGKILL)
            faults.count()
        time.sleep(0.3)
    assert ended(driver) == 0
    tiny.require_whole(Sweep.open(tmp_path / "tiny"))


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
from grokscope.cli.main import main
raise SystemExit(main(sys.argv[2:]))
"""


@pytest.mark.faults(1)
@pytest.mark.parametrize(
    "size", [3000, *(pytest.param(n, marks=pytest.mark.slow) for n in (500, 1500))]
)
def test_what_the_operating_system_refuses_is_code_6(ledger, size, faults, reference, tmp_path):
    # SQLite's pages and DuckDB's files too; files beyond so many bytes are refused
    sweep = tiny.prepare(tmp_path, ledger)
    command = [sys.executable, "-c", LIMITED, str(size), "worker", str(sweep.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    faults.count()
    assert done.returncode == 6, done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("grokscope: cannot write ")
    tiny.require_same(tiny.command(tmp_path, ledger), reference)
