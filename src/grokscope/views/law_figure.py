"""Time to generalise against a setting: what was seen, what was censored, and the fitted law.

Circles are runs that generalised; triangles point upwards from the budget of those that had not,
since their time is longer. Diamonds are Kaplan–Meier medians with their intervals. The line is the
regression with censoring and its band; the dashed one is the slope that least squares give over the
runs that finished, which leaves the slow ones out.
"""

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from grokscope.statistics import NEVER, Interval
from grokscope.sweep.cell import survival_of
from grokscope.sweep.law import Law
from grokscope.sweep.result import Result
from grokscope.views.cell_frame import CellFrame, setting_words
from grokscope.views.survival_figure import log_ticks
from grokscope.views.theme import BLUE, FAINT, INK, VERMILLION, dress, faded, plain

HEIGHT = 480
_POINTS = 41
_SPREAD = 0.22
"""Half the width over which the runs of a level are laid out, as a share of the level's."""


def law_figure(law: Law) -> go.Figure:
    """The runs, the medians, and both laws, on log-log axes."""
    frame = _frame(law)
    figure = go.Figure([*_law(law, frame), *_naive(law, frame)])
    figure.add_traces([*_runs(law, frame), _medians(law, frame)])
    low, high = _extent(law)
    figure.update_xaxes(frame.layout())
    figure.update_yaxes(
        type="log",
        range=[math.log10(low), math.log10(high)],
        title_text="step of generalisation, log scale",
        **log_ticks(low, high),
    )
    figure.update_layout(
        margin={"l": 66, "r": 12, "t": 48, "b": 160},
        hovermode="closest",
        legend={
            "orientation": "h",
            "x": 0,
            "y": 0,
            "yref": "container",
            "yanchor": "bottom",
        },
    )
    at = ", ".join(f"{setting_words(name)} {words}" for name, words in law.fixed.items())
    title = f"By {setting_words(law.axis.name)}{f', at {at}' if at else ''}"
    dress(figure, height=HEIGHT, title=title)
    return figure.update_layout(title={"font_size": 14})


def exponent_words(exponent: Interval | None) -> str:
    """Such as `−1.20 (−1.41 to −0.99)`."""
    if exponent is None or exponent.value is None:
        return "unknown"
    value = _signed(exponent.value)
    if exponent.low is None or exponent.high is None:
        return f"{value} (one seed, so no interval)"
    return f"{value} ({_signed(exponent.low)} to {_signed(exponent.high)})"


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _frame(law: Law) -> CellFrame:
    """Of the axis, always logarithmic: a power law is straight there."""
    axis = law.axis
    if axis.scale == "log":
        return CellFrame.of(axis)
    return CellFrame.of(
        type(axis)(name=axis.name, levels=axis.levels, scale="log", edges=axis.edges)
    )


def _extent(law: Law) -> tuple[float, float]:
    times = [
        result.grokked.most if result.has_grokked else float(result.budget)
        for own in law.levels.values()
        for result in own
    ]
    return max(min(times), 1.0) / 1.5, max(times) * 2.2


def _law(law: Law, frame: CellFrame) -> list[go.Scatter]:
    if law.fit is None:
        return []
    x = _points(frame)
    medians = [m for value in x if (m := law.median_at(value)) is not None]
    found: list[go.Scatter] = []
    if all(m.low is not None and m.high is not None for m in medians):
        edges = [m.high for m in medians] + [m.low for m in reversed(medians)]
        found.append(
            go.Scatter(
                x=x + x[::-1],
                y=edges,
                fill="toself",
                fillcolor=faded(BLUE, 0.15),
                line={"width": 0},
                mode="lines",
                hoverinfo="skip",
                showlegend=False,
                meta={"band": True},
            )
        )
    return [
        *found,
        go.Scatter(
            x=x,
            y=[m.value for m in medians],
            mode="lines",
            line={"color": BLUE, "width": 2.4},
            name=f"law with censoring: {exponent_words(law.exponent)}",
            hoverinfo="skip",
            meta={"law": True},
        ),
    ]


