"""Run a sweep from Python, in this process: the function behind `grokscope.run_sweep`."""

import os
from pathlib import Path

from grokscope.sweep.folder import SWEEPS
from grokscope.sweep.plan import SweepPlan
from grokscope.sweep.result import Results
from grokscope.sweep.start import begin, mend
from grokscope.sweep.worker import NoWatcher, Watcher, Worker


def run_sweep(
    plan: SweepPlan,
    out: str | Path = SWEEPS,
    *,
    threads: int | None = None,
    watcher: Watcher | None = None,
) -> Results:
    """Train what a plan asks for and is not there yet; all results of the sweep.

        plan = gs.plan_sweep("quick-mlp", {"weight_decay": "log:0.1:10:8"}, seeds=4)
        results = gs.run_sweep(plan)

    Args:
        plan: what to train.
        out: the folder of all sweeps.
        threads: that step a cohort, of a new sweep; all of the machine's unless given.
        watcher: told of every cohort.

    Raises:
        SettingError, UsageError: the plan cannot be trained; nothing has been made.
        InterruptedRunError: asked to stop; the same call goes on.
        DiskError: the disk is full.
    """
    sweep, _ = begin(Path(out), plan, threads or usable_cores())
    mend(sweep)
    Worker(sweep=sweep, watcher=watcher or NoWatcher()).work()
    return Results(sweep)


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
