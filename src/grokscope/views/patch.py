"""Areas of a diagram: many rectangles of one colour as one trace, plain or hatched."""

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from grokscope.views.cell_frame import CellFrame
from grokscope.views.theme import plain

HATCH = {"shape": "/", "size": 7, "solidity": 0.22}
LEGEND_COLUMNS = 2
"""On the half of a page that a figure takes."""
Box = tuple[float, float, float, float]
"""Left, right, lower and upper end."""


def boxes_of(
    places: Sequence[tuple[int, int]],
    x: CellFrame,
    y: CellFrame,
    height: tuple[float, float] = (0.0, 1.0),
) -> list[Box]:
    """Boxes of whole cells, or of a part of their height, by column and row."""
    return [
        (*x.part(column, 0.0, 1.0), *y.part(row, *height)) for column, row in places
    ]  # fmt: skip


def patch(
    boxes: Sequence[Box],
    colour: str,
    name: str = "",
    *,
    is_hatched: bool = False,
    ink: str = "rgba(31,36,48,0.42)",
    **style: Any,  # noqa: ANN401
) -> go.Scatter:
    """Boxes as one trace.

    Args:
        boxes: at least one.
        colour: of the area.
        name: in the legend; without one it is not there.
        is_hatched: whether lines are drawn across.
        ink: of these lines.
        style: more of Plotly's settings.
    """
    x: list[float | None] = []
    y: list[float | None] = []
    for left, right, low, high in boxes:
        x += [left, right, right, left, left, None]
        y += [low, low, high, high, low, None]
    if is_hatched:
        style["fillpattern"] = {**HATCH, "bgcolor": colour, "fgcolor": ink}
    return go.Scatter(
        x=x[:-1],
        y=y[:-1],
        fill="toself",
        fillcolor=colour,
        mode="lines",
        line={"color": "white", "width": 1.5},
        name=plain(name),
        showlegend=bool(name),
        hoverinfo="skip",
        **style,
    )


def legend_swatch(colour: str, name: str, *, is_hatched: bool = False) -> go.Bar:
    """An entry of the legend that shows an area; areas of scatter traces look like lines there."""
    pattern = {"shape": "/", "size": 4, "solidity": 0.3, "bgcolor": colour, "fgcolor": "#4b5568"}
    edge = {"color": "#98a1b3", "width": 0.8}
    return go.Bar(
        x=[None],
        y=[None],
        name=plain(name),
        marker={"color": colour, "line": edge} | ({"pattern": pattern} if is_hatched else {}),
        hoverinfo="skip",
    )


def legend_below(figure: go.Figure, entries: int) -> None:
    """Put the legend below the axis titles, and make room for it."""
    rows = math.ceil(entries / LEGEND_COLUMNS)
    layout: Any = figure.layout
    figure.update_layout(height=layout.height + 8 + 20 * rows)
    legend = {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom"}
    legend |= {"entrywidthmode": "fraction", "entrywidth": 1 / LEGEND_COLUMNS, "font_size": 11}
    figure.update_layout(legend={**legend, "x": 0, "xanchor": "left", "itemclick": False})
    figure.update_layout(legend_itemdoubleclick=False, margin_b=66 + 20 * rows)
