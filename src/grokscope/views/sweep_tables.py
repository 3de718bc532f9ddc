"""The tables behind a sweep's figures, every cell as text."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from grokscope.statistics import Interval, Share
from grokscope.sweep.boundary import Boundary
from grokscope.sweep.cell import THRESHOLDS, Cell
from grokscope.sweep.cells import Cells
from grokscope.sweep.law import Law
from grokscope.sweep.result import AT_HALF, GROKDEF, LIU
from grokscope.sweep.survival_groups import SurvivalGroups
from grokscope.sweep.tally import LETTERS
from grokscope.views.cell_frame import setting_words
from grokscope.views.cell_words import reach, step_text, time_words
from grokscope.views.label_palette import label_colour, label_words
from grokscope.views.law_figure import exponent_words
from grokscope.views.survival_figure import p_words
from grokscope.views.text_table import TextTable

MOST_CELLS = 400
"""Rows of the table of cells; all of them are in the JSON."""


_VARIANTS = {GROKDEF + AT_HALF: "½ budget"} | {name: name.split()[-1] for name in THRESHOLDS}


@dataclass(frozen=True, kw_only=True)
class PhaseLine:
    """A phase's line in the table of phases."""

    label: str
    colour: str
    cells: str
    stable: str
    mixed: str
    runs: str


def phase_lines(cells: Cells, rule: str) -> list[PhaseLine]:
    """How much of the diagram each phase takes."""
    return [
        PhaseLine(
            label=label_words(phase.label),
            colour=label_colour(phase.label),
            cells=str(phase.cells),
            stable=str(phase.stable),
            mixed=str(phase.mixed),
            runs=str(phase.runs),
        )
        for phase in cells.phases(rule)
    ]


def cell_table(cells: Cells) -> TextTable:
    """Every cell with its own estimates and those with what neighbours lend."""
    axes = [setting_words(cells.x.name), *([setting_words(cells.y.name)] if cells.y else [])]
    head = [
        *axes,
        *("runs", "grokdef/1", "Liu et al.", "generalised", "with neighbours", "median step"),
        *(f"mean to {cells.horizon:,.0f}", "otherwise"),
    ]
    rows = [_cell_row(cells, cell) for cell in cells.cells[:MOST_CELLS]]
    first = len(axes)
    return TextTable(
        title="Cells", head=head, rows=rows, left=(first + 1, first + 2, len(head) - 1)
    )


def _cell_row(cells: Cells, cell: Cell) -> list[str]:
    lent = cell.neighbourhood
    median = cell.median
    return [
        cells.x.words(cell.column),
        *([cells.y.words(cell.row)] if cells.y else []),
        str(cell.runs),
        *(" = ".join(map(label_words, cell.tally(rule).leading)) for rule in (GROKDEF, LIU)),
        _share(cell.share),
        _share(lent.pooled_share) if lent is not None and lent.borrowed else "–",
        f"> {step_text(reach(cell))}" if median.value is None else time_words(median, math.inf),
        step_text(cell.mean.value),
        "; ".join(
            f"{_VARIANTS[name]} {'='.join(LETTERS.get(label, '?') for label in labels)}"
            for name, labels in cell.changes(GROKDEF).items()
        ),
    ]


def _share(share: Share) -> str:
    """Such as `3/4 (30–95 %)`."""
    return f"{share.count}/{share.total} ({100 * share.low:.0f}–{100 * share.high:.0f} %)"


def boundary_table(cells: Cells, boundary: Sequence[Boundary]) -> TextTable:
    """Where half of the runs generalise, by row."""
    name = setting_words(cells.x.name)
    rows = [
        [
            cells.y.words(own.row) if cells.y else "all",
            str(own.runs),
            *((_number(own.begins), _number(own.ends)) if own.decades.value else ("–", "–")),
            _number(own.decades),
        ]
        for own in boundary
    ]
    head = [
        setting_words(cells.y.name) if cells.y else "",
        *("runs", f"from {name}", f"to {name}", "width in decades"),
    ]
    return TextTable(title="Where half of the runs generalise", head=head, rows=rows, left=())


def survival_table(groups: SurvivalGroups) -> TextTable:
    """Medians of the groups in the picture."""
    rows = [
        [
            group.name,
            str(len(group.results)),
            str(sum(result.has_grokked for result in group.results)),
            str(sum(group.budgets.values())),
            str(group.diverged),
            time_words(group.survival.median(), max(float(r.budget) for r in group.results)),
        ]
        for group in groups.drawn
    ]
    head = ["value", "runs", "generalised", "censored", "diverged", "median step"]
    return TextTable(title=f"By {setting_words(groups.axis.name)}", head=head, rows=rows, left=())


def law_sentence(law: Law) -> str:
    """The law of a figure, with what to think of it."""
    name = setting_words(law.axis.name)
    if law.fit is None:
        return f"No law for {name}: {law.reason}."
    fit = law.fit
    said = (
        f"Time goes as {name} to the power {exponent_words(law.exponent)} "
        f"({fit.seen} runs generalised, {fit.censored} censored"
        f"{f', {fit.never} diverged and left out' if fit.never else ''}; {fit.seeds} seeds)."
    )
    if law.naive is not None:
        naive = law.naive.finished.coefficients[law.axis.name]
        said += f" Least squares over the runs that finished give {exponent_words(naive)}."
    if law.bend is not None:
        verdict = (
            "a straight line does not do, so the power is no law over this range"
            if law.bend.is_bent
            else "no bend was found, which with few runs says little"
        )
        said += f" Test of a bend: {p_words(law.bend.p)}; {verdict}."
    beside = ", ".join(setting_words(other) for other in law.beside)
    return f"{said} Regressed beside {beside}." if beside else said


def _number(interval: Interval) -> str:
    if interval.value is None:
        return "unknown"
    sign = "" if interval.sign == "=" else f"{interval.sign} "
    low = "open" if interval.low is None else f"{interval.low:.3g}"
    high = "open" if interval.high is None else f"{interval.high:.3g}"
    return f"{sign}{interval.value:.3g} ({low} to {high})"
