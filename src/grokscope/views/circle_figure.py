"""An embedding on the circle of one frequency: the clock face that a network has learned."""

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int

from grokscope.measures.portrait import EmbeddingCircle
from grokscope.views.theme import CYCLIC, INK, dress

LABELS = 10
"""About so many tokens are named."""


def circle_figure(circle: EmbeddingCircle, tokens: Sequence[int] | None = None) -> go.Figure:
    """Tokens in the plane of one frequency, coloured by coordinate, joined in order of angle.

    Neighbours on the line differ by the inverse of the frequency, so a network that uses the
    frequency gives a clean polygon.

    Args:
        circle: positions in the order of the group's coordinates.
        tokens: the token of each coordinate, for names; the coordinates where none are given.
    """
    points = circle.points.double().numpy()
    order = around(len(points), circle.frequency)
    names = np.asarray(range(len(points)) if tokens is None else tokens)
    figure = go.Figure([_line(points, order), _tokens(points, names), _names(points, order, names)])
    reach = 1.36 * max(float(np.abs(points).max()), 1e-9)
    axis = {"range": [-reach, reach], "visible": False}
    figure.update_xaxes(axis)
    figure.update_yaxes(axis, scaleanchor="x")
    figure.update_layout(margin={"l": 4, "r": 4, "t": 34, "b": 4}, showlegend=False)
    title = f"<b>frequency {circle.frequency}</b>: {100 * circle.share:.0f} % of the energy"
    figure = dress(figure, height=270)
    figure.update_layout(title={"text": title, "font_size": 13, "x": 0.5, "xanchor": "center"})
    return figure


def around(order: int, frequency: int) -> Int[np.ndarray, " order"]:
    """Coordinates in the order in which the frequency's angle goes once round."""
    return np.argsort(np.arange(order) * frequency % order, kind="stable")


def _line(points: Float[np.ndarray, "order 2"], order: Int[np.ndarray, " order"]) -> go.Scatter:
    closed = points[np.append(order, order[0])]
    return go.Scatter(
        x=closed[:, 0], y=closed[:, 1], mode="lines", hoverinfo="skip",
        line={"color": "#b8bfcc", "width": 1},
    )  # fmt: skip


def _tokens(points: Float[np.ndarray, "order 2"], names: Int[np.ndarray, " order"]) -> go.Scatter:
    colour = {"color": np.arange(len(points)), "colorscale": CYCLIC, "cmin": 0, "cmax": len(points)}
    return go.Scatter(
        x=points[:, 0], y=points[:, 1], mode="markers", text=[str(name) for name in names],
        marker={"size": 7, "line": {"color": "white", "width": 0.7}, **colour},
        hovertemplate="token %{text}<extra></extra>",
    )  # fmt: skip


def _names(
    points: Float[np.ndarray, "order 2"],
    order: Int[np.ndarray, " order"],
    names: Int[np.ndarray, " order"],
) -> go.Scatter:
    """Names of some tokens, evenly spaced along the line, set outside of it."""
    named = order[:: max(1, math.ceil(len(order) / LABELS))]
    lengths = np.linalg.norm(points[named], axis=1, keepdims=True)
    outward = points[named] / np.maximum(lengths, 1e-12) * 0.17 * float(np.abs(points).max())
    at = points[named] + outward
    return go.Scatter(
        x=at[:, 0], y=at[:, 1], mode="text", text=[str(name) for name in names[named]],
        textfont={"size": 10.5, "color": INK}, hoverinfo="skip",
    )  # fmt: skip
