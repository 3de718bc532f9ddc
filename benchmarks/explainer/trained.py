"""Runs of a benchmark: trained once, found again."""

from collections.abc import Iterator
from pathlib import Path

from grokscope.experiment import Plan, Run, load
from grokscope.experiment.run import resume_run, start_run


def stored(runs: Path, recipe: str) -> Iterator[Run]:
    """The runs of a recipe in a folder."""
    for path in sorted(runs.glob(f"*-{recipe}-*")):
        yield load(path.name, runs)


def trained(plan: Plan, run: Run | None, runs: Path) -> Run:
    """A run of the plan that has come to its end; begun where there is none, else gone on with."""
    return start_run(plan, runs) if run is None else resume_run(run.directory)
