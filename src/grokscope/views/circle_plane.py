"""The plane of grokscope's own measures: a circle's shape, and whether attention makes it."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from grokscope.views.label_colour import CIRCLE_COLOURS
from grokscope.views.plane import Mark, name_line, plane

Document = Mapping[str, Any]

SHAPES = (-0.25, 1.25)
"""Shape indices beyond are drawn at the edge: over a vanishing constant they have no bound."""
ATTENTION = 1.5
"""The same of the relative change under constant attention."""


def circle_marks(rows: Sequence[Document]) -> list[Mark]:
    """A mark per circle that has a shape; companions have none."""
    low, high = SHAPES
    return [
        Mark(
            x=min(max(circle["shape"], low), high),
            y=min(circle["attention"], ATTENTION),
            kind=circle["label"] if circle["label"] in CIRCLE_COLOURS else "unlabelled",
            verdict=row["verdict"],
            about=_about(row, circle),
        )
        for row in rows
        for circle in row["circles"]
        if circle["shape"] is not None
    ]


def circle_plane(rows: Sequence[Document]) -> go.Figure:
    """Relative change of A_k(d) under constant attention over the shape index ρ₁ of A_k(d).

    Clocks lie at a shape of 0 and need attention; pizzas lie at 2/3 and do not.

    Args:
        rows: networks as in `explanation.json`.
    """
    marks = circle_marks(rows)
    figure = plane(marks, CIRCLE_COLOURS, "Shape and use of attention, a mark per circle")
    left = min([-0.1, *(mark.x - 0.05 for mark in marks)])
    right = max([0.85, *(mark.x + 0.05 for mark in marks)])
    top = max([0.5, *(1.08 * mark.y for mark in marks)])
    figure.update_xaxes(range=[left, right], title_text="shape index ρ<sub>1</sub>")
    figure.update_yaxes(range=[-0.05 * top, top], title_text="change under constant attention")
    name_line(figure, "clock: 0", x=0.0)
    name_line(figure, "pizza: 2/3", x=2 / 3)
    return figure


def _about(row: Document, circle: Document) -> list[str]:
    used = f"change under constant attention {circle['attention']:.2f}"
    need = "necessary" if circle["necessary"] else "redundant"
    return [
        f"network {row['network']}, frequency {circle['frequency']}: {circle['label']}",
        f"shape {circle['shape']:.2f}{_interval(circle)}, {used}",
        f"{need}, {circle['share']:.1%} of the embedding's energy",
        f"network {row['verdict']}",
    ]


def _interval(circle: Document) -> str:
    """Such as ` (0.64 to 0.70)`; explanations of an older version have none."""
    ends = circle.get("shape_interval")
    return f" ({ends[0]:.2f} to {ends[1]:.2f})" if ends else ""
