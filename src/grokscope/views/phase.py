"""The phases of a group's training, from its median events: shading and marked lines."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from grokscope.views.group import Group, Milestone
from grokscope.views.step_axis import STEP_ZERO, share_of_axis
from grokscope.views.theme import INK

TINTS = {
    "memorisation": "#fcefdc",
    "plateau": "#eceef2",
    "generalisation": "#dcecf8",
    "after": "#e0f3ea",
}


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A stretch of training between two steps."""

    name: str
    start: int | float
    end: int | float


def phases_of(group: Group, last_step: int) -> list[Phase]:
    """The phases of a group by its median events, as far as it got; none before its run ended.

    Memorisation ends at the median memorized step, the plateau at the median onset, generalisation
    at the median grokked step.
    """
    if not group.rows:
        return []
    last = min(last_step, max(row["steps"] for row in group.rows))
    milestones: tuple[Milestone, ...] = ("memorized", "onset", "grokked")
    ends = [group.median_step(milestone) for milestone in milestones]
    found: list[Phase] = []
    start = STEP_ZERO
    for name, end in zip(TINTS, [*ends, None], strict=True):
        stop = float(last) if end is None else max(end, start)
        if stop > start:
            found.append(Phase(name=name, start=start, end=stop))
        if end is None:
            break
        start = stop
    return found


def shade(figure: go.Figure, phases: Sequence[Phase], panels: int) -> None:
    """Shade the panels of a figure and name the colours in its legend."""
    style = {"type": "rect", "layer": "below", "line": {"width": 0}}
    places = _places(panels)
    spans = [{"x0": p.start, "x1": p.end, "fillcolor": TINTS[p.name]} for p in phases]
    _add_shapes(figure, [{**style, **span, **place} for span in spans for place in places])
    edge = {"width": 1, "color": "#c3c8d4"}
    figure.add_traces(
        [
            go.Scatter(
                x=[None],
                y=[None],
                mode="markers",
                name=phase.name,
                hoverinfo="skip",
                marker={"symbol": "square", "size": 12, "color": TINTS[phase.name], "line": edge},
            )
            for phase in phases
        ]
    )


def draw_event(figure: go.Figure, step: int | float, panels: int, **line: Any) -> None:  # noqa: ANN401
    """A vertical line at a step through every panel; `line` is its Plotly style."""
    x = max(step, STEP_ZERO)
    style = {"type": "line", "x0": x, "x1": x, "line": {"width": 1.3, **line}}
    _add_shapes(figure, [{**style, **place} for place in _places(panels)])


def mark_events(figure: go.Figure, group: Group, last_step: int, panels: int) -> None:
    """Mark the median memorized and grokked steps of a group, named above the first panel."""
    memorized, grokked = group.median_step("memorized"), group.median_step("grokked")
    for step, word, dash in ((memorized, "memorised", "dot"), (grokked, "grokked", "dash")):
        if step is not None:
            draw_event(figure, step, panels, color=INK, dash=dash)
            name_event(figure, word, step, last_step)


def name_event(figure: go.Figure, word: str, step: int | float, last_step: int) -> None:
    """Write an event's name above its line.

    `memorised` ends at its line and `grokked` begins there, so that they cannot collide; near an
    edge of the axis the name turns round and moves one line up.
    """
    side, other = ("left", "right") if word == "grokked" else ("right", "left")
    share = share_of_axis(step, last_step)
    turned = share > 0.8 if side == "left" else share < 0.2
    figure.add_annotation(
        x=math.log10(max(step, STEP_ZERO)),
        xref="x",
        y=1,
        yref="paper",
        yanchor="bottom",
        yshift=16 if turned else 2,
        xanchor=other if turned else side,
        text=f"{word} {step:,.0f}",
        showarrow=False,
        font={"size": 11.5, "color": INK},
    )


def _places(panels: int) -> list[dict[str, Any]]:
    """Where a shape stands that fills each of the panels from top to bottom."""
    names = ["", *(str(i) for i in range(2, panels + 1))]
    return [{"xref": f"x{n}", "yref": f"y{n} domain", "y0": 0, "y1": 1} for n in names]


def _add_shapes(figure: go.Figure, shapes: Sequence[dict[str, Any]]) -> None:
    """All at once, since Plotly checks every shape again whenever one is added."""
    layout: Any = figure.layout
    figure.update_layout(shapes=[*layout.shapes, *shapes])
