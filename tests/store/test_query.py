"""SQL over all runs: the right rows, and no way out."""

import shutil

import numpy as np
import pytest

from grokscope.core.errors import UsageError, VerificationError
from grokscope.store import RunDirectory, query


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "it's a [root]" / "metrics"
    first = RunDirectory.create(
        root, "nanda", {"task": {"p": 113}, "optim": {"lr": 1e-3}, "seed": 5}
    )
    first.add_segment({"network": [0, 1], "step": [0, 0], "train/acc": np.array([0.1, 0.2])})
    first.add_segment({"network": [0, 1], "step": [9, 9], "train/acc": np.array([0.9, np.nan])})
    first.write_summary(
        [
            {"index": 0, "label": "grokking", "grokked_step": 9, "settings": {"optim.lr": 0.1}},
            {"index": 1, "label": "confusion", "grokked_step": None, "settings": {"optim.lr": 0.2}},
        ]
    )
    first.append_events([{"event": "grokked", "network": 0}, {"event": "stopped"}])
    second = RunDirectory.create(root, "ring", {"task": {"p": 7, "kind": "ring"}})
    second.add_segment(
        {"network": [0], "step": [3], "only/here": np.array([1.5]), "s": [[1.0, 2.0]]}
    )
    second.write_progress({"network": [0], "step": [3], "progress/full_loss": np.array([0.5])})
    second.update_status(state="running", networks=2)
    RunDirectory.create(root, "young", {})
    return root


def test_every_network_has_a_row_with_summary_status_and_settings(root):
    result = query(
        root,
        "SELECT network, recipe, state, label, grokked_step, task_p, optim_lr "
        "FROM runs ORDER BY recipe, network",
    )
    assert result.columns == [
        "network",
        "recipe",
        "state",
        "label",
        "grokked_step",
        "task_p",
        "optim_lr",
    ]
    assert result.rows == [
        (0, "nanda", "created", "grokking", 9, 113, 0.1),
        (1, "nanda", "created", "confusion", None, 113, 0.2),
        (0, "ring", "running", None, None, 7, None),
        (1, "ring", "running", None, None, 7, None),
        (None, "young", "created", None, None, None, None),
    ]


def test_a_setting_that_is_called_like_a_summary_field_gets_a_prefix(root):
    assert query(
        root, "SELECT DISTINCT seed, config_seed FROM runs WHERE recipe = 'nanda'"
    ).rows == [(None, 5)]


def test_curves_of_runs_with_different_columns_are_one_table(root):
    rows = query(
        root, 'SELECT step, "train/acc", "only/here", s FROM curves ORDER BY run, step'
    ).rows
    assert sorted(rows, key=str) == [
        (0, 0.1, None, None),
        (0, 0.2, None, None),
        (3, None, 1.5, [1.0, 2.0]),
        (9, 0.9, None, None),
        (9, None, None, None),
    ]


def test_the_tables_join_on_the_network_id(root):
    result = query(
        root,
        'SELECT r.run, max("train/acc") FROM runs r JOIN curves c USING (run) '
        "WHERE label = 'grokking' GROUP BY ALL",
    )
    assert len(result.rows) == 1
    assert result.rows[0][0].endswith("/0")
    assert result.rows[0][0].startswith("20")
    assert result.rows[0][1] == 0.9
    assert query(root, "SELECT run_id || '/0' = run FROM progress").rows == [(True,)]


def test_events_have_their_run_and_position(root):
    rows = query(
        root, "SELECT position, event, network, right(run, 2) FROM events ORDER BY position"
    ).rows
    assert [row[:3] for row in rows] == [(0, "grokked", 0), (1, "stopped", None)]
    assert rows[0][3] == "/0"


@pytest.mark.parametrize(
    "sql",
    [
        *("SELECT run, label, grokked_step, robust FROM runs", "FROM events", "FROM progress"),
        *('SELECT run, step, "train/acc" FROM curves', "WITH a AS (FROM runs) FROM a"),
    ],
)
def test_no_runs_give_no_rows(tmp_path, sql):
    assert query(tmp_path / "missing", sql).rows == []


def test_the_tables_can_be_described(root):
    assert {row[0] for row in query(root, "SHOW TABLES").rows} == {
        "runs",
        "curves",
        "progress",
        "events",
    }
    assert "train/acc" in {row[0] for row in query(root, "DESCRIBE curves").rows}
    assert query(root, "SUMMARIZE runs").rows


def test_odd_values_and_names_become_columns(tmp_path):
    run = RunDirectory.create(
        tmp_path, "x", {"a": {"LR": 1, "lr": 2}, "mixed": [1, "x"], "rows": [{"k": 1}], "q\"'": 1}
    )
    run.write_summary(
        [
            {
                "index": 0,
                "big": 2**70,
                "mixed": 1,
                "d": {"x": [1]},
                "l": [1, 2],
                "n": None,
                "e": [],
            },
            {"index": 1, "big": 1, "mixed": "a", "d": None, "l": [0.5], "n": None, "e": ["x"]},
        ]
    )
    rows = query(
        tmp_path,
        'SELECT a_lr, a_lr_2, config_mixed, "rows", "q""\'", big, mixed, d, l, n, e '
        "FROM runs ORDER BY network",
    ).rows
    assert rows[0] == (
        1,
        2,
        '[1, "x"]',
        '[{"k": 1}]',
        1,
        str(2**70),
        "1",
        '{"x": [1]}',
        [1, 2],
        None,
        [],
    )
    assert rows[1][5:] == ("1", "a", None, [0.5], None, ["x"])


