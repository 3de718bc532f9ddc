"""The subcommands of sweeps and their arguments."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, Suppress, UseAppendAction, arg

from grokscope.cli.command import SWEEPS, Json, Settings, SweepFolder


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Train a recipe at many settings, and keep what is done through whatever happens.

    `--x optimizer.weight_decay=log:1e-3:10:12 --y train_fraction=0.2:0.8:12 --seeds 4` trains a
    grid; ranges are `low:high:points` or `log:low:high:points`, lists `0.1,0.3,1`. The same command
    again goes on; more points or more seeds extend the sweep. Settings for all runs are given as in
    `grokscope run`: `--set p=31`, `--p 31` or `p=31`.
    """

    recipe: Annotated[Positional[str], arg(metavar="RECIPE|PLAN.toml")]
    """Name of the recipe, or a plan written as TOML."""
    x: Annotated[str | None, arg(metavar="NAME=RANGE", help_behavior_hint="")] = None
    """The first axis: a setting and what it takes."""
    y: Annotated[str | None, arg(metavar="NAME=RANGE", help_behavior_hint="")] = None
    """The second axis."""
    axis: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME=RANGE")] = ()
    """Another axis; may be given several times."""
    set: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME=VALUE")] = ()
    """A setting for all runs; may be given several times."""
    seeds: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """Networks at each point, with consecutive seeds from `--seed` on; 1 unless given."""
    design: Literal["grid", "random", "latin"] = "grid"
    """How the space is filled: all combinations, random points, or a Latin hypercube."""
    samples: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """Points to draw, for designs that draw."""
    design_seed: Annotated[int, arg(metavar="N")] = 0
    """Seed of what is drawn."""
    name: Annotated[str | None, arg(metavar="NAME", help_behavior_hint="")] = None
    """Of the sweep's folder; made of recipe and axes unless given."""
    out: SweepFolder = SWEEPS
    """The folder of all sweeps."""
    engine: Annotated[
        Literal["process", "pool", "ray", "slurm"] | None,
        arg(metavar="{process,pool,ray,slurm}", help_behavior_hint=""),
    ] = None
    """This process, a pool of processes, Ray, or Slurm; a pool where there are several workers,
    this process otherwise."""
    workers: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """Processes of a pool, jobs on Slurm, or CPUs of a local Ray cluster."""
    address: Annotated[str | None, arg(metavar="TEXT", help_behavior_hint="")] = None
    """Of a Ray cluster; a local one is started unless given."""
    threads: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """Threads that train one cohort; fixed when the sweep is made. Unless given, a worker alone has
    all cores, and of several each has its part."""
    cohort: Annotated[int | None, arg(metavar="N", help_behavior_hint="")] = None
    """Networks that train together; as many as take about a minute unless given."""
    ledger: Annotated[
        Literal["sqlite", "files"] | None, arg(metavar="{sqlite,files}", help_behavior_hint="")
    ] = None
    """How workers share the work: a database, or files where several hosts share the folder, which
    is what a network file system gets by itself."""
    mirror: Annotated[str | None, arg(metavar="URL", help_behavior_hint="")] = None
    """Copy finished runs there, such as to s3://bucket/sweeps."""
    dry_run: Json = False
    """Check the plan and estimate the time, but train nothing."""
    json: Json = False
    """Print one JSON object on stdout."""
    settings: Suppress[Settings] = ()
    """Changed settings by name, as text."""

    def execute(self) -> int:
        """Plan, estimate, train, count."""
        from grokscope.cli.sweep import sweep

        return sweep(self)


@dataclass(frozen=True, kw_only=True)
class Worker:
    """Take part in a sweep until nothing is left to train.

    Any number of workers may do so, on any host that sees the sweep's folder: each takes what no
    other has, and what a worker that died has left.
    """

    sweep: Annotated[Positional[str], arg(metavar="SWEEP")]
    """Path or name of the sweep."""
    out: SweepFolder = SWEEPS
    """The folder of all sweeps."""
    mirror: Annotated[str | None, arg(metavar="URL", help_behavior_hint="")] = None
    """Copy finished runs there, too."""
    attached: Json = False
    """Stop when the process that started this one ends."""
    json: Json = False
    """Print one JSON object on stdout."""

    def execute(self) -> int:
        """Work, count."""
        from grokscope.cli.sweep import worker

        return worker(self)


@dataclass(frozen=True, kw_only=True)
class Phases:
    """The phase diagram of a sweep: as text, and as a page that needs no network.

    Writes `report.html` into the sweep. What is not an axis and varies is pooled unless `--where`
    fixes it: grokscope phases SWEEP --x weight_decay --y lr --where train_fraction=0.5
    """

    sweep: Annotated[Positional[str], arg(metavar="SWEEP")]
    """A path, a name, or the beginning of a name."""
    x: Annotated[str | None, arg(metavar="NAME", help_behavior_hint="")] = None
    """Setting of the first axis; that of the sweep unless given."""
    y: Annotated[str | None, arg(metavar="NAME", help_behavior_hint="")] = None
    """Setting of the second axis; that of the sweep unless an axis is given."""
    where: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME=VALUE")] = ()
    """Fix a setting at a value; may be given several times."""
    rule: Annotated[str, arg(metavar="RULE")] = "grokdef/1"
    """The definition of labels in the text: grokdef/1, or liu2022 for that of arXiv 2205.10343."""
    file: Annotated[Path | None, arg(aliases=("-o",), metavar="FILE", help_behavior_hint="")] = None
    """Where to write the page too (.html), or the cells (.json)."""
    out: SweepFolder = SWEEPS
    """The folder of all sweeps."""
    json: Json = False
    """Print one JSON object on stdout."""

    def execute(self) -> int:
        """Gather, write, print."""
        from grokscope.cli.phases import phases

        return phases(self)
