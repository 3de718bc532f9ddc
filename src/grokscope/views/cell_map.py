"""Heat maps over the cells: which share of the runs generalises, and how long it takes them."""

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from grokscope.sweep.cell import Cell
from grokscope.sweep.cells import Cells
from grokscope.views.cell_frame import CellFrame
from grokscope.views.cell_words import hover_words, reach, step_text
from grokscope.views.patch import boxes_of, legend_below, legend_swatch, patch
from grokscope.views.phase_diagram import hover_trace, lay_out_cells
from grokscope.views.theme import INK, SEQUENTIAL

MOST_FOR_NUMBERS = 130
"""Cells from which on no numbers are written into them."""
NOT_REACHED = "#f7f8fa"
_HATCH_INK = "rgba(31,36,48,0.2)"
_DARK_FROM = 0.58
"""Share of the colour scale from which on letters are white."""


def share_map(cells: Cells, rule: str = "grokdef/1") -> go.Figure:
    """The share of runs that generalised within their budget, with or without delay."""
    shares = {(c.column, c.row): c.share.value for c in cells.cells}
    bar = {"tickvals": [0, 0.5, 1], "ticktext": ["0", "½", "all"]}
    figure = _map(cells, shares, (0.0, 1.0), bar, rule)
    texts = [f"{c.share.count}/{c.share.total}" for c in cells.cells]
    return _written(
        figure, cells, texts, [c.share.value for c in cells.cells], "Share of runs that generalised"
    )


def time_map(cells: Cells, rule: str = "grokdef/1") -> go.Figure:
    """The median step of generalisation; hatched where half had not generalised by their budget."""
    medians = {
        (c.column, c.row): math.log10(max(c.median.value, 1.0))
        for c in cells.cells
        if c.median.value is not None
    }
    low, high = min(medians.values(), default=0.0), max(medians.values(), default=1.0)
    ends = (low, high) if high > low else (low - 0.5, high + 0.5)
    ticks = _ticks(*ends)
    bar = {"tickvals": ticks, "ticktext": [step_text(10**tick) for tick in ticks]}
    figure = _map(cells, medians, ends, bar, rule)
    open_cells = [c for c in cells.cells if c.median.value is None]
    if open_cells:
        boxes = boxes_of([(c.column, c.row) for c in open_cells], *_frames(cells))
        figure.add_trace(
            patch(
                boxes, NOT_REACHED, is_hatched=True, ink=_HATCH_INK, meta={"label": "not reached"}
            )
        )
        figure.add_trace(legend_swatch(NOT_REACHED, "not reached", is_hatched=True))
    at = [
        (medians.get((c.column, c.row), low) - ends[0]) / (ends[1] - ends[0]) for c in cells.cells
    ]
    figure = _written(
        figure, cells, [_time(c) for c in cells.cells], at, "Median step of generalisation"
    )
    if open_cells:
        legend_below(figure, 1)
    return figure


def _frames(cells: Cells) -> tuple[CellFrame, CellFrame]:
    return CellFrame.of(cells.x), CellFrame.of(cells.y)


def _map(
    cells: Cells,
    values: dict[tuple[int, int], float],
    ends: tuple[float, float],
    bar: dict[str, Any],
    rule: str,
) -> go.Figure:
    x, y = _frames(cells)
    grid = [[values.get((column, row)) for column in range(x.count)] for row in range(y.count)]
    heat = go.Heatmap(
        x=list(x.edges),
        y=list(y.edges),
        z=grid,
        zmin=ends[0],
        zmax=ends[1],
        colorscale=SEQUENTIAL,
        xgap=1.5,
        ygap=1.5,
        hoverinfo="skip",
        colorbar={**bar, "thickness": 10, "outlinewidth": 0, "len": 1.0, "tickfont": {"size": 11}},
    )
    texts = [hover_words(cells, cell, rule) for cell in cells.cells]
    return go.Figure([heat, hover_trace(cells, texts, x, y)])


def _written(
    figure: go.Figure, cells: Cells, texts: Sequence[str], shares: Sequence[float], title: str
) -> go.Figure:
    """Numbers in the cells, where there is room, and the common layout."""
    x, y = _frames(cells)
    if x.count * y.count <= MOST_FOR_NUMBERS and x.count <= 14:
        for is_dark in (False, True):
            own = [
                (cell, text)
                for cell, text, share in zip(cells.cells, texts, shares, strict=True)
                if (share >= _DARK_FROM) == is_dark
            ]
            figure.add_scatter(
                x=[x.within(cell.column, 0.5) for cell, _ in own],
                y=[y.within(cell.row, 0.5) for cell, _ in own],
                mode="text",
                text=[text for _, text in own],
                textfont={"size": 11, "color": "white" if is_dark else INK},
                hoverinfo="skip",
                showlegend=False,
            )
    return lay_out_cells(figure, x, y, title)


def _time(cell: Cell) -> str:
    if cell.median.value is None:
        return f">{_short(reach(cell))}"
    return _short(cell.median.value)


def _short(step: float) -> str:
    """Such as 940, 1.4k, 25k."""
    if step < 1_000:
        return f"{step:.0f}"
    return f"{step / 1000:.2g}k" if step < 9_950 else f"{step / 1000:.0f}k"


def _ticks(low: float, high: float) -> list[float]:
    """Powers of ten, and halves of them where there are few."""
    found = [
        math.log10(lead * 10**power)
        for power in range(math.floor(low), math.ceil(high) + 1)
        for lead in (1, 2, 5)
    ]
    inside = [tick for tick in found if low - 1e-9 <= tick <= high + 1e-9]
    whole = [tick for tick in inside if abs(tick - round(tick)) < 1e-9]
    return whole if len(whole) >= 3 else inside
