"""The report of a sweep: its phase diagram with everything behind it, as one HTML file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from grokscope.core.settings import flatten
from grokscope.experiment.kinds import kinds_of
from grokscope.sweep.boundary import Boundary, boundary_of
from grokscope.sweep.cell_axis import CellAxis, value_words
from grokscope.sweep.cells import Cells, cells_of
from grokscope.sweep.folder import Sweep
from grokscope.sweep.law import Law, laws_of
from grokscope.sweep.overview import Overview, overview_of
from grokscope.sweep.result import GROKDEF, LIU, Result, Results
from grokscope.sweep.survival_groups import SurvivalGroups, survival_groups
from grokscope.views import definition, sweep_tables, sweep_words
from grokscope.views.cell_frame import setting_words
from grokscope.views.cell_map import share_map, time_map
from grokscope.views.law_figure import law_figure
from grokscope.views.page import render_page, write_page
from grokscope.views.phase_diagram import phase_diagram
from grokscope.views.picture import Picture
from grokscope.views.survival_figure import survival_figure, test_words
from grokscope.views.sweep_again import again, phases_command

WIDE = 10
"""Columns from which on a diagram takes the whole width of the page."""


@dataclass(frozen=True, kw_only=True)
class SweepPictures:
    """Everything that is drawn of a sweep, computed once.

    Attributes:
        boundary: where half of the runs generalise.
        survival: by each axis.
        laws: along each axis that is a number above 0.
    """

    boundary: Sequence[Boundary]
    survival: Sequence[SurvivalGroups]
    laws: Sequence[Law]

    @classmethod
    def of(cls, results: Results, cells: Cells) -> "SweepPictures":
        """Of the runs of a diagram."""
        axes = [("column", cells.x), ("row", cells.y)]
        return cls(
            boundary=boundary_of(results, cells),
            survival=[_survival(cells, place, axis) for place, axis in axes if axis is not None],
            laws=laws_of(results, cells),
        )


def write_sweep_report(sweep: Sweep, path: Path | None = None, cells: Cells | None = None) -> Path:
    """Write the report of a sweep as one self-contained HTML file.

    Args:
        sweep: with at least one finished run.
        path: the file to write, `report.html` in the sweep by default; it appears complete or not
            at all.
        cells: the diagram; over the sweep's first two axes unless given.

    Returns:
        The path.

    Raises:
        UsageError: no run is done.
        DiskError: the file cannot be written.
        VerificationError: a file of a run is damaged.
    """
    page = render_sweep_report(Results(sweep), cells)
    return write_page(page, path or sweep.path / "report.html")


def render_sweep_report(results: Results, cells: Cells | None = None) -> str:
    """The report as HTML."""
    cells = cells or cells_of(results)
    pictures = SweepPictures.of(results, cells)
    overview = overview_of(results.sweep, results, cells)
    content = {
        **_heading(results.sweep, cells, overview),
        **_diagrams(cells, pictures),
        **_curves(pictures),
        **_configuration(results, overview),
    }
    return render_page("sweep.html.j2", content)


def _survival(cells: Cells, place: str, axis: CellAxis) -> SurvivalGroups:
    levels: dict[int, list[Result]] = {}
    for cell in cells.cells:
        levels.setdefault(getattr(cell, place), []).extend(cell.results)
    return survival_groups(axis, levels)


def _heading(sweep: Sweep, cells: Cells, overview: Overview) -> dict[str, Any]:
    base, own = sweep.header.base, overview.standing
    least, most = overview.budgets
    axes = [cells.x.name, *([cells.y.name] if cells.y else [])]
    return {
        "name": sweep.name,
        "command": phases_command(sweep, cells),
        "recipe": sweep.header.recipe,
        "task": base.task.name,
        "axes": " and ".join(setting_words(axis) for axis in axes),
        "runs": f"{overview.in_diagram:,}",
        "seeds": overview.seeds,
        "budget": f"{most:,}" if least == most else f"{least:,} to {most:,}",
        "done": f"{own.done:,}",
        "left": f"{own.runs - own.done:,}",
        "failed": own.failed,
        "state_sentence": sweep_words.state_sentence(overview),
        "verdict": sweep_words.headline(cells, overview),
        "scope": sweep_words.scope_sentences(cells),
        "swept": sweep_words.swept_rows(overview.settings),
        "is_wide": len(cells.x.levels) > WIDE,
    }


def _diagrams(cells: Cells, pictures: SweepPictures) -> dict[str, Any]:
    where = _place_words(cells)
    boundary = pictures.boundary
    return {
        "phases": [
            _picture(phase_diagram(cells, GROKDEF, boundary), f"Phases by grokdef/1 {where}"),
            _picture(phase_diagram(cells, LIU), f"Phases by the rule of Liu et al. {where}"),
        ],
        "phase_tables": [
            (sweep_words.RULE_NAMES[rule], sweep_tables.phase_lines(cells, rule))
            for rule in (GROKDEF, LIU)
        ],
        "maps": [
            _picture(share_map(cells), f"Share of runs that generalised {where}"),
            _picture(time_map(cells), f"Median step of generalisation {where}"),
        ],
        "reading": [row for row in sweep_words.READING if boundary or "half" not in row[0]],
        "boundary_table": sweep_tables.boundary_table(cells, boundary) if boundary else None,
        "cell_table": sweep_tables.cell_table(cells),
        "cells_left_out": max(0, len(cells.cells) - sweep_tables.MOST_CELLS),
    }


def _curves(pictures: SweepPictures) -> dict[str, Any]:
    return {
        "survival": [
            _picture(
                survival_figure(groups),
                f"Fraction not yet generalised by {setting_words(groups.axis.name)}, "
                f"{test_words(groups.test)}",
            )
            for groups in pictures.survival
        ],
        "survival_tables": [sweep_tables.survival_table(groups) for groups in pictures.survival],
        "survival_left_out": sum(groups.left_out for groups in pictures.survival),
        "laws": [
            (
                _picture(law_figure(law), sweep_tables.law_sentence(law)),
                sweep_tables.law_sentence(law),
            )
            for law in pictures.laws
        ],
    }


def _configuration(results: Results, overview: Overview) -> dict[str, Any]:
    sweep = results.sweep
    swept = {s.name for s in overview.settings if len(s.values) > 1} | {"seed"}
    base = sweep.header.base
    settings = [*kinds_of(base).items()]
    settings += [
        (name, "varies" if name in swept else value_words(value))
        for name, value in flatten(base).items()
    ]
    return {
        "settings": settings,
        "again": again(sweep),
        "definitions": definition.definitions(_thresholds(sweep)),
    }


def _thresholds(sweep: Sweep) -> dict[str, Any] | None:
    """Those that the first finished run was judged by."""
    for cohort in sweep.cohorts():
        run = sweep.published(cohort)
        if run is not None and run.summary:
            stored: Any = run.summary[0]["label_thresholds"]
            return stored
    return None


def _place_words(cells: Cells) -> str:
    over = setting_words(cells.x.name)
    return f"over {over} and {setting_words(cells.y.name)}" if cells.y else f"over {over}"


def _picture(figure: go.Figure, alt: str) -> Picture:
    return Picture.of(figure, alt)
