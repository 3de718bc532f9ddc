"""The report of a sweep: one file, nothing fetched, what is hatched and mixed explained."""

import html
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from grokscope.sweep import Design, Results, Sweep, plan_sweep
from grokscope.sweep.cells import cells_of
from grokscope.sweep.start import extend
from grokscope.views.sweep_again import again, phases_command
from grokscope.views.sweep_report import render_sweep_report, write_sweep_report
from grokscope.views.sweep_tables import cell_table
from grokscope.views.sweep_words import headline, scope_sentences
from sweep.fake_results import DECAY, FRACTION, FakeResults, grid, result
from sweep.trained import AXES, TINY, trained_sweep


@pytest.fixture(scope="module")
def tiny_sweep(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """Twelve networks."""
    return trained_sweep(tmp_path_factory.mktemp("sweeps"))


@pytest.fixture(scope="module")
def page_file(tiny_sweep: Sweep) -> Path:
    """The sweep's report."""
    return write_sweep_report(tiny_sweep)


@pytest.fixture
def rich_page(tiny_sweep: Sweep, tmp_path: Path) -> Path:
    """A page with every kind of cell."""
    results = FakeResults(grid())
    results.sweep = tiny_sweep
    path = tmp_path / "rich.html"
    path.write_text(render_sweep_report(results), encoding="utf-8")
    return path


def text_of(path: Path) -> str:
    page = re.sub(r"<script.*?</script>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return html.unescape(page)


def test_the_page_is_in_the_sweep_and_alone(page_file: Path, tiny_sweep: Sweep):
    assert page_file == tiny_sweep.path / "report.html"
    assert not list(tiny_sweep.path.glob(".*tmp"))
    assert page_file.stat().st_size < 7e6


def test_the_page_fetches_nothing(page_file: Path):
    text = text_of(page_file)
    assert not re.findall(r"\b(?:src|srcset|action)=", text)
    links = re.findall(r'href="([^"]*)"', text)
    assert all(link.startswith(("#", "data:,")) for link in links)
    assert "default-src 'none'" in text


def test_every_section_is_there_with_its_words(page_file: Path, tiny_sweep: Sweep):
    text = text_of(page_file)
    for section in ("phases", "maps", "survival", "law", "swept", "configuration", "terms"):
        assert f'<section id="{section}">' in text
    for words in ("Hatched: censored", "mixed", "It never means that they would not have"):
        assert words in text
    assert "12 runs done · 0 left · 0 cohorts failed" in text
    assert f"grokscope phases {tiny_sweep.name}" in text
    assert "≥" in text or "at least" in text
    assert ".95" in text or "0.95" in text


def test_the_command_makes_the_same_sweep(tiny_sweep: Sweep):
    found = again(tiny_sweep)
    assert found is not None
    words = shlex.split(found.command)
    assert words[:3] == ["grokscope", "sweep", "quick-mlp"]
    assert "optimizer.weight_decay=0.01,0.1,1.0" in words
    assert "task.p=7" in words
    assert "plan_sweep(" in found.python


def test_the_command_of_the_diagram_has_its_axes_and_what_is_fixed(tiny_sweep: Sweep):
    cells = cells_of(FakeResults(grid()), "weight_decay", where={"train_fraction": 0.3})
    words = "--x optimizer.weight_decay --where task.train_fraction=0.3"
    assert phases_command(tiny_sweep, cells) == f"grokscope phases tiny {words}"


def test_drawn_points_are_pointed_to(tmp_path: Path):
    plan = plan_sweep(
        "quick-mlp",
        {"weight_decay": "log:0.01:1"},
        settings=TINY,
        design=Design(kind="random", samples=3),
        name="drawn",
    )
    sweep = Sweep.create(tmp_path, plan, threads=1)
    extend(sweep, plan)
    # along one axis every set of values is a grid
    assert again(sweep) is not None
    two = plan_sweep(
        "quick-mlp",
        {key: spec.replace(":3", "") for key, spec in AXES.items() if ":" in spec}
        | {"train_fraction": "0.5:0.7"},
        settings=TINY,
        design=Design(kind="random", samples=3),
        name="drawn-two",
    )
    sweep = Sweep.create(tmp_path, two, threads=1)
    extend(sweep, two)
    assert again(sweep) is None


def test_a_sweep_that_goes_on_says_what_is_left(tmp_path: Path):
    sweep = trained_sweep(tmp_path)
    more = plan_sweep("quick-mlp", AXES, settings=TINY, seeds=3, name="tiny")
    extend(sweep, more)
    text = text_of(write_sweep_report(sweep, tmp_path / "page.html"))
    assert "6 of 18 runs are not done yet" in text
    assert "Sweep itself" not in text


def test_what_is_fixed_or_pooled_is_said():
    results = FakeResults(grid())
    assert scope_sentences(cells_of(results)) == []
    (pooled,) = scope_sentences(cells_of(results, "weight_decay"))
    assert "train fraction (2 values)" in pooled
    (fixed,) = scope_sentences(cells_of(results, where={"train_fraction": 0.3}))
    assert fixed == "Only runs with train fraction 0.3 are shown."


def test_the_table_of_cells_has_what_would_be_otherwise():
    table = cell_table(cells_of(FakeResults(grid())))
    assert [row[-1] for row in table.rows] == ["", "", "", "", "", "½ budget M"]
    assert table.rows[0][5] == "0/4 (0–49 %)"


def test_headlines_count_everybody(tiny_sweep: Sweep):
    from grokscope.sweep.overview import overview_of

    results = FakeResults(grid())
    results.sweep = tiny_sweep
    cells = cells_of(results)
    said = headline(cells, overview_of(tiny_sweep, results, cells))
    assert said[0] == "9 of 24 runs generalised within 1,000 steps; 5 runs grokked."
    assert "5 of 6 cells are stable" in said[2]
    assert said[3].startswith("11 runs had not generalised")


def test_hostile_names_stay_text(tiny_sweep: Sweep):
    name = "</script><img src=x onerror=alert(1)>"
    sweep = Sweep(tiny_sweep.path, replace(tiny_sweep.header, recipe=name))
    page = render_sweep_report(Results(sweep))
    assert name not in page
    assert "<img" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


@pytest.mark.parametrize(
    "build",
    [
        "rich",
        *(pytest.param(own, marks=pytest.mark.slow) for own in ("tiny", "one axis", "many cells")),
    ],
)
def test_the_page_draws_its_figures_offline_without_complaint(
    build: str, rich_page: Path, page_file: Path, tiny_sweep: Sweep, chromium_path: Path
):
    pages: dict[str, Callable[[], Path]] = {
        "tiny": lambda: page_file,
        "rich": lambda: rich_page,
        "one axis": lambda: _written(rich_page, tiny_sweep, grid(), "weight_decay"),
        "many cells": lambda: _written(rich_page, tiny_sweep, _many(), None),
    }
    path = pages[build]()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        requests: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path.as_uri())
        page.locator("body[data-ready=yes]").wait_for(timeout=60_000)
        assert page.locator(".js-plotly-plot").count() == page.locator(".plot").count() >= 5
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280
        page.set_viewport_size({"width": 480, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 480
        if build == "rich":
            assert page.locator("#phases .js-plotly-plot").first.locator("pattern").count() >= 2
        browser.close()
    assert requests == [path.as_uri()]
    assert complaints == []


def _written(path: Path, sweep: Sweep, runs: list, x: str | None) -> Path:
    results = FakeResults(runs)
    results.sweep = sweep
    page = render_sweep_report(results, cells_of(results, x))
    path.write_text(page, encoding="utf-8")
    return path


def _many() -> list:
    kinds = ("memorization", "grokking", "comprehension", "diverged")
    return [
        result({DECAY: 1.3**i, FRACTION: 0.2 + 0.03 * j}, seed, kinds[(i + j + seed) % 4])
        for i in range(20)
        for j in range(16)
        for seed in range(2)
    ]
