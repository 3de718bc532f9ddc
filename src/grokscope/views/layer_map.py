"""A measure by layer and step, and the load by layer and expert, as heat maps."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from grokscope.llm.balance import DEAD
from grokscope.views.domain_style import short_name
from grokscope.views.layer_names import layer_axis
from grokscope.views.monitor_axis import MonitorAxis
from grokscope.views.monitor_curves import MonitorCurves
from grokscope.views.theme import DIVERGING, SEQUENTIAL, dress, plain

LAYER_MEASURES = {
    "distance_normalized": "Normalised distance",
    "entropy": "Routing entropy, nats",
    "saturation": "Saturation",
}
"""By layer, with their titles."""
_PER_LAYER, _LEAST_HEIGHT, _MOST_HEIGHT = 18, 230, 520
_MARGINS = 92
_NAME = 18
"""Letters of a domain in a title."""
_FOLDS = 3.0
"""Powers of two from the fair load to either end of the colours."""


def layer_map(curves: MonitorCurves, name: str, domain: str | None = None) -> go.Figure:
    """A measure of each layer over steps.

    Args:
        curves: of a monitor.
        name: one of `LAYER_MEASURES`, or another that is recorded by layer.
        domain: whose main group; None is the mean over all domains.
    """
    if domain is None:
        values, of = curves.mean_by_layer(name), "mean over domains"
    else:
        values, of = curves.by_layer(curves.main(domain), name), short_name(domain, _NAME)
    axis = MonitorAxis(steps=curves.steps)
    heat = _heat(values.T, curves.layers)
    heat.update(
        x=axis.edges(),
        customdata=_hover(curves.steps.tolist(), curves.layers),
        hovertemplate="%{customdata[1]}<br>step %{customdata[0]}: <b>%{z:.3g}</b><extra></extra>",
        colorscale=SEQUENTIAL,
    )
    figure = go.Figure(heat)
    figure.update_xaxes(axis.layout(cells=True), title_text=axis.title)
    many = len(curves.domains) > 1
    title = LAYER_MEASURES.get(name, name)
    return _lay_out(figure, curves.layers, f"{title}, {of}" if many else title)


def load_map(load: Float[np.ndarray, "layer expert"], layers: Sequence[str]) -> go.Figure:
    """Load of every expert over the fair one, in powers of two; a cross is a dead expert.

    Args:
        load: shares of each layer's load; a row sums to 1.
        layers: names of the routers.
    """
    experts = load.shape[1]
    times = load.astype(np.float64) * experts
    folds = np.clip(np.log2(np.maximum(times, 2**-_FOLDS)), -_FOLDS, _FOLDS)
    heat = _heat(np.where(np.isfinite(times), folds, np.nan), layers)
    heat.update(
        x=np.arange(experts),
        customdata=times,
        hovertemplate="layer %{y}, expert %{x}: <b>%{customdata:.2f}</b> of fair<extra></extra>",
        colorscale=DIVERGING,
        zmin=-_FOLDS,
        zmax=_FOLDS,
        colorbar={
            "tickvals": [-3, -2, -1, 0, 1, 2, 3],
            "ticktext": ["≤ ⅛", "¼", "½", "fair", "2×", "4×", "≥ 8×"],
        },
    )
    figure = go.Figure(heat)
    dead_layer, dead_expert = np.nonzero(times < DEAD)
    if len(dead_layer):
        figure.add_scatter(
            x=dead_expert,
            y=dead_layer,
            mode="markers",
            marker={"symbol": "x-thin", "size": 8, "line": {"width": 2, "color": "white"}},
            name="dead",
            hoverinfo="skip",
            showlegend=False,
        )
    figure.update_xaxes(
        title_text="expert", range=[-0.5, experts - 0.5], showgrid=False, tickformat="d"
    )
    return _lay_out(figure, layers, "Load at the last measurement, all probes")


def _heat(values: Float[np.ndarray, "layer _"], layers: Sequence[str]) -> go.Heatmap:
    return go.Heatmap(
        z=np.where(np.isfinite(values), values, np.nan),
        y=np.arange(len(layers)),
        hoverongaps=False,
        colorbar={"thickness": 10, "outlinewidth": 0, "len": 1.0, "tickfont": {"size": 11}},
    )


def _hover(steps: Sequence[int], layers: Sequence[str]) -> list[list[list[str]]]:
    return [[[f"{step:,}", plain(layer)] for step in steps] for layer in layers]


def _lay_out(figure: go.Figure, layers: Sequence[str], title: str) -> go.Figure:
    axis: Any = layer_axis(layers)
    figure.update_yaxes(axis)
    figure.update_layout(
        margin={"l": 52, "r": 8, "t": 38, "b": 54}, plot_bgcolor="#f2f4f7", hovermode="closest"
    )
    inside = min(max(_PER_LAYER * len(layers), _LEAST_HEIGHT), _MOST_HEIGHT)
    dress(figure, height=inside + _MARGINS, title=title)
    return figure.update_layout(title={"font_size": 14})
