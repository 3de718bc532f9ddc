"""The growth figure: three panels, log-log, with the reference lines and each point's roofline.

Drawn with plotly into `growth.html`; where playwright and Chromium are at hand also photographed
into `growth.png`. Both are imported here when they are needed, so that measuring needs neither.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, cast

from benchmarks.photograph import photograph
from benchmarks.result import Json

if TYPE_CHECKING:
    import plotly.graph_objects as go

FOLDER = Path(__file__).resolve().parent
WIDTH, HEIGHT = 1280, 470
CROWDED = 1.25  # ticks that are closer than this factor show one number

XY = tuple[Sequence[float], Sequence[float]]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel: what x is, and how a run-step grows that costs only its rows or widths."""

    key: str
    title: str
    x_title: str
    power: int
    """Slope of the reference line, which meets `anchor` where that is best."""
    anchor: str


PANELS = (
    Panel(
        key="p",
        title="More rows (dashed: linear in rows, p²)",
        x_title="modulus p",
        power=2,
        anchor="transformer",
    ),
    Panel(
        key="networks",
        title="More networks, p = 31 (dashed: flat)",
        x_title="networks in the stack",
        power=0,
        anchor="MLP",
    ),
    Panel(
        key="width",
        title="Wider networks, p = 59 (dashed: width²)",
        x_title="d_model (MLP: and d_hidden)",
        power=2,
        anchor="transformer",
    ),
)
SERIES = {"transformer": "BLUE", "MLP": "VERMILLION", "MLP, 16 networks": "GREEN"}
"""Each with its colour in the theme."""


def draw(data: Json, folder: Path = FOLDER) -> list[str]:
    """Write the figure and say where, or why not."""
    try:
        figure = growth_figure(data)
    except ImportError as error:
        return [f"figure not drawn: {error}"]
    page = folder / "growth.html"
    figure.write_html(page, include_plotlyjs=True, config={"displayModeBar": False})
    return [f"wrote {page}", photograph(page, folder / "growth.png", WIDTH, HEIGHT)]


