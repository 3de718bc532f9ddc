"""What a monitor saw, as tables for people and as JSON for scripts."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from grokscope.cli.listing import state_of
from grokscope.cli.screen import new_table
from grokscope.cli.wording import count, decimal, whole
from grokscope.llm.monitor_run import MonitorRun
from grokscope.llm.panel_dictionary import SHOWN

Row = dict[str, Any]
MOST_STEPS = 8
"""Steps of a table, evenly chosen, first and last among them."""
_HEADINGS = {"distance_normalized": "normalised distance", "path_length": "length"}


def measured_rows(run: MonitorRun) -> list[Row]:
    """The main numbers of each group at each step; None where there is none."""
    curves = run.directory.curves()
    steps = curves.get("step", np.array([], dtype=int))
    rows: list[Row] = []
    for index, step in enumerate(steps):
        for group in run.header["groups"]:
            columns = {name: curves.get(f"moe/{group}/{name}") for name in SHOWN}
            values = {n: _number(column, index) for n, column in columns.items()}
            rows.append({"step": int(step), "group": group, **values})
    return rows


def alert_rows(run: MonitorRun) -> list[Row]:
    """Alerts and problems in the order in which they began."""
    return [dict(event) for event in run.directory.events]


def monitor_document(run: MonitorRun) -> Row:
    """The JSON of a monitor's run."""
    header = run.header
    report = run.path / "report.html"
    return {
        "run": run.directory.id,
        "path": str(run.path),
        "state": state_of(run.directory.status),
        **{name: header[name] for name in ("model", "layers", "experts", "groups", "measuring")},
        "steps": run.steps,
        "rows": measured_rows(run),
        "alerts": alert_rows(run),
        "files": {
            "report": str(report) if report.exists() else None,
            "curves": [str(path) for path in sorted((run.path / "metrics").glob("*.parquet"))],
            "routing": [
                str(run.path / "checkpoints" / e.name) for e in run.directory.checkpoints()
            ],
        },
    }


def over_steps(console: Console, rows: Sequence[Row]) -> Table:
    """A line for each group and step, of at most `MOST_STEPS` steps."""
    steps = sorted({row["step"] for row in rows})
    chosen = {steps[round(place)] for place in np.linspace(0, len(steps) - 1, MOST_STEPS)}
    names = [name for name in SHOWN if any(row[name] is not None for row in rows)]
    headings = ["group", "step", *(_HEADINGS.get(name, name) for name in names)]
    table = new_table(console, headings, right=headings[1:])
    for group in dict.fromkeys(row["group"] for row in rows):
        for row in rows:
            if row["group"] == group and row["step"] in chosen:
                numbers = [decimal(row[name], 3) for name in names]
                table.add_row(group, whole(row["step"]), *numbers)
    return table


def first_and_last(console: Console, rows: Sequence[Row], probes: Mapping[str, int]) -> Table:
    """A line for each group: its numbers at the first measurement and at the last."""
    names = [name for name in SHOWN if any(row[name] is not None for row in rows)]
    headings = ["group", "probes", *(_HEADINGS.get(name, name) for name in names)]
    table = new_table(console, headings, right=headings[1:])
    for group, number in probes.items():
        own = [row for row in rows if row["group"] == group]
        ends = [_ends(own, name) for name in names]
        table.add_row(group, f"{number:,}", *ends)
    return table


def size_words(header: Mapping[str, Any]) -> str:
    """Such as `16 layers × 64 experts`."""
    return f"{count(len(header['layers']), 'layer')} × {count(int(header['experts']), 'expert')}"


def _ends(rows: Sequence[Row], name: str) -> str:
    values = [decimal(row[name], 3) for row in (rows[0], rows[-1])] if rows else ["–"]
    return " → ".join(values) if len(rows) > 1 and set(values) != {"–"} else values[0]


def _number(column: Any, index: int) -> float | None:  # noqa: ANN401
    value = math.nan if column is None else float(column[index])
    return value if math.isfinite(value) else None
