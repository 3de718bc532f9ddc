"""`grokscope show` of a monitor's run."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from grokscope.cli.listing import state_of
from grokscope.cli.monitor_results import (
    alert_rows,
    first_and_last,
    measured_rows,
    monitor_document,
    size_words,
)
from grokscope.cli.run_name import run_words
from grokscope.cli.screen import stdout, write_json
from grokscope.cli.wording import age, count
from grokscope.llm.monitor_run import MonitorRun
from grokscope.store import RunDirectory


def show_monitor(directory: RunDirectory, out: Path, *, as_json: bool) -> int:
    """Print it: model, first and last numbers of each group, alerts, files."""
    run = MonitorRun(directory)
    if as_json:
        write_json(monitor_document(run))
        return 0
    console = stdout()
    _heading(console, run)
    rows = measured_rows(run)
    if rows:
        console.print(first_and_last(console, rows, run.header["groups"]))
    for row in alert_rows(run):
        _line(console, Text(f"step {row['step']:,}: {row['message']}"))
    _line(console, Text())
    _files(console, run, out)
    return 0


def _heading(console: Console, run: MonitorRun) -> None:
    header, status = run.header, run.directory.status
    state = state_of(status)
    _line(console, Text(run.directory.id, "bold"))
    facts = [f"monitor of {header['model']}", size_words(header), state]
    _line(console, Text(", ".join([*facts, f"made {age(status.get('created'))} ago"])))
    if status.get("error"):
        _line(console, Text(f"error: {status['error']}", "red"))
    if state != "finished" and header.get("read") == "checkpoints":
        _line(console, Text("go on with the same `grokscope monitor` command"))
    _line(console, Text())


def _files(console: Console, run: MonitorRun, out: Path) -> None:
    steps, report = run.steps, run.path / "report.html"
    name = run_words(run.directory, out)
    told = report if report.exists() else f"not written yet: grokscope report {name}"
    seen = f"{count(len(steps), 'measurement')}, {_span(steps)}" if steps else "no measurement yet"
    _line(console, Text(f"folder  {run.path}"))
    _line(console, Text(f"routing {seen}"))
    _line(console, Text(f"report  {told}"))


def _span(steps: list[int]) -> str:
    ends = f"step {steps[0]:,}"
    return ends if len(steps) == 1 else f"steps {steps[0]:,} to {steps[-1]:,}"


def _line(console: Console, text: Text) -> None:
    console.print(text, soft_wrap=not console.is_terminal)
