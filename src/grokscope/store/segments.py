"""Tables of numbers as Parquet: curve segments and the progress table, by way of DuckDB.

One segment holds what one flush of the whole population recorded. Scalars are columns; a series
(a spectrum per network and step) is a list column. NaN in a scalar column is stored as NULL, so
that an average over a table does not silently become NaN, and is NaN again when it is read.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from grokscope.core.errors import UsageError, VerificationError
from grokscope.store.durable import native_error
from grokscope.store.schema import SCHEMA_KEY, SCHEMA_VERSION

if TYPE_CHECKING:
    import duckdb
    import numpy
    import numpy.typing

# types by their full names: they can then be resolved without having been imported here
Array: TypeAlias = "numpy.typing.NDArray[Any]"
# one value per row; a 2-D array or a sequence of sequences is a list column
Columns: TypeAlias = "Mapping[str, numpy.typing.NDArray[Any] | Sequence[Sequence[float]]]"

METRICS = "metrics"
PROGRESS_NAME = f"{METRICS}/progress.parquet"
KEYS = ("network", "step")
# columns that `query` adds
RESERVED = frozenset({"run", "run_id", "filename"})


def connect(threads: int | None = None) -> "duckdb.DuckDBPyConnection":
    """An in-memory database that loads no extension and sees no Python variable.

    Args:
        threads: None uses every core.
    """
    import duckdb

    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "python_enable_replacements": False,
        "temp_directory": "",
    }
    if threads is not None:
        config["threads"] = threads
    return duckdb.connect(":memory:", config=config)


def segment_name(number: int) -> str:
    """The path of a segment relative to its run; numbers start at 1."""
    return f"{METRICS}/seg-{number:06d}.parquet"


def segment_names(listed: Iterable[str]) -> list[str]:
    """The segments among the files of a manifest, oldest first."""
    return sorted(name for name in listed if name.startswith(f"{METRICS}/seg-"))


def write_table(path: Path, columns: Columns) -> None:
    """Write columns of equal length as one zstd-compressed Parquet file.

    Args:
        path: a file that does not exist.
        columns: one value per row; a 2-D array or a sequence of sequences becomes a list column.
            `network` and `step` must be among them.

    Raises:
        UsageError: the columns do not make a table.
        OSError: the file cannot be written.
    """
    import duckdb

    prepared = {name: _prepare(name, values) for name, values in columns.items()}
    _check_table({name: values for name, (values, _) in prepared.items()})
    sources: dict[str, Array] = {}
    selected: list[str] = []
    for name, (values, kind) in prepared.items():
        parts = {f"{len(sources)}.{i}": part for i, part in enumerate(_parts(values))}
        selected.append(f"{_expression(list(parts), kind, values.ndim)} AS {identifier(name)}")
        sources |= parts
    with connect(threads=1) as connection:
        connection.register("columns", sources)
        try:
            connection.execute(
                f"COPY (SELECT {', '.join(selected)} FROM columns) TO {literal(path)} (FORMAT "
                f"parquet, COMPRESSION zstd, KV_METADATA {{{SCHEMA_KEY}: '{SCHEMA_VERSION}'}})"
            )
        except duckdb.IOException as error:
            raise native_error(error) from error
        except duckdb.Error as error:
            raise UsageError(f"no table can be made: {str(error).splitlines()[0]}") from error


def read_tables(paths: Sequence[Path], names: Sequence[str] | None = None) -> dict[str, Array]:
    """Some Parquet files together, sorted by network and step.

    Args:
        paths: of the files.
        names: columns to read; all of them where None.

    Returns:
        A column per name: 1-D, or 2-D (row × entry) for list columns, padded with NaN to the
        longest. A number that is missing is NaN, a missing text None. No files: no columns.

    Raises:
        VerificationError: a file is not readable as Parquet.
    """
    import duckdb

    if not paths:
        return {}
    selected = "*" if names is None else ", ".join(identifier(name) for name in names)
    with connect() as connection:
        try:
            columns = connection.execute(
                f"SELECT {selected} FROM {parquet(paths)} ORDER BY network, step"
            ).fetchnumpy()
        except duckdb.Error as error:
            raise VerificationError(f"{paths[0].parent}: {str(error).splitlines()[0]}") from error
    return {name: _dense(cast("Array", values)) for name, values in columns.items()}


def read_groups(groups: Sequence[Sequence[Path]], names: Sequence[str]) -> dict[str, Array]:
    """Numbers from the files of many runs at once, in the form of `read_tables`.

    Args:
        groups: the files of each run.
        names: columns to read; none of lists.

    Returns:
        `group` (place of the run), `network`, `step` and the columns, sorted by these three.

    Raises:
        VerificationError: a file is not readable as Parquet.
    """
    import duckdb
    import numpy as np

    places = {str(path): place for place, paths in enumerate(groups) for path in paths}
    if not places:
        return {}
    files = {"path": np.array(list(places), dtype=object), "place": np.array([*places.values()])}
    selected = ", ".join(["place", "network", "step", *map(identifier, names)])
    source = parquet(map(Path, places), ", filename = true")
    with connect() as connection:
        connection.register("files", files)
        try:
            columns = connection.execute(
                f"SELECT {selected} FROM {source} AS rows JOIN files ON rows.filename = files.path "
                "ORDER BY place, network, step"
            ).fetchnumpy()
        except duckdb.Error as error:
            raise VerificationError(f"{groups[0][0]}: {str(error).splitlines()[0]}") from error
    found = {name: _dense(cast("Array", values)) for name, values in columns.items()}
    return {"group": found.pop("place"), **found}


def parquet_versions(paths: Sequence[Path]) -> dict[Path, int | None]:
    """The schema version in the metadata of each file; None where there is none."""
    import duckdb

    if not paths:
        return {}
    files = ", ".join(pattern(path) for path in paths)
    with connect(threads=1) as connection:
        try:
            rows = connection.execute(
                f"SELECT file_name, key, value FROM parquet_kv_metadata([{files}])"
            ).fetchall()
        except duckdb.Error as error:
            raise VerificationError(f"{paths[0].parent}: {str(error).splitlines()[0]}") from error
    found = {Path(name): int(value) for name, key, value in rows if key == SCHEMA_KEY.encode()}
    return {path: found.get(path) for path in paths}


def parquet(paths: Iterable[Path], extra: str = "") -> str:
    """The SQL that reads some Parquet files as one table, columns matched by name."""
    listed = ", ".join(pattern(path) for path in paths)
    return f"read_parquet([{listed}], union_by_name = true{extra})"


def literal(text: Path | str) -> str:
    """An SQL string."""
    return "'" + str(text).replace("'", "''") + "'"


def pattern(path: Path) -> str:
    """An SQL string with the pattern that matches this one path: its wildcards are quoted."""
    return literal("".join(f"[{c}]" if c in "[*?" else c for c in str(path)))


def identifier(name: str) -> str:
    """A column or table name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def _prepare(name: str, values: object) -> tuple[Array, str | None]:
    """The column as DuckDB takes it, and the type to cast it to (None: as it is)."""
    import numpy as np

    if isinstance(values, np.ndarray):
        array = cast("Array", values)
    else:
        column = list(cast("Iterable[object]", values))
        if any(_is_series(item) for item in column):
            return _series([_floats(item) for item in column]), "DOUBLE[]"
        array = np.array(column)
    if array.ndim == 2 and array.dtype.kind in "biuf":
        if array.dtype == np.float32:
            return array, "FLOAT[]"
        return array.astype(np.float64), "DOUBLE[]"
    if array.ndim != 1 or array.dtype.kind not in "biufUO":
        raise UsageError(f"column {name!r} is neither numbers nor text nor lists of numbers")
    if array.dtype.kind == "O":
        return _prepare_objects(name, array)
    return np.ascontiguousarray(array, np.float32 if array.dtype == np.float16 else None), None


