"""What a subcommand is, and the types of arguments that several of them take."""

from pathlib import Path
from typing import Annotated, Protocol, runtime_checkable

from tyro.conf import FlagCreatePairsOff, Positional, arg

Folder = Annotated[Path, arg(aliases=("--runs",), metavar="DIR")]
SweepFolder = Annotated[Path, arg(metavar="DIR")]
RunName = Annotated[Positional[str], arg(metavar="[RUN]")]
Json = Annotated[FlagCreatePairsOff[bool], arg(help_behavior_hint="")]
Settings = tuple[tuple[str, str], ...]

RUNS = Path("runs")
ATTEMPTS = Path("replications")
SWEEPS = Path("sweeps")
STUDIES = Path("studies")


@runtime_checkable
class Command(Protocol):
    """A subcommand with its arguments filled in."""

    def execute(self) -> int:
        """Do it; the exit code."""
        ...
