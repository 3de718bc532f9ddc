"""The survey in one figure: shares by stratum for the three rules, and labels by attention rate.

Plotly and the package's theme are imported when they are needed, so that training needs neither.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.explainer.survey_table import RULES, Row, accurate_of_one_layer, is_accurate, strata
from benchmarks.photograph import photograph

if TYPE_CHECKING:
    import plotly.graph_objects as go

WIDTH, HEIGHT = 1280, 660
RULE_COLOURS = dict(zip(RULES, ("BLUE", "VERMILLION", "FAINT"), strict=True))
LABEL_COLOURS = {
    "pizza": "VERMILLION",
    "mixture": "PURPLE",
    "clock": "BLUE",
    "ensemble": "GREEN",
    "line": "ORANGE",
    "unlabelled": "FAINT",
}
_OFFSETS = dict(zip(RULES, (0.22, 0.0, -0.22), strict=True))


def draw(rows: Sequence[Row], path: Path) -> str:
    """Write a page of that name, and a picture of it where a browser is at hand."""
    page = path.with_suffix(".html")
    survey_figure(rows).write_html(page, include_plotlyjs=True, config={"displayModeBar": False})
    return photograph(page, path.with_suffix(".png"), WIDTH, HEIGHT)


def survey_figure(rows: Sequence[Row]) -> "go.Figure":
    """Two panels."""
    from plotly.subplots import make_subplots

    from grokscope.views.theme import dress

    titles = ("Explained share of accurate networks (95 % intervals)", "Circles of one layer")
    figure = make_subplots(cols=2, subplot_titles=titles, column_widths=[0.55, 0.45])
    dress(figure, height=HEIGHT)
    names = _shares(figure, rows)
    _circles(figure, rows)
    figure.update_yaxes(tickvals=list(range(len(names))), ticktext=names, col=1)
    figure.update_yaxes(range=[len(names) - 0.5, -0.5], showgrid=False, col=1)
    figure.update_xaxes(range=[-0.02, 1.02], tickformat=".0%", col=1)
    figure.update_xaxes(title_text="attention rate", range=[-0.02, 1.02], col=2)
    figure.update_yaxes(title_text="shape index ρ₁ (0 clock, 2/3 pizza)", col=2)
    figure.update_layout(
        width=WIDTH,
        paper_bgcolor="white",
        margin={"l": 190, "r": 24, "t": 48, "b": 90},
        legend={"orientation": "h", "x": 0, "y": -0.1, "yanchor": "top"},
    )
    return figure


def _shares(figure: "go.Figure", rows: Sequence[Row]) -> list[str]:
    import plotly.graph_objects as go

    from grokscope.statistics import share_of

    chosen = [
        (name.strip("*"), [row for row in own if is_accurate(row)]) for name, own in strata(rows)
    ]
    chosen = [(name, own) for name, own in chosen if own]
    for rule, passes in RULES.items():
        shares = [share_of(sum(map(passes, own)), len(own)) for _, own in chosen]
        trace = go.Scatter(
            x=[share.value for share in shares],
            y=[i - _OFFSETS[rule] for i in range(len(chosen))],
            mode="markers",
            name=rule,
            marker={"color": _theme(RULE_COLOURS[rule]), "size": 8},
            error_x={
                "array": [share.high - share.value for share in shares],
                "arrayminus": [share.value - share.low for share in shares],
                "thickness": 1.5,
                "width": 0,
            },
        )
        figure.add_trace(trace, row=1, col=1)
    return [f"{name} ({len(own)})" for name, own in chosen]


def _circles(figure: "go.Figure", rows: Sequence[Row]) -> None:
    import plotly.graph_objects as go

    circles = [
        (row["attention_rate"], circle["shape"], circle["label"])
        for row in accurate_of_one_layer(rows)
        for circle in row["explanation"]["circles"]
        if circle["shape"] is not None and circle["share"] >= 0.05
    ]
    for label, colour in LABEL_COLOURS.items():
        own = [(rate, shape) for rate, shape, each in circles if each == label]
        if own:
            x, y = zip(*own, strict=True)
            marks = go.Scatter(x=x, y=y, mode="markers", name=label)
            marks.update(marker={"color": _theme(colour), "size": 7, "opacity": 0.75})
            figure.add_trace(marks, row=1, col=2)
    for height in (0.0, 2 / 3):
        line = go.Scatter(x=[-0.02, 1.02], y=[height, height], mode="lines", showlegend=False)
        line.update(line={"color": _theme("SKY"), "dash": "dot", "width": 1}, hoverinfo="skip")
        figure.add_trace(line, row=1, col=2)


def _theme(name: str) -> str:
    from grokscope.views import theme

    return getattr(theme, name)