def _naive(law: Law, frame: CellFrame) -> list[go.Scatter]:
    if law.naive is None:
        return []
    x = _points(frame)
    slope = law.naive.finished.coefficients[law.axis.name].value or 0.0
    return [
        go.Scatter(
            x=x,
            y=[law.naive_at(value) for value in x],
            mode="lines",
            line={"color": VERMILLION, "width": 1.8, "dash": "dash"},
            name=f"least squares, finished only: {_signed(slope)}",
            hoverinfo="skip",
            meta={"naive": True},
        )
    ]


def _points(frame: CellFrame) -> list[float]:
    low, high = frame.middles[0], frame.middles[-1]
    return [low * (high / low) ** (i / (_POINTS - 1)) for i in range(_POINTS)]


def _runs(law: Law, frame: CellFrame) -> list[go.Scatter]:
    """Seen and censored runs, those of a level side by side so that none hides another."""
    seen: list[tuple[float, float, str]] = []
    open_: list[tuple[float, float, str]] = []
    for level, own in law.levels.items():
        waiting = [r for r in own if r.grokked != NEVER]
        for result, x in zip(waiting, _beside(law, waiting, level, frame), strict=True):
            place = (x, result.grokked.most, result.run)
            if result.has_grokked:
                seen.append(place)
            else:
                open_.append((x, result.grokked.least, result.run))
    circle = {"symbol": "circle", "size": 6, "color": faded(INK, 0.45), "line": {"width": 0}}
    triangle = {"symbol": "triangle-up-open", "size": 8, "color": FAINT, "line": {"width": 1.2}}
    return [
        _marks(seen, "generalised", circle, "step %{y:,.0f}"),
        _marks(open_, "censored at the budget", triangle, "not by step %{y:,.0f}"),
    ]


def _beside(law: Law, results: Sequence[Result], level: int, frame: CellFrame) -> list[float]:
    if law.axis.has_bins:  # drawn values lie apart by themselves
        return [law.values[result.id] for result in results]
    step = 2 * _SPREAD / max(len(results) - 1, 1)
    first = 0.5 - (_SPREAD if len(results) > 1 else 0.0)
    return [frame.within(level, first + i * step) for i in range(len(results))]


def _marks(
    places: Sequence[tuple[float, float, str]], name: str, marker: dict[str, Any], hover: str
) -> go.Scatter:
    return go.Scatter(
        x=[place[0] for place in places],
        y=[place[1] for place in places],
        text=[plain(place[2]) for place in places],
        mode="markers",
        marker=marker,
        name=name,
        hovertemplate=f"%{{text}}: {hover}<extra></extra>",
        showlegend=bool(places),
        meta={"runs": name},
    )


def _medians(law: Law, frame: CellFrame) -> go.Scatter:
    found = [
        (frame.within(level, 0.5), survival_of(own).median()) for level, own in law.levels.items()
    ]
    known = [(x, median) for x, median in found if median.value is not None]
    top = _extent(law)[1]
    values = [median.value or 0.0 for _, median in known]
    highs = [top if median.high is None else median.high for _, median in known]
    lows = [median.value if median.low is None else median.low for _, median in known]
    return go.Scatter(
        x=[x for x, _ in known],
        y=values,
        error_y={
            "type": "data",
            "array": [high - value for high, value in zip(highs, values, strict=True)],
            "arrayminus": [value - (low or 0.0) for low, value in zip(lows, values, strict=True)],
            "color": INK,
            "thickness": 1.4,
            "width": 4,
        },
        mode="markers",
        marker={
            "symbol": "diamond",
            "size": 9,
            "color": INK,
            "line": {"color": "white", "width": 1},
        },
        name="median with 95 % interval",
        hovertemplate="median %{y:,.0f}<extra></extra>",
        showlegend=bool(known),
        meta={"medians": True},
    )
