"""`sweep` and `worker`: plan, say what it costs, train, count what came of it."""

import shlex
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from grokscope.cli.arguments import option_names
from grokscope.cli.command import SWEEPS
from grokscope.cli.commands import Sweep, Worker
from grokscope.cli.screen import new_table, say, stdout, write_json
from grokscope.cli.settings import read_sections, read_settings
from grokscope.cli.wording import count, duration
from grokscope.core.errors import (
    InterruptedRunError,
    MemoryExceededError,
    SettingError,
    UsageError,
)
from grokscope.core.settings import require_at_least
from grokscope.experiment import Listener, Silence
from grokscope.experiment.interruption import stop_on_signal
from grokscope.recipes import find_recipe
from grokscope.store import RunDirectory
from grokscope.sweep import cohort, folder
from grokscope.sweep.cost import Cost, cost_of
from grokscope.sweep.design import Design
from grokscope.sweep.launch import usable_cores
from grokscope.sweep.mirror import Mirror, storage_of
from grokscope.sweep.plan import SweepPlan, plan_sweep, read_plan
from grokscope.sweep.pool import end_with_parent, run_pool
from grokscope.sweep.result import Results
from grokscope.sweep.start import begin, mend, new_shapes, open_shapes, standing
from grokscope.sweep.worker import Worker as SweepWorker

Row = dict[str, Any]


def sweep(request: Sweep) -> int:
    """Start a sweep or go on with it; the exit code."""
    engine = _engine(request)
    plan, threads = _plan(request), _threads(request, engine)
    if request.dry_run:
        return _dry(plan, threads, request)
    _require_engine(engine, request)
    _require_same(plan, request)
    with stop_on_signal() as stop:
        made, added = begin(
            request.out, plan, threads, ledger=request.ledger, per_cohort=request.cohort
        )
        _say_standing(made, added, mend(made))
        mirror = None if request.mirror is None else Mirror(request.mirror, made)
        try:
            if standing(made).cohorts:
                _say_cost(made, 1 if engine == "process" else _workers(request))
                if stop.requested:
                    raise InterruptedRunError("Stopped before the first cohort.")
                _run(made, engine, request, mirror)
            _copy_missing(made, mirror)
        except InterruptedRunError as error:
            message = f"{error.message} Go on with the same command, or `{_worker_words(made)}`."
            raise InterruptedRunError(message) from error
    return _tell(made, as_json=request.json)


def worker(request: Worker) -> int:
    """Work on a sweep until nothing is left; the exit code."""
    if request.attached:
        end_with_parent()
    found = folder.find_sweep(request.sweep, request.out)
    mirror = None if request.mirror is None else Mirror(request.mirror, found)
    one = SweepWorker(sweep=found, watcher=Lines(), mirror=_copier(mirror))
    try:
        one.work()
    except InterruptedRunError as error:
        message = f"{error.message} Go on with `{_worker_words(found)}`."
        raise InterruptedRunError(message) from error
    now = standing(found)
    say(f"{found.name}: {count(len(one.trained), 'cohort')} trained here; {now.done:,} of "
        f"{now.runs:,} runs are done")  # fmt: skip
    if not now.is_complete:
        left = count(now.runs - now.done, "run")
        say(f"{left} failed or are gone: the command that made the sweep does them again")
    if request.json:
        write_json({"sweep": str(found.path), "trained": one.trained, "done": now.done})
    return 0


class Lines:
    """Says on stderr what becomes of each cohort."""

    def watching(self, sweep: folder.Sweep, cohort: cohort.Cohort) -> Listener:
        """Nothing while one is trained: it takes about a minute."""
        return Silence()

    def ended(self, sweep: folder.Sweep, cohort: cohort.Cohort, seconds: float) -> None:
        """How far the sweep is."""
        now = standing(sweep)
        networks = count(len(cohort.members), "network")
        say(f"{cohort.id}: {networks} in {duration(seconds)}; {now.done:,} of {now.runs:,} done")

    def split(self, sweep: folder.Sweep, cohort: cohort.Cohort, reason: str) -> None:
        """Why it goes on in two halves."""
        say(f"{cohort.id} goes on in two halves: {reason}")


