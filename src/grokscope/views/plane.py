"""A plane of two measures: a mark per network or circle, coloured by kind, filled by verdict."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from grokscope.views.theme import FAINT, INK, dress, plain

HEIGHT = 350
"""Without the legend, in pixels: planes side by side have equal areas whatever their legends."""
_LEGEND_ROW, _PER_ROW = 22, 3
_SYMBOLS = {"explained": "circle", "unexplained": "circle-open", "not_accurate": "x-thin-open"}
_MANY = 150
"""From so many marks on they are smaller."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One mark.

    Attributes:
        x: value of the measure to the right.
        y: value of the measure upwards.
        kind: decides the colour and is named in the legend.
        verdict: of the network, decides the symbol.
        about: lines of plain text, shown when pointed at.
    """

    x: float
    y: float
    kind: str
    verdict: str
    about: Sequence[str]


def plane(marks: Sequence[Mark], colours: Mapping[str, str], title: str) -> go.Figure:
    """The marks with a legend below; axes and lines are the caller's.

    Args:
        marks: in any order.
        colours: of every kind, in the order of the legend.
        title: plain text.
    """
    known = {kind: colour for kind, colour in colours.items() if any(m.kind == kind for m in marks)}
    figure = go.Figure([*_legend(known), *_traces(marks, known)])
    below = _LEGEND_ROW * math.ceil(len(known) / _PER_ROW)
    dress(figure, height=HEIGHT + below, title=title)
    legend = {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom"}
    figure.update_layout(margin={"l": 50, "r": 46, "t": 62, "b": 60 + below})
    figure.update_layout(legend={**legend, "x": 0, "xanchor": "left", "itemsizing": "constant"})
    figure.update_layout(title={"y": 0.985, "yanchor": "top", "font_size": 14})
    return figure


def name_line(
    figure: go.Figure, name: str, *, x: float | None = None, y: float | None = None
) -> None:
    """Draw one dashed line across the plane, at an x or at a y, with its name outside of it."""
    line = {"color": FAINT, "width": 1, "dash": "dash"}
    font = {"size": 11, "color": INK}
    if x is not None:
        figure.add_vline(x=x, line=line, opacity=0.6)
        place = {"x": x, "y": 1.01, "yref": "paper", "yanchor": "bottom", "xanchor": "center"}
    else:
        figure.add_hline(y=y, line=line, opacity=0.6)
        place = {"x": 1.01, "xref": "paper", "y": y, "xanchor": "left", "yanchor": "middle"}
    figure.add_annotation(text=name, showarrow=False, font=font, **place)


def _legend(colours: Mapping[str, str]) -> list[go.Scatter]:
    """Entries that look the same whatever the verdicts of their marks."""
    return [
        go.Scatter(
            x=[None], y=[None], mode="markers", name=plain(kind), legendgroup=kind,
            marker={"size": 9, "color": colour, "symbol": _legend_symbol(kind)},
        )
        for kind, colour in colours.items()
    ]  # fmt: skip


def _legend_symbol(kind: str) -> str:
    return _SYMBOLS.get(kind.replace(" ", "_"), "circle")


def _traces(marks: Sequence[Mark], colours: Mapping[str, str]) -> list[go.Scatter]:
    pairs = [(kind, verdict) for kind in colours for verdict in _SYMBOLS]
    chosen = {pair: [mark for mark in marks if (mark.kind, mark.verdict) == pair] for pair in pairs}
    size = 6 if len(marks) > _MANY else 9
    return [
        _trace(some, kind, {"size": size, "color": colours[kind], "symbol": _SYMBOLS[verdict]})
        for (kind, verdict), some in chosen.items()
        if some
    ]


def _trace(marks: Sequence[Mark], kind: str, marker: Mapping[str, object]) -> go.Scatter:
    return go.Scatter(
        x=[mark.x for mark in marks], y=[mark.y for mark in marks], mode="markers",
        legendgroup=kind, showlegend=False, opacity=0.75,
        marker={**marker, "line": {"width": 1.6, "color": marker["color"]}},
        text=["<br>".join(plain(line) for line in mark.about) for mark in marks],
        hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip
