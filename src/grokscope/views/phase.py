"""The phases of a group's training, from its median events: shading and marked lines."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

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
    start: float
    end: float


def phases_of(group: Group, last_step: int) -> list[Phase]:
    """The phases of a group by its median events, as far as it got; none before its run ended.

    Memorisation ends at the median memorized step, the plateau at the median onset, generalisation
    at the median grokked step.
    """
    if not group.rows:
        return []
    milestones: tuple[Milestone, ...] = ("memorized", "onset", "grokked")
    ends = [group.median_step(milestone) for milestone in milestones]
    found: list[Phase] = []
    start = STEP_ZERO
    for name, end in zip(TINTS, [*ends, None], strict=True):
        stop = float(last_step) if end is None else max(end, start)
        if stop > start:
            found.append(Phase(name=name, start=start, end=stop))
        if end is None:
            break
        start = stop
    return found


def shade(figure: go.Figure, phases: Sequence[Phase]) -> None:
    """Shade every panel of a figure and name the colours in its legend."""
    for phase in phases:
        figure.add_vrect(
            x0=phase.start, x1=phase.end, fillcolor=TINTS[phase.name], line_width=0, layer="below"
        )
        edge = {"width": 1, "color": "#c3c8d4"}
        key = {"symbol": "square", "size": 12, "color": TINTS[phase.name], "line": edge}
        figure.add_scatter(
            x=[None], y=[None], mode="markers", marker=key, name=phase.name, hoverinfo="skip"
        )


def mark_events(figure: go.Figure, group: Group, last_step: int, colour: str = INK) -> None:
    """Mark the median memorized and grokked steps on every panel, named above the first.

    The one name ends at its line and the other begins there, so that they cannot collide.
    """
    memorized, grokked = group.median_step("memorized"), group.median_step("grokked")
    events = ((memorized, "memorised", "dot", "right"), (grokked, "grokked", "dash", "left"))
    for step, word, dash, side in events:
        if step is None:
            continue
        figure.add_vline(x=max(step, STEP_ZERO), line={"color": colour, "width": 1.3, "dash": dash})
        share = share_of_axis(step, last_step)
        turned = side if 0.2 < share < 0.8 else ("left" if share <= 0.2 else "right")
        figure.add_annotation(
            x=math.log10(max(step, STEP_ZERO)),
            xref="x",
            y=1,
            yref="paper",
            yanchor="bottom",
            yshift=2 if turned == side else 16,
            xanchor=turned,
            text=f"{word} {step:,.0f}",
            showarrow=False,
            font={"size": 11.5, "color": colour},
        )
