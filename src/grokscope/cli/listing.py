"""`grokscope list`: the recipes there are, the runs that were made, what the metrics mean."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from grokscope.cli.screen import new_table, say, stdout, write_json
from grokscope.cli.wording import age
from grokscope.core.errors import GrokscopeError
from grokscope.store import RunDirectory, find_runs

if TYPE_CHECKING:
    from grokscope.recipes.replication import Replication

Row = dict[str, Any]
_SILENT_SECONDS = 120
"""A running training notes its state more often than this."""


def list_all(
    what: Literal["recipes", "runs", "metrics"] | None, out: Path, *, as_json: bool
) -> int:
    """Print recipes, runs, or both; or the metric dictionary."""
    if what == "metrics":
        return _list_metrics(as_json=as_json)
    recipes = recipe_rows() if what != "runs" else []
    runs = run_rows(out) if what != "recipes" else []
    if as_json:
        both = {"recipes": recipes, "runs": runs}
        write_json(both if what is None else both[what])
        return 0
    if what != "runs":
        _print(list(map(_recipe_cells, recipes)), right=("networks", "steps"))
    if what is None:
        stdout().print()
    if what != "recipes":
        _print(runs, right=("networks", "grokked", "age"))
        if not runs:
            say(f"no runs in {out} yet: try `grokscope demo`")
    return 0


def _list_metrics(*, as_json: bool) -> int:
    from grokscope.llm.panel_dictionary import METRICS as OF_MONITORS
    from grokscope.measures.dictionary import METRICS

    rows = [asdict(metric) for metric in (*METRICS.values(), *OF_MONITORS.values())]
    if as_json:
        write_json(rows)
    else:
        _print(rows, right=())
    return 0


def recipe_rows() -> list[Row]:
    """Name, source, networks, steps, summary and replications of every recipe."""
    from grokscope.recipes import RECIPES
    from grokscope.recipes.registry import REPLICATIONS

    replications = [make() for make in REPLICATIONS.values()]
    rows: list[Row] = []
    for make in RECIPES.values():
        recipe = make()
        row: Row = {
            "recipe": recipe.name,
            "networks": len(recipe.plan().networks),
            "steps": recipe.config.training.steps,
            "summary": recipe.summary,
            "source": recipe.source,
        }
        own = [found for found in replications if found.recipe == recipe.name]
        rows.append(row | {"replications": _tiers_of(own)})
    without = [found for found in replications if found.recipe not in RECIPES]
    for name in dict.fromkeys(found.recipe for found in without):
        own = [found for found in without if found.recipe == name]
        row = {"recipe": name, "networks": None, "steps": None, "summary": own[0].published}
        rows.append(row | {"source": own[0].source, "replications": _tiers_of(own)})
    return rows


def _tiers_of(replications: Sequence["Replication"]) -> list[Row]:
    """Every tier of some replications, with what it costs and what is known of it."""
    from grokscope.recipes.record import status_of

    return [
        {"replication": found.name, "tier": tier} | status_of(found, tier)
        for found in replications
        for tier in found.tiers
    ]


def _recipe_cells(row: Row) -> Row:
    """A recipe's row for people: its tiers, their cost and status in words."""
    tiers: list[Row] = row["replications"]
    names = dict.fromkeys(found["tier"] for found in tiers)
    own = {name: [found for found in tiers if found["tier"] == name] for name in names}
    cost = [f"{tier} {sum(f['minutes'] for f in found):g} min" for tier, found in own.items()]
    status = [f"{tier} {_status(found)}" for tier, found in own.items()]
    return {name: value for name, value in row.items() if name != "replications"} | {
        "tiers": ", ".join(names) or None,
        "cost": ", ".join(cost) or None,
        "status": ", ".join(status) or None,
    }


def _status(found: Sequence[Row]) -> str:
    """The status of a tier, or of how many replications each where they differ."""
    counted = Counter(each["status"] for each in found)
    if len(counted) == 1:
        return next(iter(counted))
    return " and ".join(f"{number} {status}" for status, number in counted.items())


def run_rows(out: Path) -> list[Row]:
    """Id, recipe, state, networks, how many grokked and age of every run, newest last."""
    return [_run_row(directory) for directory in find_runs(out)]


def _run_row(directory: RunDirectory) -> Row:
    row: Row = {"run": directory.id, "recipe": "–", "state": "damaged", "networks": None}
    row |= {"grokked": None, "created": None}
    try:
        status, summary = directory.status, directory.summary
        stored: Any = directory.config.get("networks")
        row |= {
            "recipe": str(status.get("recipe", "–")),
            "state": state_of(status),
            "networks": None if stored is None else len(stored),
            "grokked": _grokked(summary) if summary else None,
            "created": status.get("created"),
        }
    except GrokscopeError:
        return row  # one damaged run must not hide the others; `verify` says what is wrong
    return row


def state_of(status: dict[str, object]) -> str:
    """The stored state, or `stopped` where it says running and has been silent for minutes."""
    state = str(status.get("state", "unknown"))
    if state not in ("running", "created"):
        return state
    try:
        noted = datetime.fromisoformat(str(status.get("updated", status.get("created"))))
    except ValueError:
        return state
    silent = (datetime.now(UTC) - noted).total_seconds()
    return "stopped" if silent > _SILENT_SECONDS else state


def _grokked(summary: Sequence[Row]) -> int:
    return sum(row.get("grokked_step") is not None for row in summary)


def _print(rows: Sequence[Row], right: Sequence[str]) -> None:
    if not rows:
        return
    console = stdout()
    names = [name if name != "created" else "age" for name in rows[0]]
    table = new_table(console, names, right=right)
    for row in rows:
        table.add_row(*(_cell(name, row) for name in row))
    console.print(table)


def _cell(name: str, row: Row) -> str:
    value = row[name]
    if name == "created":
        return age(value)
    if value is None:
        return "–"
    if name == "grokked":
        return f"{value}/{row['networks']}"
    return f"{value:,}" if isinstance(value, int) else str(value)
