"""`demo` and `run`: settle the plan, say how long it takes, train, tell what came of it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grokscope.cli.arguments import option_names
from grokscope.cli.command import Settings
from grokscope.cli.commands import TRAINING
from grokscope.cli.lines import LineListener
from grokscope.cli.panel import LivePanel
from grokscope.cli.report import refresh
from grokscope.cli.results import networks_table, run_document, speed_line
from grokscope.cli.run_name import open_trained, out_option, run_words
from grokscope.cli.screen import say, stderr, stdout, write_json
from grokscope.cli.settings import (
    read_sections,
    read_settings,
    refuse_settings_of_variants,
)
from grokscope.cli.wording import count, duration, step_time
from grokscope.core.errors import DivergedError, GrokscopeError, InterruptedRunError, UsageError
from grokscope.core.settings import flatten, with_settings
from grokscope.experiment import (
    Config,
    Estimate,
    Plan,
    Run,
    estimate,
    resume_run,
    start_run,
)
from grokscope.experiment.kinds import kinds_of
from grokscope.recipes import Recipe, find_recipe

_SHORT_PROBE_SECONDS = 0.2
_LONG_RUN_SECONDS = 10.0
EXPLAINED = 6
"""So many networks are explained after training; each takes a second or more."""


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """What the command line asked for."""

    command: str
    recipe: str | None
    seeds: int | None
    out: Path
    resume: str | None
    json: bool
    settings: Settings
    dry_run: bool = False


def train(request: TrainRequest) -> int:
    """Train a new run or go on with one; the exit code."""
    started = time.monotonic()
    try:
        run = _resume(request) if request.resume else _start(request)
    except InterruptedRunError as error:
        command = f"grokscope {request.command} --resume {error.run_id}{out_option(request.out)}"
        raise InterruptedRunError(f"{error.message} Go on with `{command}`.") from error
    if run is not None:
        _tell(run, request, started)
        _refuse_all_diverged(run)
    return 0


def _start(request: TrainRequest) -> Run | None:
    if request.recipe is None:
        raise UsageError("Which recipe? `grokscope list recipes` names them; try `quick`.")
    plan = new_plan(find_recipe(request.recipe), request)
    if request.command == "run":
        found = probe(plan)
        say(expectation(found))
        if request.dry_run:
            return _dry(plan, found, request)
    with training_screen(plan) as listener:
        return start_run(plan, request.out, listener)


def new_plan(recipe: Recipe, request: TrainRequest) -> Plan:
    """The recipe's plan with the user's settings.

    Raises:
        UsageError: a setting or kind that is unknown, or that the recipe varies itself.
        SettingError: a value that breaks its rule.
    """
    options = option_names(TRAINING[request.command])
    sections, settings = read_sections(request.settings)
    recipe = recipe.of_kinds(sections)
    changes = read_settings(recipe.config, settings, options)
    refuse_settings_of_variants(changes, recipe.variants)
    return recipe.plan(with_settings(recipe.config, changes), request.seeds)


def probe(plan: Plan) -> Estimate:
    """The time it will take: two seconds of trial, less where the whole run takes seconds."""
    short = estimate(plan, _SHORT_PROBE_SECONDS)
    return short if short.seconds_at_most < _LONG_RUN_SECONDS else estimate(plan)


def expectation(found: Estimate) -> str:
    """Such as `6 networks, 34 ms a step: at most 1 min 42 s for 3,000 steps, …`."""
    rounds = f" in {found.rounds} rounds" if found.rounds > 1 else ""
    return (
        f"{count(found.networks, 'network')}{rounds}, {step_time(found.seconds_per_step)} a step: "
        f"at most {duration(found.seconds_at_most)} for {found.steps:,} steps"
        + (", less when they grok early" if found.steps > 1 else "")
    )


def _dry(plan: Plan, found: Estimate, request: TrainRequest) -> None:
    if request.json:
        document: dict[str, Any] = {
            "recipe": plan.recipe,
            "networks": found.networks,
            "steps": found.steps,
            "seconds_per_step": found.seconds_per_step,
            "seconds_at_most": found.seconds_at_most,
            "settings": kinds_of(plan.base) | flatten(plan.base),
            "varying": plan.varying(),
        }
        write_json(document)
    else:
        stdout().print(settings_text(plan.base), markup=False, soft_wrap=True)
        say("nothing was trained (--dry-run)")


def settings_text(config: Config) -> str:
    """Every kind and setting as `name=value`, one a line."""
    both = kinds_of(config) | flatten(config)
    return "\n".join(f"{name}={value}" for name, value in both.items())


def _resume(request: TrainRequest) -> Run:
    directory = open_trained(request.resume or "", request.out)
    plan = Plan.from_dict(directory.config)
    _refuse_changes(plan, request)
    if directory.status.get("state") == "finished":
        say(f"{directory.id} has already finished")
        return resume_run(directory)
    say(f"going on with {directory.id}")
    with training_screen(plan) as listener:
        return resume_run(directory, listener)


def _refuse_changes(plan: Plan, request: TrainRequest) -> None:
    """What a run is, is on disk; the command line may repeat it but not change it."""
    rule = "cannot be changed on resume: leave it out, or start a new run"
    if request.recipe not in (None, plan.recipe):
        raise UsageError(f"That is a run of `{plan.recipe}`, not of `{request.recipe}`.")
    sections, settings = read_sections(request.settings)
    stored = flatten(plan.base) | kinds_of(plan.base)
    changes = read_settings(plan.base, settings) | {
        name: kind.replace("-", "_") for name, kind in sections.items()
    }
    for name, value in changes.items():
        if stored[name] != value:
            raise UsageError(f"`{name}` is {stored[name]!r} in that run and {rule}.")
    seeds = len({network.seed for network in plan.networks})
    if request.seeds not in (None, seeds):
        raise UsageError(f"`--seeds` is {seeds} in that run and {rule}.")


def training_screen(plan: Plan) -> LivePanel | LineListener:
    """The live panel on a terminal, a line every few seconds elsewhere."""
    console = stderr()
    if not console.is_terminal or console.is_dumb_terminal or "utf" not in console.encoding.lower():
        return LineListener()
    task, networks = plan.base.task.name, count(len(plan.networks), "network")
    return LivePanel(f"{plan.recipe}: {task}, {networks}", console)


def _tell(run: Run, request: TrainRequest, started: float) -> None:
    """Results first, so that a report that cannot be written costs nothing else."""
    console = stdout()
    if not request.json:
        console.print(networks_table(console, run.networks))
    learned = _explain(run, request)
    written = refresh(run)
    if request.json:
        document: dict[str, Any] = {"explanations": learned}
        document |= {"wall_seconds": time.monotonic() - started, "report": written}
        write_json(document | run_document(run))
    else:
        _next_steps(run, written, request)


def _explain(run: Run, request: TrainRequest) -> list[dict[str, Any]]:
    """Explanations of the first networks, in few words; all of them are `grokscope explain`'s."""
    from grokscope.cli.explain import explain_after_training

    try:
        learned = explain_after_training(run, EXPLAINED)
    except GrokscopeError as error:
        say(f"no explanation: {error}")
        return []
    for row in learned:
        say(f"network {row['network']}: {row['sentence']}")
    if learned and len(run.plan.networks) > EXPLAINED:
        name = run_words(run.directory, request.out)
        say(f"the first {EXPLAINED} are explained; all of them: grokscope explain {name}")
    return learned


