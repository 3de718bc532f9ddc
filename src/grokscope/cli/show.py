"""`grokscope show`: what the networks of a run did, why we say so, and where its files are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.text import Text

from grokscope.cli.label_styles import LABEL_STYLES
from grokscope.cli.listing import state_of
from grokscope.cli.results import networks_table, run_document, speed_line
from grokscope.cli.run_name import is_of_monitor, open_run, run_words
from grokscope.cli.screen import new_table, stdout, write_json
from grokscope.cli.wording import age, count, decimal, whole
from grokscope.core.settings import flatten
from grokscope.experiment import Run
from grokscope.experiment.kinds import kinds_of
from grokscope.experiment.quantities import Quantities

Row = Mapping[str, Any]


def show(name: str, out: Path, *, as_json: bool) -> int:
    """Print a run."""
    directory = open_run(name, out)
    if is_of_monitor(directory):
        from grokscope.cli.show_monitor import show_monitor

        return show_monitor(directory, out, as_json=as_json)
    run = Run(directory)
    if as_json:
        values = kinds_of(run.plan.base) | flatten(run.plan.base)
        settings = {"settings": values, "varying": run.plan.varying()}
        write_json(run_document(run) | settings | {"files": _files(run)})
        return 0
    console = stdout()
    _heading(console, run, out)
    if run.networks:
        console.print(networks_table(console, run.networks))
        _reasons(console, run)
    else:
        _so_far(console, run)
    _settings(console, run)
    _print_files(console, run, out)
    return 0


def _heading(console: Console, run: Run, out: Path) -> None:
    status = run.directory.status
    state = state_of(status)
    facts = [run.plan.recipe, run.plan.base.task.name, count(len(run.plan.networks), "network")]
    facts += [state, f"made {age(status.get('created'))} ago"]
    _line(console, Text(run.id, "bold"))
    _line(console, Text(", ".join(facts)))
    if speed := speed_line(run):
        _line(console, Text(speed))
    if run.plan.origin is not None:
        _line(console, Text(run.plan.origin.sentence))
    if status.get("error"):
        _line(console, Text(f"error: {status['error']}", "red"))
    if state != "finished":
        _line(console, Text(f"go on with: grokscope run --resume {run_words(run.directory, out)}"))
    _line(console, Text())


def _reasons(console: Console, run: Run) -> None:
    """Label, intervals and reasons; every event is known to lie between two evaluations."""
    score = Quantities.of(run.plan).score
    for row in run.networks:
        head = Text(f"network {row['index']}: ", "bold")
        head.append(row["label"], LABEL_STYLES.get(row["label"], ""))
        if not row["robust"]:
            head.append(" (not robust: another label at a test threshold of .9 or .99)", "dim")
        _line(console, head)
        for reason in (*row["reasons"], *_intervals(row), *_extent(row, score)):
            _line(console, Text(f"  {reason}"))
    _line(console, Text())


def _intervals(row: Row) -> list[str]:
    parts: list[str] = []
    for name, verb in (("memorized", "memorised"), ("grokked", "generalised")):
        step, after = row[f"{name}_step"], row[f"{name}_after"]
        if step is not None and after is not None:
            parts.append(f"{verb} after step {after:,} and by step {step:,}")
    return [", ".join(parts)] if parts else []


_TESTED = {
    "novel": "novel rows",
    "mirrored": "mirrored rows",
    "ood": "rows out of the distribution",
}


def _extent(row: Row, score: str) -> list[str]:
    parts: list[str] = []
    if row["plateau_share"] is not None:
        parts.append(f"plateau {row['plateau_share']:.0%} of the delay in log-steps")
    if row["decay_times"] is not None:
        parts.append(f"delay {row['decay_times']:.2f} decay times")
    ended = {"budget": "at its budget", "grokked": "some time after it grokked"}
    parts.append(f"ended {ended.get(row['stop_reason'], 'diverged')}, step {row['steps']:,}")
    tested = {part: row.get(f"test_acc_{part}") for part in _TESTED}
    known = [f"{v:.3f} on {_TESTED[part]}" for part, v in tested.items() if v is not None]
    return [", ".join(parts), *([f"test {score} {', '.join(known)}"] if known else [])]


def _so_far(console: Console, run: Run) -> None:
    """The latest evaluation of each network of a run that has not finished."""
    curves = run.curves
    names = ("network", "model", "seed", "step", "train acc", "test acc")
    table = new_table(console, names, right=names[2:])
    for i, config in enumerate(run.plan.networks):
        rows = np.flatnonzero(curves["network"] == i) if curves else np.array([], dtype=int)
        last = {n: float(curves[n][rows[-1]]) if len(rows) else None for n in _LATEST}
        table.add_row(
            str(i),
            config.model.name,
            str(config.seed),
            whole(last["step"]),
            decimal(last["train/acc"], 3),
            decimal(last["test/acc"], 3),
        )
    console.print(table)
    _line(console, Text())


_LATEST = ("step", "train/acc", "test/acc")


def _settings(console: Console, run: Run) -> None:
    varying, kinds = run.plan.varying()[0], kinds_of(run.plan.base)
    for section in ("task", "model", "optimizer", "loss", "training"):
        values = flatten(getattr(run.plan.base, section))
        kept = {n: v for n, v in values.items() if f"{section}.{n}" not in varying}
        kind = [kinds[section]] if section in kinds else []
        words = ", ".join([*kind, *(f"{name} {_value(value)}" for name, value in kept.items())])
        _line(console, Text(f"{section + ':':<11}").append(words, "dim"))
    _line(console, Text())


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, int):
        return f"{value:,}"
    return "unset" if value is None else str(value) or "none"


def _files(run: Run) -> dict[str, Any]:
    checkpoints = run.directory.checkpoints()
    report = run.path / "report.html"
    return {
        "path": str(run.path),
        "report": str(report) if report.exists() else None,
        "checkpoints": [entry.name for entry in checkpoints],
        "curves": [str(path) for path in sorted((run.path / "metrics").glob("*.parquet"))],
    }


def _print_files(console: Console, run: Run, out: Path) -> None:
    files = _files(run)
    steps = [entry.step for entry in run.directory.checkpoints()]
    kept = f"{len(steps)}, steps {steps[0]:,} to {steps[-1]:,}" if steps else "none"
    _line(console, Text(f"folder      {files['path']}"))
    _line(console, Text(f"checkpoints {kept}"))
    told = files["report"] or f"not written yet: grokscope report {run_words(run.directory, out)}"
    _line(console, Text(f"report      {told}"))


def _line(console: Console, text: Text) -> None:
    console.print(text, soft_wrap=not console.is_terminal)
