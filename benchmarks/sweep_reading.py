"""How long a phase diagram of thousands of finished runs takes, and how much memory.

`python -m benchmarks.sweep_reading` trains one tiny cohort, publishes copies of it under the names
of all the cohorts of a grid, and times each part of what `grokscope phases` does with it in a
process of its own, the calmest of a few visits. What the copies say is the same over and over, so
after they are read each is given a time of its own, on a border that crosses the grid: tests of
neighbours and resampled borders cost nothing where nothing happens.
"""

import argparse
import json
import math
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from grokscope.statistics import Wait
from grokscope.sweep import Result, Results, Sweep, Worker, plan_sweep
from grokscope.sweep.start import extend

T = TypeVar("T")

TARGET_SECONDS, TARGET_BYTES = 5.0, 2 * 1024**3
PER_COHORT = 100
VISITS = 3
_AXES = ("optimizer.weight_decay", "optimizer.lr")
_TINY = {"p": 11, "d_model": 8, "d_hidden": 8, "steps": 1_000}


def main() -> None:
    """Make the sweep, time the parts, print JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sweep_reading")
    parser.add_argument("--columns", type=int, default=25)
    parser.add_argument("--rows", type=int, default=25)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read is not None:
        print(json.dumps(timed(options.read)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = published(Path(folder), options.columns, options.rows, options.seeds)
        words = [sys.executable, "-m", "benchmarks.sweep_reading", "--read", str(path)]
        visits = [
            json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
            for _ in range(VISITS)
        ]
    best = min(visits, key=lambda visit: visit["diagram_seconds"])
    within = best["diagram_seconds"] <= TARGET_SECONDS and best["peak_bytes"] <= TARGET_BYTES
    print(json.dumps(best | {"within_target": within}, indent=2))


def published(root: Path, columns: int, rows: int, seeds: int) -> Path:
    """A sweep of which every cohort is published, as a copy of one that was trained."""
    axes = {
        _AXES[0]: f"log:0.001:10:{columns}",
        _AXES[1]: f"log:0.0001:0.1:{rows}",
    }
    plan = plan_sweep("quick-mlp", axes, settings=_TINY, seeds=seeds, name="reading")
    sweep = Sweep.create(root, plan, threads=1)
    extend(sweep, plan, PER_COHORT)
    cohorts = sorted(sweep.cohorts(), key=lambda cohort: -len(cohort.members))
    first = cohorts[0]
    Worker(sweep=sweep).work_on(first.id)
    for cohort in cohorts[1:]:
        shutil.copytree(sweep.runs / first.id, sweep.runs / cohort.id)
    return sweep.path


def timed(path: Path) -> dict[str, Any]:
    """Seconds of each part, in the order in which `grokscope phases` does them."""
    from grokscope.sweep.boundary import boundary_of
    from grokscope.sweep.cells import cells_of
    from grokscope.views.phase_diagram import phase_diagram
    from grokscope.views.sweep_report import render_sweep_report

    seconds: dict[str, float] = {}

    def took(name: str, work: Callable[[], T]) -> T:
        started = time.perf_counter()
        done = work()
        seconds[f"{name}_seconds"] = round(time.perf_counter() - started, 3)
        return done

    results = Results(Sweep.open(path))
    runs = took("reading", lambda: results.all)
    vars(results)["all"] = with_times(runs)
    cells = took("cells", lambda: cells_of(results))
    boundary = took("boundary", lambda: boundary_of(results, cells))
    took("figure", lambda: phase_diagram(cells, boundary=boundary).to_json())
    diagram = sum(seconds.values())
    page = took("report", lambda: render_sweep_report(results, cells))
    return {
        "runs": len(runs),
        "cells": len(cells.cells),
        **seconds,
        "diagram_seconds": round(diagram, 3),
        "page_bytes": len(page),
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def with_times(runs: Sequence[Result]) -> list[Result]:
    """Runs of which those beyond a border generalise, the sooner the farther."""
    stream = np.random.default_rng(0)
    found: list[Result] = []
    for run in runs:
        decay, lr = (float(str(run.settings[name])) for name in _AXES)
        beyond = math.log10(decay) + math.log10(lr) + 4 + stream.normal(0, 0.4)
        step = round(run.budget * 10 ** (-beyond / 2) / 10) * 10  # steps of evaluations are shared
        label = "grokking" if beyond > 0 else "memorization"
        found.append(
            replace(
                run,
                labels=dict.fromkeys(run.labels, label),
                grokked=Wait.of(max(step, 1)) if beyond > 0 else Wait.beyond(run.budget),
            )
        )
    return found


if __name__ == "__main__":
    main()
