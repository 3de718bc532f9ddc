"""Curves: segments in, one sorted table out."""

import numpy as np
import pytest

from grokscope.core.errors import UsageError, VerificationError
from grokscope.store import RunDirectory
from grokscope.store.segments import connect, read_tables, write_table


@pytest.fixture
def empty(tmp_path) -> RunDirectory:
    return RunDirectory.create(tmp_path, "quick", {})


def test_segments_are_one_table_sorted_by_network_and_step(run, make):
    curves = run.curves()
    expected = {step: make.columns(step) for step in (0, 10)}
    assert curves["network"].tolist() == [0, 0, 1, 1, 2, 2]
    assert curves["step"].tolist() == [0, 10] * 3
    for row, (network, step) in enumerate(zip(curves["network"], curves["step"], strict=True)):
        for name in ("train/acc", "fourier/spectrum_W_E"):
            np.testing.assert_array_equal(curves[name][row], expected[step][name][network])


def test_types_are_kept(run):
    curves = run.curves()
    assert curves["network"].dtype == np.int64
    assert curves["train/acc"].dtype == np.float32
    assert curves["fourier/spectrum_W_E"].dtype == np.float32
    assert curves["fourier/spectrum_W_E"].shape == (6, 4)


def test_columns_may_differ_between_segments(empty):
    empty.add_segment({"network": [0], "step": [1], "a": [5]})
    empty.add_segment({"network": [0], "step": [2], "b": [[1.0, 2.0]], "text": np.array(["x"])})
    curves = empty.curves()
    np.testing.assert_array_equal(curves["a"], [5.0, np.nan])
    np.testing.assert_array_equal(curves["b"], [[np.nan, np.nan], [1.0, 2.0]])
    assert curves["text"].tolist() == [None, "x"]


def test_lists_of_different_lengths_are_padded(empty):
    series = [[1.0], [], [1.0, float("nan"), 3.0]]
    empty.write_progress({"network": [0, 1, 2], "step": [0, 0, 0], "s": series})
    expected = [[1, np.nan, np.nan], [np.nan] * 3, [1, np.nan, 3]]
    np.testing.assert_array_equal(empty.progress()["s"], expected)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("width", [0, 1, 60])
def test_a_matrix_is_stored_like_the_lists_of_its_rows(tmp_path, dtype, width):
    matrix = np.arange(5 * width).reshape(width, 5).astype(dtype).T
    if dtype != np.int64 and width:
        matrix[1, 0], matrix[2, -1] = np.nan, np.inf
    keys = {"network": np.arange(5), "step": np.zeros(5, int)}
    stored = []
    for name, values in (("matrix", matrix), ("lists", matrix.astype(float).tolist())):
        path = tmp_path / f"{name}.parquet"
        write_table(path, keys | {"s/x": values, "y": np.arange(5.0)})
        with connect() as connection:
            rows = connection.execute(f"SELECT * FROM '{path}'").fetchall()
            stored.append((repr(rows), read_tables([path], ["y", "s/x"])))
    assert stored[0][0] == stored[1][0]
    assert list(stored[0][1]) == ["y", "s/x"]
    for name, values in stored[0][1].items():
        np.testing.assert_array_equal(values, stored[1][1][name])


def test_nan_and_infinity_come_back(empty):
    values = np.array([np.nan, np.inf, -np.inf, 0.0])
    empty.add_segment({"network": np.arange(4), "step": np.zeros(4, int), "x": values})
    np.testing.assert_array_equal(empty.curves()["x"], values)


def test_strided_half_and_boolean_columns_are_stored_as_they_read(empty):
    table = np.arange(12, dtype=np.float32).reshape(4, 3)
    half, flags = np.linspace(0, 1, 4).astype(np.float16), np.array([True, False, True, False])
    empty.add_segment({"network": np.arange(8)[::2], "step": table[:, 1], "h": half, "f": flags})
    curves = empty.curves()
    assert curves["network"].tolist() == [0, 2, 4, 6]
    assert curves["step"].tolist() == [1, 4, 7, 10]
    assert curves["h"].tolist() == half.tolist()
    assert curves["f"].tolist() == flags.tolist()


def test_an_empty_segment_is_fine(empty):
    empty.add_segment(
        {"network": np.zeros(0, int), "step": np.zeros(0, int), "s": np.zeros((0, 4))}
    )
    assert len(empty.curves()["step"]) == 0
    assert empty.verify() == []


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"network": [0]}, "needs the column 'step'"),
        ({"network": [0], "step": [1, 2]}, "different lengths"),
        ({"network": [0], "step": [1], "Step": [1]}, "differ only in case"),
        ({"network": [0], "step": [1], "run": [1]}, "'run' is reserved"),
        ({"network": [0], "step": [1], "x": np.zeros((1, 2, 2))}, "'x' is neither"),
        ({"network": [0], "step": [1], "x": np.array(["2020-01-01"], "M8[D]")}, "'x' is neither"),
    ],
)
def test_what_is_not_a_table_is_refused_and_leaves_nothing(empty, columns, message):
    columns = {name: np.asarray(values) for name, values in columns.items()}
    with pytest.raises(UsageError, match=message):
        empty.add_segment(columns)
    assert list((empty.path / "metrics").iterdir()) == []
    assert empty.verify() == []


def test_a_changed_segment_is_not_read(run):
    path = run.path / "metrics" / "seg-000002.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    with pytest.raises(VerificationError, match=r"seg-000002\.parquet: its SHA-256"):
        run.curves()


def test_files_can_be_read_without_grokscope(run):
    import duckdb

    with duckdb.connect() as connection:
        path = run.path / "metrics" / "seg-000001.parquet"
        rows = connection.execute(f"SELECT network, step FROM '{path}'").fetchall()
        metadata = connection.execute(f"FROM parquet_kv_metadata('{path}')").fetchall()
    assert rows == [(0, 0), (1, 0), (2, 0)]
    assert metadata[0][1:] == (b"schema_version", b"1")