def _next_steps(run: Run, report: str | None, request: TrainRequest) -> None:
    name = run_words(run.directory, request.out)
    console = stderr()
    if report is not None:
        console.print(f"\nreport  {_near(Path(report))}", markup=False, soft_wrap=True)
    console.print(f"run     {_near(run.path)}", markup=False, soft_wrap=True)
    if speed := speed_line(run):
        console.print(f"speed   {speed}", markup=False, soft_wrap=True)
    console.print("\nnext:", markup=False, soft_wrap=True)
    commands = [
        (f"grokscope show {name}", "reasons, settings and files of this run"),
        (f"grokscope explain {name}", "what the networks learned, circle by circle, test by test"),
        (
            f'grokscope query "SELECT run, label, grokked_step FROM runs"{out_option(request.out)}',
            "ask all runs in SQL",
        ),
    ]
    if request.command == "demo":
        commands.append(("grokscope run nanda2023", "the published run at full size"))
    width = max(len(command) for command, _ in commands)
    for command, purpose in commands:
        console.print(f"  {command:<{width}}  {purpose}", markup=False, soft_wrap=True)


def _refuse_all_diverged(run: Run) -> None:
    rows: Sequence[dict[str, Any]] = run.networks
    if rows and all(row["stop_reason"] == "diverged" for row in rows):
        first = min(rows, key=lambda row: row["steps"])
        who = "The network" if len(rows) == 1 else f"All {len(rows)} networks"
        where = f" ({first['first_bad_tensor']})" if first["first_bad_tensor"] else ""
        raise DivergedError(
            f"{who} diverged, the first at step {first['steps']}{where}: try a smaller `--lr`."
        )


def _near(path: Path) -> Path:
    """The path from here where it is below, else in full."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
