"""Cohorts that do not fit in memory: they go on in halves, down to a single network."""

from collections.abc import Callable

import pytest
import torch

from faults import tiny
from faults.disk import each_call
from grokscope.cli.main import main
from grokscope.core.errors import MemoryExceededError
from grokscope.core.settings import flatten
from grokscope.engine import Population
from grokscope.experiment import Plan
from grokscope.experiment import run as experiment
from grokscope.experiment.memory import explain_memory
from grokscope.store import RunDirectory
from grokscope.sweep import Results, Sweep, Worker
from grokscope.sweep.start import standing
from grokscope.sweep.worker import MOST_LOSSES

PLAN = {"weight_decay": "0.1,0.3,1,3,10"}


@pytest.fixture
def memory_for(monkeypatch, faults) -> Callable[..., None]:
    """Let training of more networks than so many fail, as torch or Python say it."""
    advance = Population.advance

    def limit(networks: int, error: type[Exception] = torch.OutOfMemoryError) -> None:
        def limited(population, *arguments):
            if len(population.lanes) > networks:
                faults.count()
                raise error("out of memory")
            return advance(population, *arguments)

        monkeypatch.setattr(Population, "advance", limited)

    return limit


@pytest.mark.faults(3)
@pytest.mark.parametrize(
    ("networks", "error"), [(1, torch.OutOfMemoryError), (2, MemoryError), (3, MemoryError)]
)
def test_a_cohort_that_does_not_fit_is_split(ledger, networks, error, memory_for, faults, tmp_path):
    memory_for(networks, error)
    plan = tiny.tiny_plan(axes=PLAN)
    sweep = tiny.command(tmp_path, ledger, plan, per_cohort=5)
    tiny.require_whole(sweep, plan)
    assert max(len(cohort.members) for cohort in sweep.cohorts()) <= networks
    again = tiny.command(tmp_path, ledger, plan, per_cohort=5)
    tiny.require_whole(again, plan)
    faults.count(2)


@pytest.mark.faults(2)
@pytest.mark.parametrize("stride", [19, pytest.param(7, marks=pytest.mark.slow)])
def test_a_split_can_fail_anywhere(
    ledger, stride, memory_for, disk, faults, next_process, tmp_path, monkeypatch
):
    for number in each_call(disk, 3, stride):
        root = tmp_path / str(number)
        sweep = tiny.prepare(root, ledger, per_cohort=3)
        worker = Worker(sweep=sweep)
        monkeypatch.setattr("grokscope.sweep.worker.resume_run", too_large(2))
        with disk.failing_at(number, "killed"):
            worker.train(worker._ledger.claim())  # which is split, and no more
        faults.count(disk.fired)
        next_process()
        monkeypatch.setattr("grokscope.sweep.worker.resume_run", too_large(2))
        tiny.require_whole(tiny.command(root, ledger, per_cohort=3))


def too_large(most: int) -> Callable:
    """Training that has memory for so many networks at most."""
    resume = experiment.resume_run

    def train(directory: RunDirectory, listener):
        if len(Plan.from_dict(directory.config).networks) > most:
            raise MemoryExceededError("too large")
        return resume(directory, listener)

    return train


@pytest.mark.faults(1)
def test_a_single_network_that_never_fits_fails_alone(ledger, faults, tmp_path, monkeypatch):
    plan, resume = tiny.tiny_plan(), experiment.resume_run

    def train(directory: RunDirectory, listener):
        networks = Plan.from_dict(directory.config).networks
        if any(flatten(network)["optimizer.weight_decay"] == 1.0 for network in networks):
            faults.count()
            with explain_memory(len(networks)):
                raise MemoryError
        return resume(directory, listener)

    with monkeypatch.context() as patch:
        patch.setattr("grokscope.sweep.worker.resume_run", train)
        sweep = tiny.command(tmp_path, ledger, plan, per_cohort=3)
        now = standing(sweep)
        assert (now.runs, now.done, len(now.failed)) == (3, 2, 1)
        (reason,) = now.failed.values()
        assert reason.startswith("The table and 1 network(s) do not fit in memory")
        (entry,) = [e for e in sweep.ledger.entries() if e.state == "failed"]
        assert entry.exit_code == 5
        assert [r.settings["optimizer.weight_decay"] for r in Results(sweep).all] == [0.1, 3.0]
    tiny.require_whole(tiny.command(tmp_path, ledger, plan, per_cohort=3), plan)


@pytest.mark.faults(5)
def test_a_cohort_on_which_its_holders_die_is_split(ledger, faults, next_process, tmp_path):
    sweep = tiny.prepare(tmp_path, ledger, per_cohort=3)
    (cohort,) = sweep.cohorts()
    for _ in range(MOST_LOSSES + 1):
        assert sweep.ledger.claim().cohort == cohort.id
        next_process()  # the system has ended it, for want of memory it seems
        faults.count()
    sweep = tiny.command(tmp_path, ledger, per_cohort=3)
    tiny.require_whole(sweep)
    assert [len(part.members) for part in sweep.cohorts()] == [2, 1]


@pytest.mark.faults(2)
def test_the_command_splits_too(memory_for, faults, tmp_path, capsys):
    memory_for(1)
    words = ["sweep", "quick-mlp", "--x", "weight_decay=0.1,1,3", "--cohort", "2", "--threads", "1"]
    words += ["--p", "7", "--d-model", "8", "--d-hidden", "8", "--steps", "15", "--name", "tiny"]
    assert main([*words, "--out", str(tmp_path)]) == 0
    err = capsys.readouterr().err
    assert "a cohort does not fit in memory here" in err
    assert "goes on in two halves: The table and 2 network(s) do not fit in memory" in err
    tiny.require_whole(Sweep.open(tmp_path / "tiny"))