def _plan(request: Sweep) -> SweepPlan:
    path = Path(request.recipe)
    given = [*(axis for axis in (request.x, request.y) if axis is not None), *request.axis]
    pairs = [*map(_pair, request.set), *request.settings]
    if path.suffix == ".toml":
        own = (request.seeds, request.name, request.samples)
        drawn = request.design != "grid" or request.design_seed != 0
        if given or pairs or drawn or any(value is not None for value in own):
            raise UsageError(f"What {path} trains is written in it: leave the other settings out.")
        return read_plan(path)
    sections, rest = read_sections(pairs)
    config = find_recipe(request.recipe).of_kinds(sections).config
    settings = read_settings(config, rest, option_names(Sweep))
    if not given:
        raise UsageError("A sweep needs an axis, such as `--x weight_decay=log:1e-3:10:12`.")
    axes = dict(map(_pair, given))
    if len(axes) < len(given):
        raise SettingError("axes", "of different settings", ", ".join(given))
    return plan_sweep(
        request.recipe,
        axes,
        settings=sections | settings,
        seeds=1 if request.seeds is None else request.seeds,
        design=Design(kind=request.design, samples=request.samples, seed=request.design_seed),
        name=request.name,
    )


def _pair(text: str) -> tuple[str, str]:
    name, has_value, value = text.partition("=")
    if not has_value or not name or not value:
        raise UsageError(f"{text!r} must be NAME=VALUE, such as `weight_decay=log:1e-3:10:12`.")
    return name.removeprefix("--"), value


def _engine(request: Sweep) -> str:
    require_at_least(1, request, "workers", "threads", "cohort", "seeds")
    engine = request.engine or ("pool" if (request.workers or 1) > 1 else "process")
    if request.address is not None and engine != "ray":
        raise UsageError("`--address` is that of a Ray cluster: add `--engine ray`.")
    if engine == "process" and (request.workers or 1) > 1:
        raise UsageError("This process is one worker: leave `--workers` out, or `--engine pool`.")
    return engine


def _require_engine(engine: str, request: Sweep) -> None:
    """Refuse what cannot work before a sweep is made."""
    if request.mirror is not None:
        storage_of(request.mirror)
    if engine == "ray":
        from grokscope.sweep.ray import require_ray

        require_ray(request.address)
    elif engine == "slurm":
        from grokscope.sweep.slurm import require_slurm

        require_slurm()


def _require_same(plan: SweepPlan, request: Sweep) -> None:
    """Refuse another number of threads or kind of ledger than the sweep was made with."""
    path = request.out / plan.folder_name
    if not (path / folder.HEADER_NAME).is_file():
        return
    header = folder.Sweep.open(path).header
    for name in ("threads", "ledger"):
        asked, made = getattr(request, name), getattr(header, name)
        if asked not in (None, made):
            raise UsageError(f"`{name}` was fixed when {path} was made: {made}, not {asked}.")


