"""The run that somebody names, with a better word where the name is a folder of something else."""

import shlex
from pathlib import Path

from grokscope.cli.command import RUNS
from grokscope.core.errors import UsageError
from grokscope.store import RunDirectory, resolve_run

_NETWORKS = "networks"


def open_run(name: str, out: Path) -> RunDirectory:
    """The run of a path, an id, the beginning of an id, or `last`.

    Raises:
        UsageError: there is no such run, or the folder is not one.
    """
    try:
        return resolve_run(name, out)
    except UsageError as error:
        path = Path(name)
        if "\0" not in name and path.exists():
            raise UsageError(f"{path} is not a grokscope run: it has no config.toml.") from error
        raise


def open_trained(name: str, out: Path) -> RunDirectory:
    """The same, refusing the run of a monitor: it has no networks of its own.

    Raises:
        UsageError: there is no such run, or it is a monitor's.
    """
    run = open_run(name, out)
    if is_of_monitor(run):
        raise UsageError(
            f"{run.id} is the run of a monitor, which has no networks: `grokscope show "
            f"{run_words(run, out)}` says what it saw."
        )
    return run


def is_of_monitor(run: RunDirectory) -> bool:
    """Whether a run is that of a monitor."""
    if _NETWORKS in run.config:
        return False  # known without an import of torch
    from grokscope.llm.monitor_run import is_monitor

    return is_monitor(run)


def run_words(run: RunDirectory, out: Path) -> str:
    """How to name a run in a suggested command: by id, or by path where it is not under `out`."""
    if run.path.resolve().parent == out.resolve():
        return f"{run.id}{out_option(out)}"
    return shlex.quote(str(run.path))


def out_option(out: Path) -> str:
    """What a suggested command must say about the folder of runs."""
    return "" if out == RUNS else f" --out {shlex.quote(str(out))}"
