"""The fraction of runs that has not generalised yet, by step and by the value of one setting.

Kaplan and Meier's estimate as a step function, with its 95 % band. A tick on a curve is a run whose
budget ended there; a run that diverged never generalises, and stays in the fraction for good.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from grokscope.statistics import LogRank, Survival
from grokscope.sweep.survival_groups import SurvivalGroup, SurvivalGroups
from grokscope.views.cell_frame import setting_words
from grokscope.views.theme import GROUP_COLOURS, dress, faded, plain

HEIGHT = 380
_LEAST_P = 1e-4
_SCALE = ["#1b3a6b", "#2f7fb8", "#21a585", "#8bbf3f", "#e3b23c", "#c8553d"]
"""Of rising values; dark to light and to red, and even for those who do not see red."""


def survival_figure(groups: SurvivalGroups) -> go.Figure:
    """One step function for each group."""
    colours = group_colours(len(groups.drawn), has_order=groups.axis.has_order)
    figure = go.Figure()
    first, last = _extent(groups.drawn)
    for group, colour in zip(groups.drawn, colours, strict=True):
        figure.add_traces(_traces(group, colour, (first, last)))
    name = setting_words(groups.axis.name)
    figure.update_xaxes(
        type="log",
        range=[math.log10(first), math.log10(last * 1.06)],
        title_text="optimizer step, log scale",
        **log_ticks(first, last),
    )
    figure.update_yaxes(range=[-0.03, 1.04], title_text="fraction not yet generalised", dtick=0.25)
    figure.update_layout(
        margin={"l": 58, "r": 12, "t": 48, "b": 54},
        legend={"title_text": plain(name), "x": 1.02, "y": 1, "yanchor": "top"},
        hovermode="closest",
    )
    dress(figure, height=HEIGHT, title=f"By {name}: {test_words(groups.test)}")
    return figure.update_layout(title={"font_size": 14})


def group_colours(count: int, *, has_order: bool) -> list[str]:
    """A colour for each group: of a scale where their order means something."""
    if not has_order:
        return [GROUP_COLOURS[i % len(GROUP_COLOURS)] for i in range(count)]
    if count == 1:
        return [_SCALE[0]]
    places = [i / (count - 1) for i in range(count)]
    sampled: Any = sample_colorscale(_SCALE, places, colortype="tuple")
    return ["#" + "".join(f"{round(255 * part):02x}" for part in colour) for colour in sampled]


def test_words(test: LogRank | None) -> str:
    """The log-rank test, for a title."""
    if test is None:
        return "one group"
    if not test.degrees:
        return "nothing to compare"
    return f"log-rank {p_words(test.p_value)}"


def p_words(p: float) -> str:
    """A p-value; those that are very small are not given as if they were known."""
    return f"p < {_LEAST_P:.4f}" if p < _LEAST_P else f"p = {p:.2g}"


def log_ticks(low: float, high: float) -> dict[str, Any]:
    """Ticks of a log axis of steps: powers of ten, with 2 and 5 where there are few."""
    decades = math.log10(high / low)
    return {"dtick": 1 if decades > 2.2 else "D2", "tickformat": ",", "minor": {"ticks": ""}}


def _extent(groups: Sequence[SurvivalGroup]) -> tuple[float, float]:
    times = [time for group in groups for time in group.survival.times if time > 0]
    last = float(max(result.budget for group in groups for result in group.results))
    return min([*times, last / 2]) / 1.6, last


def _traces(group: SurvivalGroup, colour: str, ends: tuple[float, float]) -> list[go.Scatter]:
    survival, last = group.survival, float(max(r.budget for r in group.results))
    style: dict[str, Any] = {"legendgroup": group.name}
    x = [ends[0], *survival.times, last]
    y = [1.0, *survival.waiting, survival.at(last)]
    diverged = f", {group.diverged} diverged" if group.diverged else ""
    curve = go.Scatter(
        x=x,
        y=y,
        mode="lines",
        name=plain(f"{group.name} ({len(group.results)}{diverged})"),
        line={"color": colour, "width": 2.2, "shape": "hv"},
        hovertemplate=f"{plain(group.name)}: %{{y:.2f}} after step %{{x:,}}<extra></extra>",
        **style,
    )
    return [*_band(survival, ends[0], last, colour, style), curve, *_ticks(group, colour, style)]


def _band(
    survival: Survival, first: float, last: float, colour: str, style: dict[str, Any]
) -> list[go.Scatter]:
    """One outline of steps; it ends where nobody waits any more, of which it knows nothing."""
    known = sum(share > 0 for share in survival.waiting)
    times = survival.times[:known]
    end = survival.times[known] if known < len(survival.times) else last
    band = survival.band()[:known]
    if not times:
        return []
    x = [first, *times, end]
    low, high = ([1.0, *(ends[i] for ends in band)] for i in (0, 1))
    low_x, low_y = _stairs(x, low)
    high_x, high_y = _stairs(x, high)
    return [
        go.Scatter(
            x=low_x + high_x[::-1],
            y=low_y + high_y[::-1],
            fill="toself",
            fillcolor=faded(colour, 0.13),
            line={"width": 0},
            mode="lines",
            hoverinfo="skip",
            showlegend=False,
            **style,
        )
    ]


def _stairs(x: Sequence[float], y: Sequence[float]) -> tuple[list[float], list[float]]:
    """Corners of a step function whose values hold from each place to the next."""
    xs = [place for left, right in pairwise(x) for place in (left, right)]
    return xs, [value for value in y for _ in range(2)]


def _ticks(group: SurvivalGroup, colour: str, style: dict[str, Any]) -> list[go.Scatter]:
    budgets = group.budgets
    if not budgets:
        return []
    return [
        go.Scatter(
            x=list(budgets),
            y=[group.survival.at(step) for step in budgets],
            mode="markers",
            marker={"symbol": "line-ns-open", "size": 11, "color": colour, "line": {"width": 2}},
            text=[f"{count} censored at step {step:,.0f}" for step, count in budgets.items()],
            hovertemplate=f"{plain(group.name)}: %{{text}}<extra></extra>",
            showlegend=False,
            meta={"censored": True},
            **style,
        )
    ]
