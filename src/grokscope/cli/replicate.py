"""`grokscope replicate`: say what it costs, run the arms, print published against measured."""

import shlex
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from rich.text import Text

from grokscope.cli.command import ATTEMPTS
from grokscope.cli.commands import Replicate
from grokscope.cli.lines import LineListener
from grokscope.cli.panel import LivePanel
from grokscope.cli.screen import new_table, say, stdout, write_json
from grokscope.cli.train import training_screen
from grokscope.cli.wording import count, duration
from grokscope.core.errors import InterruptedRunError, SettingError, UsageError
from grokscope.experiment import Plan, estimate
from grokscope.recipes.record import record
from grokscope.recipes.registry import REPLICATIONS
from grokscope.recipes.replicate import Attempt
from grokscope.recipes.replication import Arm, Replication, chosen
from grokscope.recipes.table import row_of

Row = dict[str, Any]
_PROBE_SECONDS = 0.2
_COLUMNS = ("replication", "verdict", "measured", "control", "networks", "published", "rule")


def replicate(request: Replicate) -> int:
    """Carry replications out; the exit code, whatever the verdicts."""
    if request.record and request.development:
        raise UsageError("`--record` keeps results of evaluation seeds: leave out `--development`.")
    attempts = [
        Attempt(
            replication=replication,
            tier=request.tier,
            out=request.out,
            development=request.development,
        )
        for replication in chosen(request.recipes, request.tier, REPLICATIONS)
    ]
    costs = _say_costs(attempts)
    if request.dry_run:
        say("nothing was run (--dry-run)")
        if request.json:
            write_json(costs)
        return 0
    _tell([_carry_out(attempt, request) for attempt in attempts], as_json=request.json)
    return 0


class Watcher:
    """Says which arm begins, and shows how its training goes."""

    def arm(self, replication: Replication, arm: Arm) -> None:
        """One line on stderr."""
        say(f"{replication.name}: {arm.role} `{arm.name}`, {count(arm.seeds, 'seed')}")

    def watching(self, plan: Plan) -> AbstractContextManager[LivePanel | LineListener]:
        """The live panel, or lines."""
        return training_screen(plan)


def _carry_out(attempt: Attempt, request: Replicate) -> Row:
    try:
        document = attempt.carry_out(Watcher())
    except InterruptedRunError as error:
        again = f"Go on with `{_command(request)}`."
        raise InterruptedRunError(f"{error.message} {again}") from error
    say(f"{attempt.name}: {document['verdict']} ({document['reason']})")
    if request.record:
        say(f"recorded in {record(document).name}")
    return document


def _command(request: Replicate) -> str:
    words = ["grokscope", "replicate", *request.recipes, "--tier", request.tier]
    words += ["--development"] * request.development + ["--record"] * request.record
    words += ["--out", str(request.out)] if request.out != ATTEMPTS else []
    return shlex.join(words)


def _say_costs(attempts: Sequence[Attempt]) -> list[Row]:
    rows = [_cost(attempt) for attempt in attempts]
    for row in rows:
        done = f", {row['arms_done']} of {row['arms']} arms done before" if row["arms_done"] else ""
        say(
            f"{row['replication']}: at most {duration(row['seconds_at_most'])}"
            f" ({duration(60 * row['minutes'])} expected in all){done}"
        )
    if len(rows) > 1:
        say(f"together at most {duration(sum(row['seconds_at_most'] for row in rows))}")
    return rows


def _cost(attempt: Attempt) -> Row:
    """What is left to do: by trial steps for what trains, as stated for the rest."""
    stage = attempt.replication.stage(attempt.tier)
    left = [arm for arm in stage.arms if not attempt.is_done(arm)]
    plans = [arm.make(attempt.seeds(arm)) for arm in left if arm.make is not None]
    share = 60 * stage.minutes / len(stage.arms)
    return {
        "replication": attempt.replication.name,
        "tier": attempt.tier,
        "arms": len(stage.arms),
        "arms_done": len(stage.arms) - len(left),
        "networks": sum(len(plan.networks) for plan in plans),
        "minutes": stage.minutes,
        "seconds_at_most": sum(_seconds(plan, share) for plan in plans)
        + share * (len(left) - len(plans)),
    }


def _seconds(plan: Plan, stated: float) -> float:
    """By a short trial, or as stated where the plan cannot run here, which it says when it must."""
    try:
        return estimate(plan, _PROBE_SECONDS).seconds_at_most
    except SettingError:
        return stated


def _tell(documents: Sequence[Row], *, as_json: bool) -> None:
    if as_json:
        write_json(documents)
        return
    console = stdout()
    if not console.is_terminal:
        table = new_table(console, _COLUMNS)
        for document in documents:
            table.add_row(*(Text(row_of(document)[name]) for name in _COLUMNS))
        console.print(table)
        return
    for document in documents:  # a table of long texts does not fit a screen
        row = row_of(document)
        console.print(f"\n{row['replication']}: {row['verdict']}", markup=False)
        for name in _COLUMNS[2:]:
            console.print(f"  {name:<10} {row[name]}", markup=False)
