"""Where output goes and how: stdout for data, stderr for people, plain when it is not a terminal.

`NO_COLOR`, `FORCE_COLOR`, `TERM=dumb` and `COLUMNS` are honoured by rich.
"""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 500
"""Columns when nobody's screen limits them: nothing is wrapped or cut in a pipe or a file."""


def stdout() -> Console:
    """The console of data."""
    return _console(stderr=False)


def stderr() -> Console:
    """The console of everything else."""
    return _console(stderr=True)


def say(text: str | Text) -> None:
    """Tell people something on stderr; plain text, no markup."""
    stderr().print(text, markup=False)


def write_json(data: object) -> None:
    """One JSON value on stdout, NaN and infinities as null; indented on a terminal."""
    indent = 2 if sys.stdout.isatty() else None
    text = json.dumps(finite(data), ensure_ascii=False, indent=indent, default=str)
    sys.stdout.write(text + "\n")


def finite(value: Any) -> Any:  # noqa: ANN401 (whatever JSON takes)
    """The same value with None in place of numbers that JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def new_table(console: Console, columns: Sequence[str], *, right: Sequence[str] = ()) -> Table:
    """An empty table: ruled on a terminal, bare columns elsewhere.

    Args:
        console: where it will be printed.
        columns: headings.
        right: the headings of columns of numbers.
    """
    frame = box.SIMPLE_HEAD if console.is_terminal else None
    padding = (0, 1, 0, 0) if console.is_terminal else (0, 2, 0, 0)
    table = Table(box=frame, pad_edge=False, padding=padding, header_style="bold")
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return table


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    console = Console(stderr=stderr, highlight=False, emoji=False)
    if not stream.isatty() and not console.is_terminal:
        console = Console(stderr=stderr, highlight=False, emoji=False, width=PIPE_WIDTH)
    return console
