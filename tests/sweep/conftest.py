"""A tiny sweep: eight networks in four cohorts, trained in a second or two."""

from pathlib import Path

import pytest

from grokscope.sweep import Sweep, SweepPlan, Worker, plan_sweep
from grokscope.sweep.start import extend, mend

TINY = {"p": 7, "d_model": 8, "d_hidden": 8, "steps": 40, "warmup_steps": 0}
OVER = {"weight_decay": "0.1,1", "train_fraction": "0.4,0.6"}


def tiny_plan(seeds: int = 2, **settings) -> SweepPlan:
    return plan_sweep("quick-mlp", OVER, settings=TINY | settings, seeds=seeds, name="tiny")


def started(root: Path, plan: SweepPlan | None = None, ledger=None) -> Sweep:
    plan = plan or tiny_plan()
    sweep = Sweep.create(root, plan, threads=1, ledger=ledger)
    extend(sweep, plan, per_cohort=2)
    mend(sweep)
    return sweep


def finished(root: Path, plan: SweepPlan | None = None, ledger=None) -> Sweep:
    sweep = started(root, plan, ledger)
    Worker(sweep=sweep).work()
    return sweep


@pytest.fixture(scope="session")
def done(tmp_path_factory) -> Sweep:
    """A finished tiny sweep that nobody changes."""
    return finished(tmp_path_factory.mktemp("done"))
