"""Progress measures in one aligned column: what moves while the accuracy still stands still.

The measures are those of Nanda et al. (arXiv 2301.05217); `grokscope.measures.dictionary` has
their formulas.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from grokscope.views.band import Band, band_of, series_of
from grokscope.views.band_trace import LEAST_LOSS, band_trace, median_trace
from grokscope.views.group import Group
from grokscope.views.loss_axis import loss_axis
from grokscope.views.phase import draw_event, mark_events
from grokscope.views.step_axis import TITLE, step_axis
from grokscope.views.theme import GROUP_COLOURS, INK, dress, faded, plain

PANEL_HEIGHT = 150
"""From one panel to the next, in pixels; the report sets its notes beside them by it."""
TITLE_HEIGHT = 34
TOP, BOTTOM = 64, 56


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One row of the column.

    Attributes:
        title: what it shows.
        columns: metric by the name of its line; the second one is dashed.
        note: what to look for, for newcomers.
        log: whether its axis is logarithmic.
        axis: layout of its axis.
    """

    title: str
    columns: Mapping[str, str]
    note: str
    log: bool = False
    axis: Mapping[str, Any] = field(default_factory=dict[str, Any])


PANELS = (
    Panel(
        title="Restricted loss",
        columns={"restricted loss": "progress/restricted_loss"},
        note="Loss with only the key frequencies left in the logits. It falls during the plateau, "
        "before the test accuracy rises: the general circuit is being built out of sight.",
        log=True,
    ),
    Panel(
        title="Excluded loss",
        columns={"excluded loss": "progress/excluded_loss"},
        note="Training loss with the key frequencies taken out. It falls while the network "
        "memorises and climbs again as the network comes to rely on the circuit instead.",
        log=True,
    ),
    Panel(
        title="Loss on all rows, and on novel test rows (dashed)",
        columns={"loss on all rows": "progress/full_loss", "novel test loss": "test/loss_novel"},
        note="The plain losses, for comparison. In grokking the test loss first climbs, as the "
        "network grows sure of wrong answers, and falls late.",
        log=True,
    ),
    Panel(
        title="Gini coefficient of W_E, and of W_L (dashed)",
        columns={"Gini of W_E": "fourier/gini_W_E", "Gini of W_L": "fourier/gini_W_L"},
        note="How few frequencies hold the weights: 0 is all alike, 1 is a single one. It climbs "
        "to a high level as unused frequencies are cleaned away.",
        axis={"rangemode": "tozero"},
    ),
    Panel(
        title="Share of the logits explained by the key frequencies",
        columns={"explained": "progress/logit_fve"},
        note="Near 1 the logits are almost nothing but cos w(a + b − c) at the key frequencies, "
        "the trigonometric solution. It rises through the plateau.",
        axis={"range": [-0.04, 1.04], "dtick": 0.5},
    ),
    Panel(
        title="Norm of the weights",
        columns={"norm": "norm/weights"},
        note="Memorising needs large weights. Weight decay then pulls the norm down, steepest "
        "around the time of generalisation.",
        axis={"rangemode": "tozero"},
    ),
    Panel(
        title="Logit scale",
        columns={"logit scale": "logit/scale"},
        note="How far apart the logits are. A large scale means confident answers, right or wrong, "
        "and makes a loss change without any change in accuracy.",
        axis={"rangemode": "tozero"},
    ),
    Panel(
        title="Number of key frequencies",
        columns={"key frequencies": "fourier/n_key_frequencies"},
        note="Frequencies that a good part of the neurons are tuned to at that step. It settles "
        "at a handful; frequencies can also be dropped on the way.",
        axis={"rangemode": "tozero", "tickformat": "~g"},
    ),
)


def panels_with_data(curves: Mapping[str, Any], progress: Mapping[str, Any]) -> list[Panel]:
    """The panels for which the run has a number; without a group most have none."""
    tables = {**curves, **progress}
    return [
        panel
        for panel in PANELS
        if any(_measured(tables, column) for column in panel.columns.values())
    ]


