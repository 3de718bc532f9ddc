"""A median with its band, and single seeds, as Plotly traces."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from grokscope.views.band import Band, Series
from grokscope.views.step_axis import position
from grokscope.views.theme import faded

LEAST_LOSS = 1e-9
"""Where a loss of 0 is drawn on a log axis."""


def median_trace(
    band: Band,
    name: str,
    colour: str,
    *,
    log: bool = False,
    **style: Any,  # noqa: ANN401
) -> go.Scatter:
    """The median line; hovering shows the band and the number of seeds."""
    edges = np.stack([band.low, band.high, band.count], axis=1).astype(np.float32)
    spread = "(%{customdata[0]:.3g} to %{customdata[1]:.3g}, n = %{customdata[2]:.0f})"
    hover = f"{name} <b>%{{y:.3g}}</b> {spread if band.count.max() > 1 else ''}<extra></extra>"
    return go.Scatter(
        x=position(band.step),
        y=drawn(band.middle, log=log),
        customdata=edges,
        name=name,
        mode="lines",
        line={"color": colour, "width": 2.4, **style.pop("line", {})},
        hovertemplate=hover,
        **style,
    )


def band_trace(band: Band, colour: str, *, log: bool = False, **style: Any) -> go.Scatter:  # noqa: ANN401
    """The band as one closed outline."""
    x = position(band.step)
    low, high = drawn(band.low, log=log), drawn(band.high, log=log)
    return go.Scatter(
        x=np.concatenate([x, x[::-1]]),
        y=np.concatenate([high, low[::-1]]),
        fill="toself",
        fillcolor=faded(colour, 0.18),
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        showlegend=False,
        **style,
    )


def seed_trace(series: Series, colour: str, *, log: bool = False, **style: Any) -> go.Scatter:  # noqa: ANN401
    """One network's own curve, thin."""
    return go.Scatter(
        x=position(series.step),
        y=drawn(series.value, log=log),
        mode="lines",
        line={"color": faded(colour, 0.45), "width": 0.8},
        hoverinfo="skip",
        **style,
    )


def drawn(value: Float[np.ndarray, " step"], *, log: bool) -> Float[np.ndarray, " step"]:
    """Values as they are drawn: single precision, and above 0 on a log axis."""
    return (np.maximum(value, LEAST_LOSS) if log else value).astype(np.float32)
