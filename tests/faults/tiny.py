"""A sweep of three networks in two cohorts that takes half a second, and what came of it."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from grokscope.store import RunDirectory
from grokscope.sweep import Results, Sweep, SweepPlan, Worker, plan_sweep
from grokscope.sweep.start import extend, mend, standing

LEDGERS = ("sqlite", "files")
PER_COHORT = 2
SETTINGS = {"p": 7, "d_model": 8, "d_hidden": 8, "steps": 15}
AXES = {"weight_decay": "0.1,1,3"}


def tiny_plan(seeds: int = 1, axes=AXES, **changes) -> SweepPlan:
    return plan_sweep("quick-mlp", axes, settings={**SETTINGS, **changes}, seeds=seeds, name="tiny")


def prepare(
    root: Path, ledger: str, plan: SweepPlan | None = None, per_cohort: int = PER_COHORT
) -> Sweep:
    """What the command does before it trains."""
    plan = plan or tiny_plan()
    sweep = Sweep.create(root, plan, 1, ledger)
    extend(sweep, plan, per_cohort)
    mend(sweep)
    return sweep


def command(
    root: Path, ledger: str, plan: SweepPlan | None = None, per_cohort: int = PER_COHORT
) -> Sweep:
    """The command, first or again."""
    sweep = prepare(root, ledger, plan, per_cohort)
    Worker(sweep=sweep).work()
    return sweep


def outcome(run: RunDirectory) -> dict[str, object]:
    """What must not depend on what happened on the way."""
    weights = sorted(run.path.glob("checkpoints/*/model.safetensors"))
    return {
        "weights": {p.parent.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in weights},
        "summary": run.summary,
        "curves": _digests(run.curves()),
        "progress": _digests(run.progress()),
    }


def outcomes(sweep: Sweep) -> dict[str, dict[str, object]]:
    """By cohort, of what is published."""
    return {path.name: outcome(RunDirectory(path)) for path in sorted(sweep.runs.iterdir())}


def _digests(columns: dict[str, np.ndarray]) -> dict[str, str]:
    found = {name: hashlib.sha256(value.tobytes()) for name, value in columns.items()}
    return {name: own.hexdigest() for name, own in found.items() if "seconds" not in name}


def require_whole(
    sweep: Sweep, plan: SweepPlan | None = None, settled: Callable[[Path], bool] = lambda path: True
) -> None:
    """Exactly the runs of a plan are published, each once, and nothing else lies about."""
    sweep = Sweep.open(sweep.path)
    cohorts = sweep.cohorts()
    members = sorted(member.id for cohort in cohorts for member in cohort.members)
    assert members == sorted(run.id for run in (plan or tiny_plan()).runs())
    assert {path.name for path in sweep.runs.iterdir()} == {cohort.id for cohort in cohorts}
    assert standing(sweep).is_complete
    assert sorted(result.id for result in Results(sweep).all) == members
    states = {entry.cohort: entry.state for entry in sweep.ledger.entries()}
    assert {states[cohort.id] for cohort in cohorts} == {"done"}
    assert set(states.values()) <= {"done", "split"}
    for cohort in cohorts:
        run = RunDirectory(sweep.runs / cohort.id)
        assert run.status["state"] == "finished"
        assert [problem for problem in run.verify() if not problem.leftover] == []
    assert [path for path in sweep.work.iterdir() if not path.name.startswith(".")] == []


def require_same(sweep: Sweep, reference: dict[str, dict[str, object]], plan=None) -> None:
    """As `require_whole`, with the results of an undisturbed sweep."""
    require_whole(sweep, plan)
    assert outcomes(sweep) == reference