def test_ten_thousand_rows_of_different_types_keep_theirs(tmp_path):
    run = RunDirectory.create(tmp_path, "x", {})
    run.write_summary([{"index": i, "late": None if i < 2900 else 0.5} for i in range(3000)])
    assert query(tmp_path, "SELECT count(late), typeof(any_value(late)) FROM runs").rows == [
        (100, "DOUBLE")
    ]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "SELECT labl FROM runs",
            r'^Binder Error: .*"labl" not found.*Candidate bindings:.*"label"',
        ),
        ("FROM rnus", r'^Catalog Error: .*rnus does not exist! Did you mean "runs"\?$'),
        ("SELEC 1", r'^Parser Error: syntax error at or near "SELEC"$'),
        ("", "one SELECT statement"),
        ("-- nothing", "one SELECT statement"),
        ("SELECT 1; SELECT 2", "one SELECT statement"),
    ],
)
def test_a_wrong_query_gets_one_line_with_the_hint(root, sql, message):
    with pytest.raises(UsageError, match=message) as caught:
        query(root, sql)
    assert "\n" not in str(caught.value)


def escapes(folder, secret, segment):
    target = folder / "written"
    return [
        f"COPY runs TO '{target}'",
        f"COPY (SELECT 1) TO '{target}' (FORMAT parquet)",
        f"ATTACH '{target}' AS stolen",
        f"EXPORT DATABASE '{target}'",
        f"EXPLAIN ANALYZE COPY runs TO '{target}'",
        f"PREPARE p AS COPY runs TO '{target}'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "PRAGMA enable_profiling",
        f"CALL enable_logging(storage = 'file', storage_path = '{target}')",
        "CREATE TABLE t AS SELECT 1",
        "DROP VIEW curves",
        "INSERT INTO runs SELECT * FROM runs",
        f"SELECT * FROM read_csv('{secret}')",
        f"SELECT * FROM read_text('{secret}')",
        f"SELECT * FROM read_blob('{secret}')",
        f"SELECT * FROM '{secret}'",
        f"SELECT * FROM glob('{folder}/*')",
        f"SELECT * FROM sniff_csv('{secret}')",
        f"SELECT * FROM read_json('{secret}')",
        f"SELECT * FROM read_parquet('{segment}')",
        f"SELECT * FROM query('COPY runs TO ''{target}''')",
        f"SELECT * FROM query('SELECT * FROM read_text(''{secret}'')')",
        f"SELECT * FROM enable_logging('QueryLog', storage = 'file', storage_path = '{target}')",
        f"SELECT * FROM enable_profiling(save_location = '{target}')",
        "SELECT * FROM read_text('https://example.org/x')",
        "SELECT getenv('HOME')",
        "SELECT 1; COPY runs TO 'x'",
        f"WITH t AS (COPY runs TO '{target}') SELECT 1",
        f"SELECT * FROM import_database('{folder}')",
        "FROM secret_of_python",
        "FROM root",
        "FROM duckdb_secrets()",
    ]


@pytest.mark.parametrize("number", range(35))
def test_a_query_can_neither_read_nor_write_anything_else(root, tmp_path, number, monkeypatch):
    secret_of_python = {"a": np.arange(3)}
    outside = tmp_path / "outside"
    secret, segment = outside / "secret.csv", outside / "other.parquet"
    outside.mkdir()
    monkeypatch.chdir(outside)
    secret.write_text("password\nhunter2\n")
    shutil.copy(next(root.glob("*/metrics/*.parquet")), segment)
    before = sorted(outside.iterdir())
    with pytest.raises(UsageError):
        query(root, escapes(outside, secret, segment)[number])
    assert sorted(outside.iterdir()) == before
    assert len(secret_of_python["a"]) == 3


def test_every_escape_is_tried(tmp_path):
    assert len(escapes(tmp_path, tmp_path, tmp_path)) == 35


def test_a_query_never_changes_a_stored_table(root):
    segment = next(root.glob("*/metrics/*.parquet"))
    before = segment.read_bytes()
    name = str(segment).replace("'", "''")
    for sql in (f"COPY runs TO '{name}'", "WITH t AS (DELETE FROM curves RETURNING *) FROM t"):
        with pytest.raises(UsageError):
            query(root, sql)
    assert segment.read_bytes() == before


def test_a_damaged_run_is_named_instead_of_left_out(root):
    path = next(root.glob("*-ring-*/MANIFEST.json"))
    path.write_text("{}")
    with pytest.raises(VerificationError, match=r"-ring-.*MANIFEST\.json"):
        query(root, "FROM curves")


def test_a_segment_no_manifest_lists_is_not_counted(root):
    source = next(root.glob("*-ring-*/metrics/seg-000001.parquet"))
    shutil.copy(source, source.with_name("seg-000002.parquet"))
    assert query(root, 'SELECT count("only/here") FROM curves').rows == [(1,)]


def test_importing_the_store_imports_no_heavy_library():
    import subprocess
    import sys

    program = (
        "import sys, grokscope.store\n"
        "print({'torch', 'duckdb', 'safetensors', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"
