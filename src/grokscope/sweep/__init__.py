"""Sweeps: thousands of runs, planned, trained in cohorts, and kept through whatever happens."""

from grokscope.sweep.axis import Axis
from grokscope.sweep.cells import Cells, cells_of
from grokscope.sweep.cohort import Cohort
from grokscope.sweep.design import Design
from grokscope.sweep.folder import Sweep, find_sweep
from grokscope.sweep.launch import run_sweep
from grokscope.sweep.plan import SweepPlan, plan_sweep, read_plan
from grokscope.sweep.result import Result, Results
from grokscope.sweep.worker import Worker

__all__ = [
    "Axis",
    "Cells",
    "Cohort",
    "Design",
    "Result",
    "Results",
    "Sweep",
    "SweepPlan",
    "Worker",
    "cells_of",
    "find_sweep",
    "plan_sweep",
    "read_plan",
    "run_sweep",
]
