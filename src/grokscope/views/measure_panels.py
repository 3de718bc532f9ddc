"""Panels of a monitor's measures, one above the other over the same steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float64
from plotly.subplots import make_subplots

from grokscope.views.domain_style import Domain, dash_key, domain_key
from grokscope.views.flowing_legend import legend_below, legend_height
from grokscope.views.monitor_axis import MonitorAxis
from grokscope.views.monitor_curves import MonitorCurves, Series
from grokscope.views.theme import FAINT, INK, dress, faded, plain

PANEL_HEIGHT = 150
TITLE_HEIGHT = 34
TOP = 34
_FEW = 40
"""Numbers of a line up to which each is marked."""
_LONE = 2
"""And up to which the marks are large."""
CONTROL = FAINT


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line in a panel.

    Attributes:
        name: for people, of the domain and what it is of.
        values: at every measurement.
        colour: of the line.
        dash: of the line.
        domain: that the legend turns it off with; empty where it belongs to none.
        band: ends of an interval around it.
    """

    name: str
    values: Series
    colour: str
    dash: str = "solid"
    domain: str = ""
    band: tuple[Series, Series] | None = None


@dataclass(frozen=True, kw_only=True)
class MeasurePanel:
    """One of the panels.

    Attributes:
        title: what it shows.
        lines: in it.
        axis: layout of its vertical axis.
        level: where a thin line is drawn across, and what it is called.
    """

    title: str
    lines: Sequence[Line]
    axis: Mapping[str, Any] = field(default_factory=dict[str, Any])
    level: tuple[float, str] | None = None


def domain_lines(
    curves: MonitorCurves, domains: Sequence[Domain], name: str, dash: str = "solid", of: str = ""
) -> list[Line]:
    """A measure of each domain's main group, where it was measured."""
    return [
        Line(
            name=f"{domain.name}{of}",
            values=curves.series(domain.main, name),
            colour=domain.colour,
            dash=dash,
            domain=domain.name,
        )
        for domain in domains
        if curves.has(domain.main, name)
    ]


def stacked(
    curves: MonitorCurves,
    panels: Sequence[MeasurePanel],
    domains: Sequence[Domain],
    dashes: Mapping[str, str],
    *,
    panel_height: int = PANEL_HEIGHT,
) -> go.Figure:
    """The figure.

    Args:
        curves: whose steps are drawn.
        panels: from above; those without a line are left out.
        domains: of the legend.
        dashes: meaning and kind, of the legend.
        panel_height: from one panel to the next, in pixels.
    """
    shown = [panel for panel in panels if panel.lines]
    count = max(len(shown), 1)
    inside = panel_height * count - TITLE_HEIGHT
    figure = make_subplots(
        rows=count, cols=1, shared_xaxes=True,
        vertical_spacing=TITLE_HEIGHT / inside if count > 1 else 0,
        subplot_titles=[f"<b>{panel.title}</b>" for panel in shown] or None,
    )  # fmt: skip
    figure.update_annotations(x=0, xanchor="left", font={"size": 12.5, "color": INK})
    axis = MonitorAxis(steps=curves.steps)
    for row, panel in enumerate(shown, start=1):
        _draw(figure, row, panel, axis)
    keys = [domain_key(domain) for domain in domains] if len(domains) > 1 else []
    keys += [dash_key(name, dash) for name, dash in dashes.items()]
    figure.add_traces(keys)
    figure.update_xaxes(axis.layout())
    figure.update_xaxes(title_text=axis.title, row=count, col=1)
    below = legend_height([str(key.name) for key in keys])
    figure.update_layout(
        margin={"l": 62, "r": 14, "t": TOP, "b": below},
        hovermode="x unified",
        showlegend=True,
        legend=legend_below(inside),
    )
    return dress(figure, height=inside + TOP + below)


def robust_axis(lines: Sequence[Line]) -> dict[str, Any]:
    """Layout of an axis for values that sometimes jump: a few of them may lie beyond it."""
    values = np.concatenate([line.values for line in lines] or [np.zeros(0)])
    values = values[np.isfinite(values)]
    if not len(values):
        return {}
    low, high = (float(end) for end in np.quantile(values, (0.03, 0.97)))
    room = 0.6 * (high - low)
    if low - room <= values.min() and values.max() <= high + room:
        return {}
    return {"range": [low - room, high + room]}


def _draw(figure: go.Figure, row: int, panel: MeasurePanel, axis: MonitorAxis) -> None:
    places = axis.places(axis.steps)
    is_log = panel.axis.get("type") == "log"
    if panel.level is not None:
        figure.add_trace(_level(places, *panel.level), row, 1)
    for line in panel.lines:
        if line.band is not None:
            figure.add_trace(_band(places, line), row, 1)
        figure.add_trace(_trace(axis, line, is_log=is_log), row, 1)
    figure.update_yaxes({"nticks": 5, **panel.axis}, row=row, col=1)


def _trace(axis: MonitorAxis, line: Line, *, is_log: bool) -> go.Scatter:
    values = np.where(np.isfinite(line.values), line.values, np.nan)
    count = int(np.isfinite(values).sum())
    return go.Scatter(
        x=axis.places(axis.steps),
        y=_on_log_axis(values) if is_log else values,
        customdata=values,
        mode="lines+markers" if count <= _FEW else "lines",
        marker={"size": 4 if count > _LONE else 7},
        line={"color": line.colour, "width": 2, "dash": line.dash},
        name=plain(line.name),
        legendgroup=plain(line.domain) or None,
        showlegend=False,
        hovertemplate=f"{plain(line.name)} <b>%{{customdata:.4g}}</b><extra></extra>",
    )


def _level(places: Float64[np.ndarray, " step"], level: float, words: str) -> go.Scatter:
    return go.Scatter(
        x=[places[0], places[-1]],
        y=[level, level],
        mode="lines+text",
        text=["", words],
        textposition="bottom left",
        textfont={"size": 11, "color": FAINT},
        line={"color": FAINT, "width": 1, "dash": "dot"},
        hoverinfo="skip",
        showlegend=False,
    )


def _on_log_axis(values: Series) -> Series:
    """Values that have a logarithm: what is not above 0 goes far below the axis."""
    positive = values[values > 0]
    least = float(positive.min()) / 1e3 if len(positive) else 1e-9
    return np.where(values > 0, values, np.where(np.isnan(values), np.nan, least))


def _band(places: Float64[np.ndarray, " step"], line: Line) -> go.Scatter:
    assert line.band is not None
    low, high = line.band
    known = np.isfinite(low) & np.isfinite(high)
    x = places[known]
    return go.Scatter(
        x=np.concatenate([x, x[::-1]]),
        y=np.concatenate([high[known], low[known][::-1]]),
        fill="toself",
        fillcolor=faded(line.colour, 0.12),
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        showlegend=False,
        legendgroup=plain(line.domain) or None,
    )
