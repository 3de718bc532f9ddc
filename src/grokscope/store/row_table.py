"""Rows of plain Python values as a DuckDB table, with a type per column that holds them all."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from grokscope.store.segments import Array, identifier

if TYPE_CHECKING:
    import duckdb

_LARGEST = 2**63


def create_table(
    connection: "duckdb.DuckDBPyConnection",
    name: str,
    rows: Sequence[Mapping[str, object]],
    types: Mapping[str, str],
) -> None:
    """Create and fill a table.

    Args:
        connection: where.
        name: of the table.
        rows: what is missing in a row is NULL. Mappings and mixed columns become JSON text.
        types: the columns that exist in any case, with types that hold while the values fit.
    """
    spelling = _spelling(rows, types)
    columns = {column: [row.get(column) for row in rows] for column in spelling}
    chosen = {column: _type(values, types.get(column)) for column, values in columns.items()}
    selected = ", ".join(
        f"CAST({identifier(str(i))} AS {kind}) AS {identifier(spelling[column])}"
        for i, (column, kind) in enumerate(chosen.items())
    )
    arrays = [_array(columns[column], kind) for column, kind in chosen.items()]
    connection.register("rows", {str(i): array for i, array in enumerate(arrays)})
    connection.execute(f"CREATE TABLE {identifier(name)} AS SELECT {selected} FROM rows")
    connection.unregister("rows")


def _spelling(rows: Sequence[Mapping[str, object]], types: Mapping[str, str]) -> dict[str, str]:
    """Column names made unique, since SQL does not tell `lr` from `LR`."""
    names = dict.fromkeys([*types, *(name for row in rows for name in row)])
    taken: set[str] = set()
    unique: dict[str, str] = {}
    for name in names:
        candidate, count = name or "_", 1
        while candidate.casefold() in taken:
            count += 1
            candidate = f"{name}_{count}"
        taken.add(candidate.casefold())
        unique[name] = candidate
    return unique


def _type(values: Sequence[object], preferred: str | None) -> str:
    kinds = {_kind(value) for value in values if value is not None} - {""}
    fits = {"DOUBLE": {"DOUBLE", "BIGINT"}, "DOUBLE[]": {"DOUBLE[]", "BIGINT[]", "NULL[]"}}
    if preferred and kinds <= fits.get(preferred, {preferred}):
        return preferred
    if len(kinds) == 1:
        return kinds.pop().replace("NULL[]", "DOUBLE[]")
    for wide, narrow in (*fits.items(), ("BIGINT[]", {"BIGINT[]", "NULL[]"})):
        if kinds and kinds <= narrow:
            return wide
    if kinds <= {"VARCHAR[]", "NULL[]"} and kinds:
        return "VARCHAR[]"
    return preferred if preferred and not kinds else "VARCHAR"


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "BOOLEAN"
    if isinstance(value, int):
        return "BIGINT" if -_LARGEST <= value < _LARGEST else "VARCHAR"
    if isinstance(value, float):
        return "DOUBLE"
    if isinstance(value, list):
        return _list_kind(cast("list[object]", value))
    return "VARCHAR"


def _list_kind(items: Sequence[object]) -> str:
    kinds = {_kind(item) for item in items if item is not None}
    if not kinds:
        return "NULL[]"
    if kinds == {"BIGINT", "DOUBLE"}:
        return "DOUBLE[]"
    simple = len(kinds) == 1 and not any(isinstance(item, list | dict) for item in items)
    return f"{kinds.pop()}[]" if simple else "VARCHAR"


def _array(values: Sequence[object], kind: str) -> Array:
    import numpy as np

    array = np.empty(len(values), dtype=object)
    for index, value in enumerate(values):
        is_text = kind == "VARCHAR" and value is not None and not isinstance(value, str)
        array[index] = json.dumps(value, default=str) if is_text else value
    return array