def _threads(request: Sweep, engine: str) -> int:
    """One core for each worker of several, all of the machine for one alone."""
    if request.threads is not None:
        return request.threads
    if engine == "process":
        return usable_cores()
    return 1 if engine in ("ray", "slurm") else max(1, usable_cores() // _workers(request))


def _workers(request: Sweep) -> int:
    """Of a pool: one for each core unless somebody says otherwise."""
    return request.workers or usable_cores()


def _say_cost(made: folder.Sweep, at_once: int) -> None:
    try:
        say(expectation(cost_of(open_shapes(made)), at_once))
    except MemoryExceededError:
        say("a cohort does not fit in memory here: then it goes on in two halves")


def _run(made: folder.Sweep, engine: str, request: Sweep, mirror: Mirror | None) -> None:
    options = [] if request.mirror is None else ["--mirror", request.mirror]
    if engine == "process":
        SweepWorker(sweep=made, watcher=Lines(), mirror=_copier(mirror)).work()
    elif engine == "pool":
        run_pool(made, _workers(request), options)
    elif engine == "ray":
        from grokscope.sweep.ray import run_on_ray

        run_on_ray(made, request.address, request.workers, lambda cohort: say(f"{cohort} is done"))
    else:
        from grokscope.sweep.slurm import submit

        jobs = submit(made, request.workers or 1)
        say(f"{count(len(jobs), 'job')} submitted; the same command later says how far they are")


def _copy_missing(made: folder.Sweep, mirror: Mirror | None) -> None:
    """What others have published, and what could not be copied when it was."""
    copy = _copier(mirror)
    if mirror is None or copy is None:
        return
    try:
        missing = mirror.missing()
    except Exception as error:  # whatever the storage raises must not hide what was trained
        say(f"nothing was copied: {error}")
        return
    for name in missing:
        copy(RunDirectory(made.runs / name))


def _copier(mirror: Mirror | None) -> Callable[[RunDirectory], None] | None:
    """What a worker does with a published run; a copy that fails is made later, and said."""
    if mirror is None:
        return None

    def copy(run: RunDirectory) -> None:
        try:
            mirror.copy(run.id)
        except Exception as error:  # whatever the storage raises must not stop the training
            say(f"{run.id} was not copied: {error}")

    return copy


def expectation(cost: Cost, workers: int = 1) -> str:
    """Such as `576 runs in 12 cohorts: about 24 min if every run uses its budget, …`."""
    kinds = f" of {cost.shapes} shapes" if cost.shapes > 1 else ""
    seconds = duration(cost.seconds / workers)
    shared = f" with {workers} workers" if workers > 1 else ""
    return (
        f"{count(cost.runs, 'run')} in {count(cost.cohorts, 'cohort')}{kinds}: about {seconds}"
        f"{shared} if every run uses its budget, less when they grok early"
    )


def _dry(plan: SweepPlan, threads: int, request: Sweep) -> int:
    path = request.out / plan.folder_name
    there = folder.Sweep.open(path) if (path / folder.HEADER_NAME).is_file() else None
    planned = plan.runs()
    shapes = new_shapes(there, planned, request.cohort, threads)
    cost = cost_of(shapes)
    seeds = count(plan.seeds, "seed")
    say(f"{path}: {count(len(plan.points), 'point')} of {', '.join(plan.axes)}, {seeds} each")
    known = len(planned) - cost.runs
    say(expectation(cost) + (f"; {known:,} runs are there already" if known else ""))
    say("nothing was trained (--dry-run)")
    if request.json:
        write_json(
            {
                "sweep": str(path),
                "axes": list(plan.axes),
                "points": len(plan.points),
                "runs": cost.runs,
                "known": known,
                "cohorts": [
                    {"networks": len(one.members), "settings": dict(one.members[0].settings)}
                    for shape in shapes
                    for one in shape.cohorts()
                ],
                "seconds": cost.seconds,
            }
        )
    return 0


def _say_standing(made: folder.Sweep, added: int, again: int) -> None:
    now = standing(made)
    parts = [f"{now.done:,} of {count(now.runs, 'run')} are done"] if now.done else []
    parts += [f"{count(added, 'run')} added"] if added else []
    parts += [f"{count(again, 'run')} to be done again"] if again else []
    say(f"{_near(made.path)}: {', '.join(parts) or 'going on'}")


def _tell(made: folder.Sweep, *, as_json: bool) -> int:
    now, results = standing(made), Results(made).all
    labels = Counter(result.label for result in results)
    if as_json:
        write_json(
            {
                "sweep": str(made.path),
                "runs": now.runs,
                "done": now.done,
                "failed": now.failed,
                "labels": dict(labels.most_common()),
            }
        )
    else:
        console = stdout()
        table = new_table(console, ["label", "runs"], right=["runs"])
        for label, number in labels.most_common():
            table.add_row(label, f"{number:,}")
        console.print(table)
    if now.failed:
        cohort_id, reason = next(iter(now.failed.items()))
        say(f"grokscope: {count(len(now.failed), 'cohort')} failed; {cohort_id}: {reason}")
        return now.exit_code
    say(f"next: grokscope phases {_name_of(made)}")
    columns = ", ".join(name.replace(".", "_") for name in made.header.axes)
    say(
        f'      grokscope query "SELECT {columns}, label, grokked_step FROM runs" --out '
        f"{shlex.quote(str(_near(made.runs)))}"
    )
    return 0


def _worker_words(made: folder.Sweep) -> str:
    return f"grokscope worker {_name_of(made)}"


def _name_of(made: folder.Sweep) -> str:
    """How to name a sweep in a suggested command."""
    path = _near(made.path)
    return shlex.quote(made.name if path.parent == SWEEPS else str(path))


def _near(path: Path) -> Path:
    """The path from here where it is below, else in full."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
