"""Accuracy and loss against step for the seeds of one group: the picture of grokking."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from grokscope.experiment.quantities import Quantities
from grokscope.views.band import band_of, series_of
from grokscope.views.band_trace import LEAST_LOSS, band_trace, median_trace, seed_trace
from grokscope.views.group import Group
from grokscope.views.loss_axis import loss_axis
from grokscope.views.phase import mark_events, phases_of, shade
from grokscope.views.step_axis import TITLE, step_axis
from grokscope.views.theme import BLUE, GREEN, PURPLE, VERMILLION, dress

SEEDS_DRAWN = 20
"""At most so many single seeds are drawn as thin lines."""


@dataclass(frozen=True, kw_only=True)
class Extent:
    """What axes must hold so that panels can be compared.

    Attributes:
        last_step: the last evaluation.
        losses: least and greatest loss.
    """

    last_step: int
    losses: tuple[float, float]

    @classmethod
    def of(cls, curves: Mapping[str, Any]) -> "Extent":
        """The extent of all networks of a run."""
        names = ("train/loss", "test/loss_novel", "test/loss_ood")
        losses = np.concatenate([np.ravel(curves[n]) for n in names if n in curves] or [np.ones(1)])
        losses = losses[np.isfinite(losses)]
        low, high = (losses.min(), losses.max()) if len(losses) else (0.1, 1.0)
        last = int(np.max(curves["step"])) if len(curves.get("step", ())) else 1
        return cls(last_step=last, losses=(max(float(low), LEAST_LOSS), max(float(high), 2e-9)))


@dataclass(frozen=True, kw_only=True)
class _Line:
    part: str
    name: str
    colour: str
    shown: bool = True


_LINES = (
    _Line(part="train", name="training rows", colour=VERMILLION),
    _Line(part="novel", name="test rows, novel", colour=BLUE),
    _Line(part="mirrored", name="test rows, mirrored", colour=GREEN, shown=False),
    _Line(part="ood", name="rows out of the distribution", colour=PURPLE),
)
_COLUMNS = {
    "train": ("train/acc", "train/loss"),
    "novel": ("test/acc_novel", "test/loss_novel"),
    "mirrored": ("test/acc_mirrored", "test/loss_mirrored"),
    "ood": ("test/acc_ood", "test/loss_ood"),
}


def training_figure(
    curves: Mapping[str, Any],
    group: Group,
    extent: Extent | None = None,
    names: Quantities = Quantities(),  # noqa: B008 (frozen)
) -> go.Figure:
    """Accuracy over loss: a median line with a band, phases shaded, both events marked.

    Single seeds are thin lines that the legend turns on; so are the mirrored test rows, whose
    answer a network that adds its two embeddings knows without generalising.

    Args:
        curves: metric columns of the run.
        group: the networks to draw.
        extent: of the axes; that of all the curves where none is given.
        names: of what is drawn.
    """
    extent = extent or Extent.of(curves)
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.05)
    for line in _LINES:
        _draw(figure, curves, group, line)
    if len(group.networks) > 1:
        _name_seeds(figure)
    shade(figure, phases_of(group, extent.last_step), panels=2)
    mark_events(figure, group, extent.last_step, panels=2)
    return _lay_out(figure, extent, group, names)


def _draw(figure: go.Figure, curves: Mapping[str, Any], group: Group, line: _Line) -> None:
    for row, column in enumerate(_COLUMNS[line.part], start=1):
        series = series_of(curves, column, group.networks)
        band = band_of(series, group.carried)
        if band is None:
            continue
        log = row == 2
        style: dict[str, Any] = {
            "legendgroup": line.part,
            "visible": True if line.shown else "legendonly",
        }
        if len(series) > 1:
            figure.add_trace(band_trace(band, line.colour, log=log, **style), row, 1)
            for one in series[:SEEDS_DRAWN] if line.shown else ():
                seed = {"legendgroup": "seeds", "visible": "legendonly", "showlegend": False}
                figure.add_trace(seed_trace(one, line.colour, log=log, **seed), row, 1)
        median = median_trace(band, line.name, line.colour, log=log, showlegend=row == 1, **style)
        figure.add_trace(median, row, 1)


def _name_seeds(figure: go.Figure) -> None:
    """A legend entry that turns all single seeds on and off."""
    figure.add_scatter(
        x=[None],
        y=[None],
        mode="lines",
        line={"color": "#98a1b3", "width": 1},
        name="single seeds",
        legendgroup="seeds",
        visible="legendonly",
    )


def _lay_out(figure: go.Figure, extent: Extent, group: Group, names: Quantities) -> go.Figure:
    figure.update_xaxes(step_axis(extent.last_step))
    figure.update_xaxes(title_text=TITLE, row=2, col=1)
    figure.update_yaxes(title_text=names.score, range=[-0.03, 1.03], dtick=0.25, row=1, col=1)
    figure.update_yaxes(
        loss_axis(*extent.losses), title_text=f"{names.loss}, log scale", row=2, col=1
    )
    figure.update_layout(
        margin={"l": 62, "r": 14, "t": 66, "b": 118},
        hovermode="x unified",
        legend={"orientation": "h", "x": 0, "y": -0.17, "yanchor": "top", "xanchor": "left"},
    )
    return dress(figure, height=560, title=group.name)
