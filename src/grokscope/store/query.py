"""One SQL statement over all runs, read-only and shut off from everything else on the machine.

The tables are `runs` (a row per network), `curves`, `progress` (rows of the Parquet files) and
`events`. Each has the columns `run` (the network's id, "<directory>/<network>"), `run_id` (the
directory) and `network`. Names with a slash need double quotes: `SELECT "train/acc" FROM curves`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grokscope.core.errors import UsageError, VerificationError
from grokscope.store.catalog import find_runs
from grokscope.store.manifest import read_manifest
from grokscope.store.network_table import EVENT_COLUMNS, NETWORK_COLUMNS, event_rows, network_rows
from grokscope.store.row_table import create_table
from grokscope.store.run import RunDirectory
from grokscope.store.segments import (
    METRICS,
    PROGRESS_NAME,
    connect,
    identifier,
    literal,
    parquet,
    pattern,
    segment_names,
)

if TYPE_CHECKING:
    import duckdb

_KEYS = {"run": "VARCHAR", "run_id": "VARCHAR", "network": "BIGINT", "step": "BIGINT"}
_SCALARS = ("train/loss", "train/acc", "test/loss", "test/acc", "test/loss_novel", "test/acc_novel")
# what an empty table has, so that a query over no runs answers "no rows", not "no such column"
_CURVES = _KEYS | dict.fromkeys(("wall_seconds", *_SCALARS), "DOUBLE")
_PROGRESS = _KEYS | dict.fromkeys(
    ("progress/restricted_loss", "progress/excluded_loss", "progress/full_loss"), "DOUBLE"
)


@dataclass(frozen=True)
class QueryResult:
    """The answer to a query: column names, and rows of plain Python values."""

    columns: list[str]
    rows: list[tuple[object, ...]]


def query(root: Path, sql: str) -> QueryResult:
    """Ask all runs in a folder.

    Args:
        root: the folder of all runs; it may be empty or missing.
        sql: one SELECT statement (also WITH, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE).

    Raises:
        UsageError: another kind of statement, or an error in it, on one line.
        VerificationError: a run's documents are damaged; the message names the file.
    """
    import duckdb

    runs = find_runs(root)
    with connect() as connection:
        _require_select(connection, sql)
        try:
            _create_tables(connection, runs, sql.casefold())
        except duckdb.Error as error:
            raise VerificationError(f"{root}: {_one_line(error)}") from error
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        try:
            answer = connection.execute(sql)
            columns = [str(column[0]) for column in answer.description or ()]
            return QueryResult(columns, answer.fetchall())
        except duckdb.Error as error:
            raise UsageError(_one_line(error)) from error


def _require_select(connection: "duckdb.DuckDBPyConnection", sql: str) -> None:
    import duckdb

    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise UsageError(_one_line(error)) from error
    if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
        raise UsageError(
            "a query is one SELECT statement (or WITH, FROM, VALUES, DESCRIBE, SHOW, SUMMARIZE)"
        )


def _create_tables(
    connection: "duckdb.DuckDBPyConnection", runs: list[RunDirectory], text: str
) -> None:
    """Create every table; only those that the query mentions are filled."""
    curves: list[Path] = []
    progress: list[Path] = []
    if "curves" in text or "progress" in text:
        for run in runs:
            listed = read_manifest(run.path).files
            curves += [run.path / name for name in segment_names(listed)]
            progress += [run.path / PROGRESS_NAME] * (PROGRESS_NAME in listed)
    # DuckDB asks both for the pattern and for the file that it stands for
    allowed = {form(path) for path in curves + progress for form in (literal, pattern)}
    connection.execute(f"SET allowed_paths = [{', '.join(allowed)}]")
    _create_view(connection, "curves", curves, _CURVES)
    _create_view(connection, "progress", progress, _PROGRESS)
    create_table(connection, "runs", network_rows(runs) if "runs" in text else [], NETWORK_COLUMNS)
    create_table(connection, "events", event_rows(runs) if "events" in text else [], EVENT_COLUMNS)


def _create_view(
    connection: "duckdb.DuckDBPyConnection", name: str, paths: list[Path], empty: Mapping[str, str]
) -> None:
    if not paths:
        create_table(connection, name, [], empty)
        return
    run_id = f"regexp_extract(filename, '([^/]+)/{METRICS}/[^/]+$', 1)"
    connection.execute(
        f"CREATE VIEW {identifier(name)} AS SELECT {run_id} || '/' || network AS run, "
        f"{run_id} AS run_id, * EXCLUDE (filename) FROM {parquet(paths, ', filename = true')}"
    )


def _one_line(error: Exception) -> str:
    """DuckDB's message with its hints, without the excerpt of the query."""
    message = str(error).partition("\n\nLINE ")[0]
    return " ".join(message.split())
