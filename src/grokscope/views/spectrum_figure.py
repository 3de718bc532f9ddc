"""Fourier spectrum of one network's embedding over time: frequencies compete, a few survive."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int

from grokscope.views.phase import draw_event, name_event
from grokscope.views.step_axis import STEP_ZERO, TITLE, position, step_axis
from grokscope.views.theme import INK, SEQUENTIAL, VERMILLION, dress

SPECTRUM = "fourier/spectrum_W_E"


def spectrum_figure(
    curves: Mapping[str, Any],
    network: int,
    key_frequencies: Sequence[int] = (),
    events: Mapping[str, int | None] | None = None,
    title: str = "",
) -> go.Figure | None:
    """Heat map of frequency × step; None where the network has no spectrum.

    Args:
        curves: metric columns of the run.
        network: its number in the run.
        key_frequencies: marked at the right edge.
        events: steps to mark by their names, such as `{"memorised": 120}`.
        title: of the figure.
    """
    found = _spectrum(curves, network)
    if found is None:
        return None
    step, spectrum = found
    figure = go.Figure(_heat_map(step, spectrum))
    last = int(step[-1])
    for word, at in (events or {}).items():
        if at is not None:
            dash = "dash" if word == "grokked" else "dot"
            draw_event(figure, at, panels=1, color=INK, dash=dash)
            name_event(figure, word, at, last)
    _mark_keys(figure, key_frequencies)
    figure.update_xaxes(step_axis(last), title_text=TITLE, showgrid=False)
    highest = spectrum.shape[1]
    figure.update_yaxes(
        title_text="frequency k", range=[0.5, highest + 0.5], showgrid=False,
        dtick=max(1, 5 * round(highest / 30)) if highest > 12 else 1, tick0=0,
    )  # fmt: skip
    figure.update_layout(margin={"l": 56, "r": 92, "t": 62, "b": 52})
    return dress(figure, height=380, title=title)


def _spectrum(
    curves: Mapping[str, Any], network: int
) -> tuple[Int[np.ndarray, " evaluation"], Float[np.ndarray, "evaluation frequency"]] | None:
    if SPECTRUM not in curves:
        return None
    rows = np.flatnonzero(np.asarray(curves["network"]) == network)
    spectrum = np.asarray(curves[SPECTRUM], dtype=np.float64)[rows]
    if spectrum.ndim != 2 or not spectrum.shape[1] or not np.isfinite(spectrum).any():
        return None
    return np.asarray(curves["step"], dtype=np.int64)[rows], spectrum


def _heat_map(
    step: Int[np.ndarray, " evaluation"], spectrum: Float[np.ndarray, "evaluation frequency"]
) -> go.Heatmap:
    """Every evaluation reaches half way to its neighbours, on the log axis."""
    at = position(step)
    between = np.sqrt(at[1:] * at[:-1])
    edges = np.concatenate([[STEP_ZERO], between, at[-1:]]) if len(at) > 1 else [STEP_ZERO, 1.0]
    frequency = np.arange(spectrum.shape[1] + 1) + 0.5
    shown = np.broadcast_to(step, spectrum.T.shape)
    return go.Heatmap(
        x=edges,
        y=frequency,
        z=spectrum.T.astype(np.float32),
        zmin=0,
        zmax=float(np.nanmax(spectrum)),
        text=shown.astype(np.int32),
        colorscale=SEQUENTIAL,
        colorbar={"title": {"text": "norm"}, "thickness": 10, "len": 0.9, "x": 1.07, "nticks": 5},
        hovertemplate="step %{text:,}<br>frequency %{y}<br>norm %{z:.3g}<extra></extra>",
    )


def _mark_keys(figure: go.Figure, frequencies: Sequence[int]) -> None:
    """A triangle for each key frequency, and its number where there is room for it."""
    above = -math.inf
    for frequency in sorted(frequencies):
        crowded = frequency - above < 2
        above = above if crowded else frequency
        figure.add_annotation(
            x=1, xref="paper", xanchor="left", y=frequency, yanchor="middle", showarrow=False,
            text="◂" if crowded else f"◂ {frequency}", font={"size": 11, "color": VERMILLION},
        )  # fmt: skip
