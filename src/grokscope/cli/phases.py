"""`grokscope phases`: the phase diagram of a sweep, as text, as a page, or as data."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from grokscope.cli.label_styles import LABEL_STYLES
from grokscope.cli.screen import finite, new_table, say, stdout, write_json
from grokscope.cli.sweep_commands import Phases
from grokscope.cli.wording import count
from grokscope.core.errors import SettingError, UsageError
from grokscope.core.settings import full_name, kinds_of_setting, read_value
from grokscope.store.durable import replace_file

if TYPE_CHECKING:
    from grokscope.sweep.axis import Value
    from grokscope.sweep.cells import Cells
    from grokscope.sweep.folder import Sweep
    from grokscope.sweep.result import Results
    from grokscope.sweep.tally import Tally

_KINDS = (".html", ".json")
_WIDTH = 4
"""Characters of a cell."""


def phases(request: Phases) -> int:
    """Gather, write the page, print.

    Raises:
        UsageError: no such sweep, no finished run, or an axis or a file that cannot be meant.
        SettingError: a `--where` that is no NAME=VALUE, or a rule that there is not.
        DiskError: a file cannot be written.
    """
    from grokscope.sweep.cell import RULES
    from grokscope.sweep.cells import cells_of
    from grokscope.sweep.folder import find_sweep
    from grokscope.sweep.result import Results

    if request.rule not in RULES:
        raise SettingError("rule", f"one of {', '.join(RULES)}", request.rule)
    _require_kind(request.file)
    sweep = find_sweep(request.sweep, request.out)
    results = Results(sweep)
    cells = cells_of(results, request.x, request.y, _where(sweep, request.where))
    report = _write(results, cells, request.file)
    if request.json:
        write_json(_document(sweep, cells, request.rule) | {"report": str(report)})
        return 0
    _print(sweep, cells, request.rule)
    for path in (report, request.file):
        if path is not None:
            say(f"written: {path}")
    return 0


def _require_kind(file: Path | None) -> None:
    if file is not None and file.suffix not in _KINDS:
        raise UsageError(f"`-o {file}` must end in {' or '.join(_KINDS)}.")
    if file is not None and file.is_dir():
        raise UsageError(f"{file} is a folder; name a file in it.")


def _where(sweep: "Sweep", words: tuple[str, ...]) -> "dict[str, Value]":
    """Settings and the values at which they are fixed."""
    found: dict[str, Value] = {}
    for word in words:
        name, is_there, text = word.partition("=")
        if not (name and is_there and text):
            raise SettingError("where", "NAME=VALUE, such as optimizer.lr=0.003", word)
        full = full_name(sweep.header.base, name)
        found[full] = read_value(text, kinds_of_setting(sweep.header.base, full))
    return found


def _write(results: "Results", cells: "Cells", file: Path | None) -> Path:
    """The sweep's own page, and what was asked for beside it."""
    from grokscope.views.page import write_page
    from grokscope.views.sweep_report import render_sweep_report

    page = render_sweep_report(results, cells)
    report = write_page(page, results.sweep.path / "report.html")
    if file is not None and file.suffix == ".html":
        write_page(page, file)
    elif file is not None:
        data = finite(_document(results.sweep, cells, None))
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, json.dumps(data, ensure_ascii=False, indent=1).encode())
    return report


def _document(sweep: "Sweep", cells: "Cells", rule: str | None) -> dict[str, object]:
    from grokscope.sweep.cell import RULES

    counted = {
        own: [vars(phase) for phase in cells.phases(own)] for own in ([rule] if rule else RULES)
    }
    return {"sweep": sweep.name, "phases": counted, **cells.document()}


def _print(sweep: "Sweep", cells: "Cells", rule: str) -> None:
    from grokscope.views.sweep_words import scope_sentences

    console = stdout()
    console.print(_diagram(cells, rule), soft_wrap=True)
    for sentence in scope_sentences(cells):
        say(sentence)
    console.print()
    table = new_table(
        console,
        ("phase", "cells", "stable", "mixed", "runs"),
        right=("cells", "stable", "mixed", "runs"),
    )
    for phase in cells.phases(rule):
        name = Text(phase.label.replace("_", "-"), LABEL_STYLES.get(phase.label, ""))
        numbers = (phase.cells, phase.stable, phase.mixed, phase.runs)
        table.add_row(name, *map(str, numbers))
    console.print(table)
    done = len(cells.results)
    say(f"{sweep.name}: {done:,} finished runs in {len(cells.cells):,} cells, by {rule}")
    left = sum(len(one.members) for one in sweep.cohorts() if sweep.published(one) is None)
    if left:
        say(f"the sweep is not finished: {count(left, 'run')} left")


def _diagram(cells: "Cells", rule: str) -> Text:
    """Letters in rows, the second axis upwards."""
    from grokscope.views.cell_frame import setting_words

    names = [cells.y.words(row) if cells.y else "" for row in range(cells.rows)]
    wide = max(map(len, names)) + 2
    found = {(cell.column, cell.row): cell for cell in cells.cells}
    text = Text(no_wrap=True)
    if cells.y is not None:
        text.append(f"{setting_words(cells.y.name)} ↑\n", "dim")
    for row in reversed(range(cells.rows)):
        text.append(names[row].rjust(wide - 2).ljust(wide), "dim")
        for column in range(len(cells.x.levels)):
            cell = found.get((column, row))
            if cell is None:
                text.append("·".ljust(_WIDTH), "dim")
                continue
            label = cell.tally(rule).majority or ""
            text.append(
                _letters(cell.tally(rule), stable=cell.is_stable(rule)).ljust(_WIDTH),
                LABEL_STYLES.get(label, ""),
            )
        text.append("\n")
    ends = f"{cells.x.words(0)} to {cells.x.words(len(cells.x.levels) - 1)}"
    text.append(" " * wide + f"{setting_words(cells.x.name)} → {ends}\n", "dim")
    return text.append_text(_legend(cells, rule))


def _letters(tally: "Tally", *, stable: bool) -> str:
    """The letter; small where runs differ, `=` without a majority, `~` where it is not stable."""
    from grokscope.sweep.tally import LETTERS

    letter = "=" if tally.majority is None else LETTERS.get(tally.majority, "?")
    return (letter.lower() if tally.is_mixed else letter) + ("" if stable else "~")


def _legend(cells: "Cells", rule: str) -> Text:
    from grokscope.sweep.tally import CENSORED, LETTERS

    text = Text()
    for phase in cells.phases(rule):
        if phase.label in LETTERS:
            censored = " (censored)" if phase.label in CENSORED else ""
            text.append(LETTERS[phase.label], LABEL_STYLES.get(phase.label, ""))
            text.append(f" {phase.label.replace('_', '-')}{censored}  ")
    text.append("\nsmall letter: seeds differ  =: no majority  ~: another label at half the budget")
    return text.append(" or by .9 or .99" if rule == "grokdef/1" else "")