def growth_figure(data: Json) -> "go.Figure":
    """Milliseconds per run-step against each x."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    from grokscope.views.theme import FAINT, dress

    titles = [panel.title for panel in PANELS]
    figure = make_subplots(cols=len(PANELS), subplot_titles=titles, horizontal_spacing=0.06)
    dress(figure, height=HEIGHT)
    figure.update_annotations(font_size=13)
    for column, panel in enumerate(PANELS, 1):
        for trace in _traces(data, panel):
            figure.add_trace(trace, row=1, col=column)
        _set_axes(figure, column, panel, data)
    for name, colour in SERIES.items():
        _add_key(figure, name, mode="lines+markers", line_color=_theme(colour), marker_size=7)
    _add_key(figure, "roofline of the same", mode="lines", line=_thin(FAINT, "dot"))
    figure.update_yaxes(title_text="ms per run-step", col=1)
    figure.update_layout(
        width=WIDTH,
        paper_bgcolor="white",
        margin={"l": 64, "r": 24, "t": 84, "b": 88},
        legend={"orientation": "h", "x": 0, "y": 1.13, "yanchor": "bottom"},
    )
    caption = go.layout.Annotation(text=_caption(data), showarrow=False, font_color=FAINT)
    caption.update(xref="paper", yref="paper", x=0, y=-0.18, xanchor="left", yanchor="top")
    figure.add_annotation(caption, font_size=11)
    return figure


def _traces(data: Json, panel: Panel) -> list["go.Scatter"]:
    """The reference, and per series its roofline and its measured points with their spread."""
    import plotly.graph_objects as go

    from grokscope.views.theme import FAINT

    x, y = _reference(data, panel)
    traces = [go.Scatter(x=x, y=y, mode="lines", line=_thin(FAINT, "dash"), name="reference")]
    for name in _series(data, panel.key):
        colour, (x, y) = _theme(SERIES[name]), _line(data, panel, name, "roofline_ms")
        dotted = _thin(colour, "dot")
        traces.append(go.Scatter(x=x, y=y, mode="lines", line=dotted, name=f"{name}, roofline"))
        x, y = _line(data, panel, name)
        measured = go.Scatter(x=x, y=y, mode="lines+markers", name=name, line_color=colour)
        low, high = zip(*_spreads(data, panel, name), strict=True)
        measured.error_y = {
            "array": [top - mid for top, mid in zip(high, y, strict=True)],
            "arrayminus": [mid - bottom for bottom, mid in zip(low, y, strict=True)],
            "thickness": 1,
            "width": 0,
        }
        traces.append(measured.update(marker_size=7))
    return [trace.update(showlegend=False) for trace in traces]


def _set_axes(figure: "go.Figure", column: int, panel: Panel, data: Json) -> None:
    """Logarithmic, with a tick at each x, and at 1, 2 and 5 where y spans little."""
    lines = [_line(data, panel, name) for name in _series(data, panel.key)]
    ticks = sorted({x for xs, _ in lines for x in xs})
    far = [x for x, following in pairwise([*ticks, math.inf]) if following > CROWDED * x]
    words = [f"{x:g}" if x in far else "" for x in ticks]
    figure.update_xaxes(type="log", tickvals=ticks, ticktext=words, tickangle=0, col=column)
    figure.update_xaxes(title_text=panel.x_title, col=column)
    every = [y for _, ys in lines for y in ys] + [1.0]
    digits = (1,) if max(every) > 100 * min(every) else (1, 2, 5)
    marks = [digit * 10.0**power for power in range(-5, 6) for digit in digits]
    figure.update_yaxes(type="log", tickvals=marks, col=column)
    figure.update_yaxes(ticktext=[f"{mark:g}" for mark in marks], col=column)


def _add_key(figure: "go.Figure", name: str, **style: object) -> None:
    """An entry of the legend, without data."""
    import plotly.graph_objects as go

    figure.add_trace(go.Scatter(x=[None], y=[None], name=name).update(style))


def _thin(colour: str, dash: str) -> dict[str, object]:
    return {"dash": dash, "color": colour, "width": 1.5}


def _theme(name: str) -> str:
    from grokscope.views import theme

    return getattr(theme, name)


def _points(data: Json, panel: str) -> list[Json]:
    every = cast(Sequence[Json], data["points"])
    return [p for p in every if p["panel"] == panel and "run_step_ms" in p]


def _series(data: Json, panel: str) -> list[str]:
    measured = {point["series"] for point in _points(data, panel)}
    return [name for name in SERIES if name in measured]


def _line(data: Json, panel: Panel, series: str, value: str = "run_step_ms") -> XY:
    """A series by x."""
    chosen = [p for p in _points(data, panel.key) if p["series"] == series]
    pairs = sorted((float(cast(float, p["x"])), float(cast(float, p[value]))) for p in chosen)
    return [x for x, _ in pairs], [y for _, y in pairs]


def _spreads(data: Json, panel: Panel, series: str) -> list[tuple[float, float]]:
    """10th and 90th percentile of a series, by x."""
    chosen = [p for p in _points(data, panel.key) if p["series"] == series]
    chosen.sort(key=lambda point: float(cast(float, point["x"])))
    bounds = [cast(Sequence[float], point["run_step_ms_spread"]) for point in chosen]
    return [(low, high) for low, high in bounds]


def _reference(data: Json, panel: Panel) -> XY:
    """The line of slope `power` that meets the anchor series from below."""
    x, y = _line(data, panel, panel.anchor)
    factor = min((b / a**panel.power for a, b in zip(x, y, strict=True)), default=0.0)
    return x, [factor * a**panel.power for a in x]


def _caption(data: Json) -> str:
    machine = cast(Json, data["machine"])
    where = machine["gpu"] if machine["device"] == "cuda" else f"{machine['threads']} threads"
    skipped = sum("skipped" in point for point in cast(Sequence[Json], data["points"]))
    left_out = f"; {skipped} point{'s' * (skipped > 1)} skipped" if skipped else ""
    text = (
        f"{machine['cpu']}, {where}, torch {machine['torch']}, commit {machine['commit']}; "
        f"large product {data['matmul_gflops']} GFLOP/s, triad {data['bandwidth_gbs']} GB/s"
    )
    return text + left_out