def progress_figure(
    curves: Mapping[str, Any], progress: Mapping[str, Any], groups: Sequence[Group]
) -> go.Figure:
    """One panel per measure over a shared step axis, one colour per group.

    Args:
        curves: metric columns of the run.
        progress: its progress table; may be empty.
        groups: at most six are drawn.
    """
    panels = panels_with_data(curves, progress)
    count = max(len(panels), 1)
    inside = PANEL_HEIGHT * count - TITLE_HEIGHT
    figure = make_subplots(
        rows=count, cols=1, shared_xaxes=True,
        vertical_spacing=TITLE_HEIGHT / inside,
        subplot_titles=[f"<b>{panel.title}</b>" for panel in panels] or None,
    )  # fmt: skip
    figure.update_annotations(x=0, xanchor="left", font={"size": 12.5, "color": INK})
    last = int(max(curves["step"])) if len(curves.get("step", ())) else 1
    shown = groups[: len(GROUP_COLOURS)]
    for row, panel in enumerate(panels, start=1):
        drawn = [_draw(figure, row, panel, group, (curves, progress)) for group in shown]
        figure.update_yaxes(
            _axis(panel, [band for bands in drawn for band in bands]), row=row, col=1
        )
    _mark(figure, shown, last, count)
    return _lay_out(figure, last, inside + TOP + BOTTOM)


def _measured(tables: Mapping[str, Any], column: str) -> bool:
    return column in tables and any(value == value for value in tables[column])


def _draw(
    figure: go.Figure,
    row: int,
    panel: Panel,
    group: Group,
    tables: tuple[Mapping[str, Any], Mapping[str, Any]],
) -> list[Band]:
    """Draw one group in one panel; what was drawn."""
    curves, progress = tables
    drawn: list[Band] = []
    for i, (name, column) in enumerate(panel.columns.items()):
        table = progress if column in progress else curves
        series = series_of(table, column, group.networks)
        band = band_of(series, group.carried)
        if band is None:
            continue
        style: dict[str, Any] = {"legendgroup": group.name}
        if len(series) > 1:
            figure.add_trace(band_trace(band, group.colour, log=panel.log, **style), row, 1)
        label = f"{plain(group.name)}: {name}"
        line = median_trace(band, label, group.colour, log=panel.log, **style)
        line.update(showlegend=False, line_dash="dot" if i else "solid")
        figure.add_trace(line, row, 1)
        drawn.append(band)
    return drawn


def _axis(panel: Panel, bands: Sequence[Band]) -> dict[str, Any]:
    if not panel.log or not bands:
        return {"nticks": 5, **panel.axis}
    low = min(float(np.nanmin(band.low)) for band in bands)
    high = max(float(np.nanmax(band.high)) for band in bands)
    return loss_axis(max(low, LEAST_LOSS), max(high, LEAST_LOSS))


def _mark(figure: go.Figure, groups: Sequence[Group], last_step: int, panels: int) -> None:
    """Events by group, and a legend entry for each group; names only where one group is drawn."""
    for group in groups:
        line = {"color": group.colour, "width": 2.4}
        figure.add_scatter(
            x=[None], y=[None], mode="lines", line=line, name=plain(group.name),
            legendgroup=group.name,
        )  # fmt: skip
        if len(groups) == 1:
            mark_events(figure, group, last_step, panels)
            continue
        memorized, grokked = group.median_step("memorized"), group.median_step("grokked")
        for step, dash in ((memorized, "dot"), (grokked, "dash")):
            if step is not None:
                draw_event(figure, step, panels, color=faded(group.colour, 0.75), dash=dash)


def _lay_out(figure: go.Figure, last_step: int, height: int) -> go.Figure:
    figure.update_xaxes(step_axis(last_step))
    figure.update_xaxes(title_text=TITLE, selector=-1)
    figure.update_layout(
        margin={"l": 62, "r": 14, "t": TOP, "b": BOTTOM},
        hovermode="x unified",
        legend={"orientation": "h", "x": 0, "y": 1, "yref": "container", "yanchor": "top"},
    )
    return dress(figure, height=height)
