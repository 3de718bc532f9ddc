"""How every figure looks: colours, type and the empty canvas.

Colours are those of Okabe and Ito, which people with the common colour blindnesses tell apart.
"""

from html import escape

import plotly.graph_objects as go

BLUE, VERMILLION, GREEN = "#0072B2", "#D55E00", "#009E73"
PURPLE, ORANGE, SKY = "#A8528A", "#B87A00", "#3A8FC4"
INK, FAINT, GRID = "#1f2430", "#667085", "#e6e8ee"

GROUP_COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
"""One per group of networks; as many groups are drawn."""

SEQUENTIAL = [
    [0.0, "#fbfcfe"],
    [0.25, "#c6dbef"],
    [0.5, "#6baed6"],
    [0.75, "#2171b5"],
    [1, "#08306b"],
]
DIVERGING = [
    [0.0, "#b2540a"],
    [0.25, "#f0b67f"],
    [0.5, "#fbfbfb"],
    [0.75, "#7fb2d9"],
    [1, "#08519c"],
]
CYCLIC = [
    [0.0, "#a8780d"],
    [0.167, "#d74957"],
    [0.333, "#c043c0"],
    [0.5, "#6f6be6"],
    [0.667, "#0f87a8"],
    [0.833, "#1a8f5a"],
    [1.0, "#a8780d"],
]
"""Begins where it ends, for residues; even in lightness, so that no residue stands out."""

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

_AXIS = {
    "gridcolor": GRID,
    "linecolor": "#98a1b3",
    "showline": True,
    "ticks": "outside",
    "tickcolor": "#98a1b3",
    "ticklen": 4,
    "zeroline": False,
    "title": {"font": {"size": 12, "color": FAINT}, "standoff": 8},
    "automargin": False,
}

_TEMPLATE = go.layout.Template(
    layout={
        "font": {"family": FONT, "size": 12, "color": INK},
        "title": {"font": {"size": 15, "color": INK}, "x": 0, "xref": "paper", "xanchor": "left"},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "hoverlabel": {
            "bgcolor": "white",
            "bordercolor": "#98a1b3",
            "font": {"size": 12, "color": INK},
            "align": "left",
        },
        "modebar": {
            "bgcolor": "rgba(255,255,255,0.85)",
            "color": "#98a1b3",
            "activecolor": INK,
        },
        "legend": {"font": {"size": 12}, "bgcolor": "rgba(0,0,0,0)"},
        "colorway": list(GROUP_COLOURS),
    }
)


def dress(figure: go.Figure, *, height: int, title: str = "") -> go.Figure:
    """Give a figure the common look, a height in pixels and a title, in place."""
    figure.update_layout(template=_TEMPLATE, height=height, autosize=True)
    if title:
        figure.update_layout(title_text=plain(title))
    return figure


def plain(text: object) -> str:
    """Text that Plotly shows as it is; it would read tags in it as markup."""
    return escape(str(text), quote=False)


def faded(colour: str, opacity: float) -> str:
    """A colour `#rrggbb` at an opacity in [0, 1]."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"
