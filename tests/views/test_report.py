"""The report: one file, nothing fetched, nothing run that it did not bring along."""

import html
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grokscope.core.errors import DiskError
from grokscope.experiment import Run
from grokscope.tasks import ModularArithmetic
from grokscope.views import render_report, write_report
from grokscope.views.picture import script_json

HOSTILE = "</script><img src=x onerror=alert(1)>"


class WithoutSummary(Run):
    """A run as it is before its end."""

    @property
    def networks(self) -> list[dict[str, Any]]:  # noqa: D102
        return []

    @property
    def state(self) -> str:  # noqa: D102
        return "interrupted"


def page_without_scripts(page: str) -> str:
    return re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


def test_the_report_fetches_nothing(report: Path):
    text = page_without_scripts(report.read_text(encoding="utf-8"))
    assert not re.findall(r"\b(?:src|srcset|action)=", text)
    links = re.findall(r'href="([^"]*)"', text)
    assert all(link.startswith(("#", "data:,", "https://arxiv.org/abs/")) for link in links)
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in html.unescape(text)


def test_plotly_is_embedded_once(report: Path):
    assert report.read_text(encoding="utf-8").count("plotly.js v") <= 2
    assert report.stat().st_size < 7e6


def test_every_section_is_there(report: Path):
    page = page_without_scripts(report.read_text(encoding="utf-8"))
    for section in ("networks", "training", "progress", "spectrum", "neurons", "terms"):
        assert f'<section id="{section}">' in page
    assert "grokscope.run" in page or "start_run(plan)" in page


def test_no_temporary_file_is_left(report: Path):
    assert [path.name for path in report.parent.iterdir()] == [report.name]


def test_a_folder_in_the_way_is_a_clear_error(two_kinds: Run, tmp_path: Path):
    (tmp_path / "report.html").mkdir()
    with pytest.raises(DiskError):
        write_report(two_kinds, tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_hostile_names_stay_text(two_kinds: Run):
    run = Run(two_kinds.directory)
    run.plan = replace(run.plan, recipe=HOSTILE)
    page = render_report(run)
    assert HOSTILE not in page
    assert "<img" not in page_without_scripts(page)
    assert "&lt;img src=x" in page


def test_json_cannot_leave_its_element():
    assert "<" not in script_json(f'{{"a": "{HOSTILE}&"}}')


def test_a_run_without_a_summary_says_its_state(two_kinds: Run):
    page = page_without_scripts(render_report(WithoutSummary(two_kinds.directory)))
    assert "Training was interrupted" in page
    assert '<section id="training">' in page
    assert '<section id="networks">' not in page


def test_a_run_that_has_nothing_yet_is_still_a_page(two_kinds: Run):
    class Empty(WithoutSummary):
        curves = progress = {}  # type: ignore[assignment] # noqa: RUF012

        def portrait(self, network: int) -> None:
            return None

    page = page_without_scripts(render_report(Empty(two_kinds.directory)))
    assert '<section id="training">' not in page
    assert '<section id="configuration">' in page


def test_a_task_without_a_group_has_no_frequencies(train: Any):
    task = ModularArithmetic(operation="multiply", p=8, train_fraction=0.6)
    page = page_without_scripts(render_report(train(task=task)))
    assert "no group behind it" in page
    assert '<section id="spectrum">' not in page
    assert "Norm of the weights" in page
    assert "Restricted loss" not in page


def test_all_the_data_leaves_the_test_undefined(train: Any):
    page = render_report(train(task=ModularArithmetic(p=7, train_fraction=1.0)))
    assert "without test rows" in page_without_scripts(page)


def test_a_network_that_diverged_is_shown_with_the_rest(train: Any):
    run = train(({"optimizer.lr": 1e-2}, {"optimizer.lr": 1e30}))
    page = page_without_scripts(render_report(run))
    assert "1 of 2 diverged" in page
    assert "the first tensor that was not finite" in page


def test_multiplication_names_tokens_by_their_logarithms(train: Any):
    run = train(task=ModularArithmetic(operation="multiply", p=7, train_fraction=0.6))
    assert "discrete logarithm" in page_without_scripts(render_report(run))
