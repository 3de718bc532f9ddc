"""The phases over two settings: what prevails in each cell, how surely, and what is not known.

A cell has the colour and the letter of the label that most of its runs have, with how many of how
many. Where runs differ, a strip along the foot shows all labels in proportion. Where several labels
are equally frequent, the cell stays white. Cells whose runs had not generalised when their budget
ended are hatched: another budget might show another phase. A mark at the corner says that the label
would be another at half of the budget, or by another threshold.
"""

from collections.abc import Sequence

import plotly.graph_objects as go

from grokscope.statistics import Interval
from grokscope.sweep.boundary import Boundary
from grokscope.sweep.cell import Cell
from grokscope.sweep.cells import Cells
from grokscope.sweep.tally import LETTERS, ORDER, Tally
from grokscope.views.cell_frame import CellFrame
from grokscope.views.cell_words import hover_words
from grokscope.views.label_palette import TIE_COLOUR, ink_on, label_colour, label_words
from grokscope.views.patch import Box, boxes_of, legend_below, legend_swatch, patch
from grokscope.views.theme import INK, dress, plain

NOTHING = "#eef0f4"
"""Behind the cells: seen where nothing ran."""
STRIP = 0.2
"""Height of the strip of a mixed cell, as a share of the cell's."""
_ROW, _LEAST_HEIGHT, _MOST_HEIGHT = 46, 150, 560
_MOST_FOR_COUNTS = 130
"""Cells from which on there is no room for numbers in them."""
_MOST_FOR_LETTERS = 700
_TIE = "tie"
_UNSTABLE = "unstable label"


def phase_diagram(
    cells: Cells, rule: str = "grokdef/1", boundary: Sequence[Boundary] = ()
) -> go.Figure:
    """The diagram by one rule.

    Args:
        cells: of a grid over one setting or two.
        rule: `grokdef/1`, or `liu2022` for the four phases of arXiv 2205.10343.
        boundary: where half of the runs generalise, by row.
    """
    x, y = CellFrame.of(cells.x), CellFrame.of(cells.y)
    figure = go.Figure([*_areas(cells, rule, x, y), *_strips(cells, rule, x, y)])
    figure.add_traces(_texts(cells, rule, x, y))
    unstable = [cell for cell in cells.cells if not cell.is_stable(rule)]
    if unstable:
        figure.add_trace(_marks(unstable, x, y))
    if boundary:
        figure.add_traces(_boundary(boundary, x, y))
    figure.add_trace(_hover(cells, rule, x, y))
    entries = _legend(cells, rule)
    figure.add_traces(entries)
    return _lay_out(figure, cells, rule, (x, y), len(entries) + bool(unstable) + bool(boundary))


def lay_out_cells(figure: go.Figure, x: CellFrame, y: CellFrame, title: str) -> go.Figure:
    """Axes, height and title of a figure over cells, in place."""
    inner = min(max(_ROW * y.count, _LEAST_HEIGHT), _MOST_HEIGHT) if y.count > 1 else 90
    figure.update_xaxes(x.layout())
    figure.update_yaxes(y.layout())
    figure.update_layout(margin={"l": 62 if y.title else 20, "r": 14, "t": 48, "b": 58})
    figure.update_layout(hovermode="closest", hoverdistance=-1, plot_bgcolor=NOTHING)
    dress(figure, height=inner + 48 + 58, title=title)
    figure.update_layout(title={"y": 0.985, "yanchor": "top", "yref": "container", "font_size": 14})
    return figure


def hover_trace(cells: Cells, texts: Sequence[str], x: CellFrame, y: CellFrame) -> go.Scatter:
    """Words for every cell, wherever in it one points."""
    return go.Scatter(
        x=[x.within(cell.column, 0.5) for cell in cells.cells],
        y=[y.within(cell.row, 0.5) for cell in cells.cells],
        mode="markers",
        marker={"size": 1, "opacity": 0},
        text=list(texts),
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )


def _key(tally: Tally) -> str:
    return tally.majority or _TIE


def _areas(cells: Cells, rule: str, x: CellFrame, y: CellFrame) -> list[go.Scatter]:
    """A trace per label and hatching; ties are white."""
    found: dict[tuple[str, bool], list[tuple[int, int]]] = {}
    for cell in cells.cells:
        tally = cell.tally(rule)
        places = found.setdefault((_key(tally), tally.is_censored), [])
        places.append((cell.column, cell.row))
    return [
        patch(
            boxes_of(places, x, y),
            TIE_COLOUR if label == _TIE else label_colour(label),
            is_hatched=is_hatched,
            meta={"label": label},
        )
        for (label, is_hatched), places in found.items()
    ]


def _strips(cells: Cells, rule: str, x: CellFrame, y: CellFrame) -> list[go.Scatter]:
    """All labels of the mixed cells, in proportion, along their foot."""
    found: dict[str, list[Box]] = {}
    for cell in cells.cells:
        tally = cell.tally(rule)
        if not tally.is_mixed:
            continue
        low, high = y.part(cell.row, 0.0, STRIP)
        done = 0
        for label, count in tally.counts.items():
            ends = x.part(cell.column, done / tally.total, (done + count) / tally.total)
            found.setdefault(label, []).append((*ends, low, high))
            done += count
    return [
        patch(boxes, label_colour(label), meta={"strip": label}) for label, boxes in found.items()
    ]


