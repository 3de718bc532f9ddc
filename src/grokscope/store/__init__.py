"""Runs on disk: configurations, curves, checkpoints and resume points that survive a crash.

A run is a directory of open formats (TOML, JSON, Parquet, safetensors) that can be read without
grokscope. `RunDirectory` writes and reads one run, `find_runs` and `resolve_run` find them, and
`query` asks all of them questions in SQL. Loading a run never executes code.

DuckDB, torch and safetensors are imported when a call first needs them, so that importing this
package is cheap.
"""

from grokscope.store.catalog import find_runs, resolve_run
from grokscope.store.checkpoint import Checkpoint, CheckpointEntry
from grokscope.store.query import QueryResult, query
from grokscope.store.run import RunDirectory
from grokscope.store.schema import SCHEMA_VERSION
from grokscope.store.verify import Problem

__all__ = [
    "SCHEMA_VERSION",
    "Checkpoint",
    "CheckpointEntry",
    "Problem",
    "QueryResult",
    "RunDirectory",
    "find_runs",
    "query",
    "resolve_run",
]
