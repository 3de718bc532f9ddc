"""How time grows: which points there are, what is skipped, and the figure."""

from pathlib import Path

import pytest
from benchmarks import growth, growth_figure
from benchmarks.growth import Point
from benchmarks.worker import Place

CHEAP = 4  # points


@pytest.fixture
def few_points(monkeypatch: pytest.MonkeyPatch) -> list[Point]:
    """The cheapest points, timed shortly."""
    few = growth.points()[:CHEAP]
    monkeypatch.setattr(growth, "points", lambda: few)
    monkeypatch.setattr(growth, "MOST_TURNS", growth.FEWEST_TURNS)
    return few


def test_every_size_that_is_promised_is_a_point_from_cheap_to_dear():
    every = growth.points()
    sizes = {panel: {p.x for p in every if p.panel == panel} for panel in ("p", "networks")}
    assert sizes["p"] == {31, 59, 97, 113, 199, 397}
    assert sizes["networks"] == {1, 4, 16, 64, 256, 1024, 4096}
    assert [p.flops for p in every] == sorted(p.flops for p in every)


@pytest.mark.slow
def test_points_are_timed_and_written_and_drawn(
    few_points: list[Point], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GROKSCOPE_CHROMIUM", "")
    data = growth.measure(Place())
    path = tmp_path / "growth.json"
    growth.write(data, path)
    rows = growth.read(path)["points"]
    assert isinstance(rows, list)
    assert [row["x"] for row in rows] == [point.x for point in few_points]
    assert all(row["run_step_ms"] > 0 and row["roofline_ms"] > 0 for row in rows)
    said = growth_figure.draw(data, tmp_path)
    assert (tmp_path / "growth.html").stat().st_size > 0
    assert "no PNG: chromium not found" in said[1]


def test_points_after_the_time_limit_or_beyond_the_memory_are_kept_with_the_reason(
    few_points: list[Point], monkeypatch: pytest.MonkeyPatch
):
    late = growth.measure(Place(), seconds=0)["points"]
    monkeypatch.setattr(growth, "_free_bytes", lambda _: 2**20)
    large = growth.measure(Place())["points"]
    assert isinstance(late, list)
    assert isinstance(large, list)
    assert [row["skipped"] for row in late] == ["after 0 s"] * CHEAP
    assert all("of 0.0 GiB that are free" in row["skipped"] for row in large)


def test_the_calmer_visit_counts_and_both_are_kept():
    visits = [{"run_step_ms": 30.0, "turns": 2}, {"run_step_ms": 3.0, "turns": 4}]
    assert growth._calmer(visits) == {"run_step_ms": 3.0, "turns": 4, "visits_ms": [30.0, 3.0]}
    assert growth._calmer([{"skipped": "why"}, {"skipped": "late"}]) == {"skipped": "why"}
    assert growth._calmer([visits[0], {"skipped": "late"}])["run_step_ms"] == 30.0


def test_without_its_plotting_library_the_figure_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    def refuse(_: object) -> None:
        raise ImportError("No module named 'plotly'")

    monkeypatch.setattr(growth_figure, "growth_figure", refuse)
    assert growth_figure.draw({}, tmp_path) == ["figure not drawn: No module named 'plotly'"]