def _texts(cells: Cells, rule: str, x: CellFrame, y: CellFrame) -> list[go.Scatter]:
    """Letters and counts, a trace for each colour of ink."""
    if x.count * y.count > _MOST_FOR_LETTERS:
        return []
    with_counts = x.count * y.count <= _MOST_FOR_COUNTS and x.count <= 14
    found: dict[str, list[Cell]] = {}
    for cell in cells.cells:
        found.setdefault(ink_on(_key(cell.tally(rule))), []).append(cell)
    return [
        go.Scatter(
            x=[x.within(cell.column, 0.5) for cell in own],
            y=[y.within(cell.row, 0.6 if cell.tally(rule).is_mixed else 0.5) for cell in own],
            mode="text",
            text=[_text(cell.tally(rule), with_counts=with_counts) for cell in own],
            textfont={"size": 11.5 if with_counts else 9.5, "color": ink},
            hoverinfo="skip",
            showlegend=False,
        )
        for ink, own in found.items()
    ]


def _text(tally: Tally, *, with_counts: bool) -> str:
    letters = "=".join(LETTERS.get(label, "?") for label in tally.leading)
    if len(tally.leading) > 2 or not (with_counts or tally.majority):
        letters = "="  # the strip and the words of the cell name them all
    if not with_counts:
        return letters
    return f"<b>{letters}</b> {max(tally.counts.values())}/{tally.total}"


def _marks(unstable: Sequence[Cell], x: CellFrame, y: CellFrame) -> go.Scatter:
    return go.Scatter(
        x=[x.within(cell.column, 0.9) for cell in unstable],
        y=[y.within(cell.row, 0.84) for cell in unstable],
        mode="markers",
        name=_UNSTABLE,
        marker={
            "symbol": "diamond",
            "size": 7,
            "color": INK,
            "line": {"color": "white", "width": 1},
        },
        hoverinfo="skip",
        meta={"unstable": True},
    )


def _boundary(boundary: Sequence[Boundary], x: CellFrame, y: CellFrame) -> list[go.Scatter]:
    """Points with error bars, dark on a white edge, since they lie on every colour."""
    places = [
        place for own in boundary for end in own.known if (place := _place(end, own.row, x, y))
    ]
    styles = ({"color": "white", "width": 4}, {"color": INK, "width": 1.5})
    return [
        go.Scatter(
            x=[place[0] for place in places],
            y=[place[1] for place in places],
            error_x={
                "type": "data",
                "array": [place[2] for place in places],
                "arrayminus": [place[3] for place in places],
                "color": style["color"],
                "thickness": style["width"],
                "width": 4,
            },
            mode="markers",
            marker={"size": 7, "color": INK, "line": {"color": "white", "width": 1.5}},
            name="half generalise (95 %)",
            showlegend=style["color"] == INK,
            hoverinfo="skip",
            meta={"boundary": True},
        )
        for style in styles
        if places
    ]


def _place(
    end: Interval, row: int, x: CellFrame, y: CellFrame
) -> tuple[float, float, float, float] | None:
    """Where a point stands, and how far its bars reach; open ends go to the edge."""
    if end.value is None:
        return None
    low, high = x.edges[0], x.edges[-1]
    at = min(max(end.value, low), high)
    left = low if end.low is None else max(end.low, low)
    right = high if end.high is None else min(end.high, high)
    return at, y.within(row, 0.3), right - at, at - left


def _hover(cells: Cells, rule: str, x: CellFrame, y: CellFrame) -> go.Scatter:
    return hover_trace(cells, [hover_words(cells, cell, rule) for cell in cells.cells], x, y)


def _legend(cells: Cells, rule: str) -> list[go.Bar]:
    """An entry per label that some run has, hatched where the budget decided."""
    tallies = [cell.tally(rule) for cell in cells.cells]
    labels = {label for tally in tallies for label in tally.counts}
    prevailing = {(_key(tally), tally.is_censored) for tally in tallies}
    entries = [
        legend_swatch(
            label_colour(label), _legend_name(label), is_hatched=(label, True) in prevailing
        )
        for label in ORDER
        if label in labels
    ]
    if any(label == _TIE for label, _ in prevailing):
        entries.append(legend_swatch(TIE_COLOUR, "no majority"))
    if len(cells.cells) < cells.rows * len(cells.x.levels):
        entries.append(legend_swatch(NOTHING, "no runs"))
    return entries


def _legend_name(label: str) -> str:
    censored = " (censored)" if label in ("memorization", "confusion") else ""
    return f"{LETTERS.get(label, '?')} {label_words(label)}{censored}"


def _lay_out(
    figure: go.Figure, cells: Cells, rule: str, frames: tuple[CellFrame, CellFrame], entries: int
) -> go.Figure:
    names = {"grokdef/1": "By grokdef/1", "liu2022": "By Liu et al."}
    lay_out_cells(figure, *frames, title=f"{names.get(rule, rule)}{_seed_words(cells)}")
    legend_below(figure, entries)
    return figure.update_layout(barmode="overlay")


def _seed_words(cells: Cells) -> str:
    seeds = _range([cell.seeds for cell in cells.cells])
    said = f"{seeds} seed{'s' if seeds != '1' else ''}"
    if any(cell.runs != cell.seeds for cell in cells.cells):
        said = f"{_range([cell.runs for cell in cells.cells])} runs of {said}"
    return plain(f", {said} in each cell")


def _range(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low}" if low == high else f"{low} to {high}"
