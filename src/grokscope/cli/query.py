"""`grokscope query`: one SQL statement over all runs."""

import csv
import sys
from pathlib import Path

from grokscope.cli.screen import finite, new_table, say, stdout, write_json
from grokscope.cli.wording import count
from grokscope.store import QueryResult, query


def ask(sql: str, out: Path, *, as_json: bool) -> int:
    """Print the answer: a table on a terminal, CSV elsewhere, or a JSON list of objects."""
    answer = query(out, sql)
    if as_json:
        write_json([dict(zip(answer.columns, row, strict=True)) for row in answer.rows])
    elif stdout().is_terminal:
        _table(answer)
    else:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(answer.columns)
        writer.writerows(answer.rows)
    return 0


def _table(answer: QueryResult) -> None:
    console = stdout()
    numeric = [
        name
        for i, name in enumerate(answer.columns)
        if any(
            isinstance(row[i], int | float) and not isinstance(row[i], bool) for row in answer.rows
        )
    ]
    table = new_table(console, answer.columns, right=numeric)
    for row in answer.rows:
        table.add_row(*(_cell(value) for value in row))
    console.print(table)
    say(count(len(answer.rows), "row"))


def _cell(value: object) -> str:
    value = finite(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    return "–" if value is None else str(value)
