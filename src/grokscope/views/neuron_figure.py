"""One neuron's activation as a function of both operands: stripes of its frequency."""

from typing import Literal

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from grokscope.measures.portrait import NeuronMaps
from grokscope.views.theme import DIVERGING, SEQUENTIAL, dress


def neuron_figure(
    maps: NeuronMaps, which: int, coordinate: Literal["operand", "logarithm of operand"] = "operand"
) -> go.Figure:
    """Activation map of the neuron at place `which` of the maps, each on its own colour scale.

    Activations of both signs get a scale with white at 0; others run from white to dark blue.
    """
    values = maps.maps[which].double().numpy()
    index, frequency = int(maps.index[which]), int(maps.frequency[which])
    heat = go.Heatmap(
        z=values.astype(np.float32),
        showscale=False,
        hovertemplate=f"first {coordinate} %{{y}}<br>second {coordinate} %{{x}}<br>"
        "activation %{z:.3g}<extra></extra>",
        **_scale(values),
    )
    figure = go.Figure(heat)
    axis = {"visible": False, "showgrid": False, "constrain": "domain"}
    figure.update_xaxes(axis)
    figure.update_yaxes(axis, scaleanchor="x", autorange="reversed")
    figure.update_layout(margin={"l": 2, "r": 2, "t": 28, "b": 4})
    figure = dress(figure, height=245)
    share = f"{float(maps.fraction[which]):.0%}".replace("%", " %")
    title = f"neuron {index}: <b>frequency {frequency}</b> ({share})"
    figure.update_layout(title={"text": title, "font_size": 12, "x": 0.5, "xanchor": "center"})
    return figure


def _scale(values: Float[np.ndarray, "order order"]) -> dict[str, object]:
    low, high = float(values.min()), float(values.max())
    if low < -0.1 * abs(high):
        reach = max(abs(low), abs(high))
        return {"zmin": -reach, "zmax": reach, "colorscale": DIVERGING}
    return {"zmin": low, "zmax": max(high, low + 1e-12), "colorscale": SEQUENTIAL}