def _parts(values: Array) -> list[Array]:
    """The arrays that DuckDB is given for a column: those of a matrix one by one.

    It takes arrays of numbers several times faster than lists of Python numbers.
    """
    import numpy as np

    return [values] if values.ndim == 1 else [np.ascontiguousarray(part) for part in values.T]


def _expression(names: Sequence[str], kind: str | None, ndim: int) -> str:
    """The column in SQL, from the arrays that make it up."""
    if ndim == 1:
        name = identifier(names[0])
        return f"CAST({name} AS {kind})" if kind else name
    return f"CAST([{', '.join(map(identifier, names))}] AS {kind})"


def _prepare_objects(name: str, array: Array) -> tuple[Array, str | None]:
    values = array.tolist()
    if any(_is_series(item) for item in values):
        return _prepare(name, values)
    if all(item is None or isinstance(item, str) for item in values):
        return array, "VARCHAR"
    return array, "DOUBLE"


def _series(rows: Sequence[list[float] | None]) -> Array:
    """An object array of lists: NumPy would make a matrix of lists that are equally long."""
    import numpy as np

    column = np.empty(len(rows), dtype=object)
    for index, row in enumerate(rows):
        column[index] = row
    return column


def _floats(item: object) -> list[float] | None:
    if item is None:
        return None
    return [float("nan") if x is None else float(x) for x in cast("Iterable[Any]", item)]


def _is_series(item: object) -> bool:
    if isinstance(item, str):
        return False
    return isinstance(item, list | tuple) or (hasattr(item, "tolist") and hasattr(item, "__len__"))


def _check_table(columns: Mapping[str, Array]) -> None:
    lengths = {name: len(values) for name, values in columns.items()}
    missing = [key for key in KEYS if key not in columns]
    reserved = sorted(RESERVED.intersection(columns))
    if reserved:
        raise UsageError(f"the column name {reserved[0]!r} is reserved")
    if missing:
        raise UsageError(f"a table of metrics needs the column {missing[0]!r}")
    if len(set(lengths.values())) > 1:
        raise UsageError(f"columns of different lengths: {lengths}")
    if len({name.casefold() for name in columns}) < len(columns):
        raise UsageError("two column names differ only in case, which SQL does not tell apart")


def _dense(values: Array) -> Array:
    """The column without masks: NaN for missing numbers, a padded matrix for lists."""
    import numpy as np

    if values.dtype.kind == "O" and any(isinstance(v, np.ndarray) for v in np.ma.getdata(values)):
        return _padded(values)
    if not np.ma.is_masked(values):
        return np.ma.getdata(values)
    if values.dtype.kind == "O":
        return np.array([None if v is np.ma.masked else v for v in values], dtype=object)
    return np.ma.filled(values.astype(np.promote_types(values.dtype, np.float32)), np.nan)


def _padded(values: Array) -> Array:
    import numpy as np

    absent = np.ma.getmaskarray(values)
    rows = [None if gone else row for row, gone in zip(np.ma.getdata(values), absent, strict=True)]
    lengths = [0 if row is None else len(row) for row in rows]
    floats = [row.dtype for row in rows if row is not None and row.dtype.kind == "f"]
    matrix = np.full((len(rows), max(lengths)), np.nan, floats[0] if floats else np.float64)
    for target, row, length in zip(matrix, rows, lengths, strict=True):
        if row is not None:
            target[:length] = np.ma.filled(row.astype(matrix.dtype), np.nan)
    return matrix
