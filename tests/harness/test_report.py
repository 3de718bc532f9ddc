"""From turns to numbers, tables, and the sections of RESULTS.md."""

from pathlib import Path

import pytest
from benchmarks import rates, result_book, tables
from benchmarks.cases import CASES
from benchmarks.result import Json, Result

PRODUCT_MS = 2 * 2048**3 / 1e6 / 100  # 100 GFLOP/s
TRIAD_MS = 3 * 4 * 2**26 / 1e6 / 20  # 20 GB/s


def result(name: str = "mlp-p31-64") -> Json:
    times = {
        "floor": [1.0, 2.0, 3.0],
        "ours": [4.0, 4.0, 5.0],
        "textbook": [39.0, 40.0, 41.0],
        "vmap": [8.0, 8.0, 8.0],
        "product": [PRODUCT_MS] * 2,
        "triad": [TRIAD_MS] * 2,
    }
    return Result(
        case=CASES[name],
        device="cpu",
        times=times,
        steps_per_turn={"ours": 4},
        absent={"compiled": "no C++ compiler"},
    ).as_json() | {"machine": {"cpu": "a cpu", "gpu": None, "device": "cpu", "commit": "abc dirty"}}


def test_medians_ratios_and_spreads():
    found = result()
    assert (found["floor_ms"], found["ours_ms"], found["textbook_ms"]) == (2.0, 4.0, 40.0)
    assert (found["over_floor"], found["over_textbook"], found["over_vmap"]) == (2.0, 10.0, 2.0)
    assert found["floor_ms_spread"] == [1.2, 2.8]
    assert found["run_steps_per_s"] == 16_000
    assert found["absent"] == {"compiled": "no C++ compiler"}
    assert "compiled_ms" not in found


def test_the_roofline_is_operations_over_rate_plus_bytes_over_bandwidth():
    found, counts = result(), CASES["mlp-p31-64"].counts()
    assert found["matmul_gflops"] == pytest.approx(100)
    assert found["bandwidth_gbs"] == pytest.approx(20)
    assert found["gflop"] == pytest.approx(64 * counts.flops / 1e9, abs=1e-4)
    assert found["mbyte"] == pytest.approx(64 * counts.bytes_moved / 1e6, abs=1e-4)
    expected = 64 * (counts.flops / 100e9 + counts.bytes_moved / 20e9) * 1e3
    assert found["roofline_ms"] == pytest.approx(expected, abs=1e-4)


def test_cuda_has_a_larger_product_of_its_own():
    assert rates.gflops(1.0, "cuda") == 64 * rates.gflops(1.0, "cpu")


def test_the_screen_shows_every_case_and_who_is_absent():
    text = tables.screen([result("mlp"), result("mlp-p31-64")])
    assert "4.00 [4.00, 4.80]" in text
    assert "mlp-p31-64, compiled is absent: no C++ compiler" in text
    assert "compiled_ms" not in text


def test_a_case_whose_turns_differ_widely_is_to_be_taken_again():
    assert "take these again: mlp" in tables.screen([result("mlp")])
    calm = result("mlp") | {"floor_ms_spread": [1.0, 1.2]}
    assert "take these again" not in tables.screen([calm])


def test_the_newest_section_comes_first(tmp_path: Path):
    book = tmp_path / "RESULTS.md"
    result_book.append([result("mlp")], book)
    result_book.append([result("mlp-p31-64")], book)
    text = book.read_text(encoding="utf-8")
    assert text.startswith("# Benchmark results\n")
    assert text.count("\n## ") == 2
    assert text.index("| mlp-p31-64 |") < text.index("| mlp |")
    assert "cpu, commit abc dirty" in text
    assert "gpu" not in text
