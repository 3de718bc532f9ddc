"""Cells of a phase diagram that borrow runs from their neighbours, and where they must not.

Four seeds in a cell leave its share of networks that generalise almost open. Where the outcome
changes slowly over the grid, runs of the cells around say something about it: a nearest-neighbour
estimate (Stone, Annals of Statistics 5, 1977) on the grid's own steps. Where it changes abruptly,
which is what a phase diagram is drawn for, they would blur the border. So each neighbour is first
compared with the cell by the log-rank test and left out where they differ; then all that are left
are compared with it together, which shows differences that are too small for four runs against
four, and nothing is borrowed where there is one.

What to make of it. The unpooled numbers of a cell are the ones to quote; the pooled ones make a
smooth picture. Not to differ significantly is no proof of being alike, least of all for four runs,
so a pooled interval is too narrow by what the neighbours differ; choosing those that look alike
makes it a little narrower still (where all cells are alike it covers the share 90 to 96 % of the
time). So do seeds that cells share: twelve runs of four splits are less than twelve of twelve. A
trend across a cell, one side less and the other more, cancels out, in the second test as in the
pooled share; the spread of pooled times is then that of the trend.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grokscope.core.errors import SettingError
from grokscope.statistics.interval import Interval
from grokscope.statistics.log_rank import log_rank
from grokscope.statistics.share import Share
from grokscope.statistics.survival import kaplan_meier
from grokscope.statistics.wait import Wait, require_right_censored
from grokscope.statistics.wilson import wilson

DIFFERENT = 0.05
"""Below this p-value neighbours are taken to differ."""

Grid = Sequence[Sequence[Sequence[Wait] | None]]
"""The runs of each cell by row and column; None where there is no cell, as at impossible settings.

Rows and columns are in the order of their settings, in steps that are alike on the scale that
matters (factors of a learning rate, say).
"""


@dataclass(frozen=True, kw_only=True)
class Neighbourhood:
    """A cell with its own estimates and those with what it borrowed.

    Attributes:
        own: number of the cell's runs.
        borrowed: number of its neighbours' runs in the pooled estimates.
        refused: number of runs in neighbours that were left out one by one, as they differ.
        radius: of the outermost ring of cells that runs were borrowed from; 0 where none were.
        p_value: that the cell's runs and all those it would borrow, without the refused, differ as
            much by chance; None where there was nothing to borrow or no need.
        differs: whether nothing was borrowed because neighbours differ, one by one or together.
        horizon: by which runs count as having generalised in both shares; the same for all cells.
        share: of the cell's runs that generalised by then, with Wilson's interval.
        median: the cell's Kaplan–Meier median, in the unit of time.
        pooled_share: as `share`, with the borrowed runs.
        pooled_median: as `median`, with the borrowed runs.
    """

    own: int
    borrowed: int
    refused: int
    radius: int
    p_value: float | None
    differs: bool
    horizon: float
    share: Share
    median: Interval
    pooled_share: Share
    pooled_median: Interval


def pool_neighbours(
    grid: Grid, enough: int = 12, horizon: float | int | None = None
) -> tuple[tuple[Neighbourhood | None, ...], ...]:
    """Estimates for every cell, with rings of neighbours until there are enough runs.

    The first ring is that of up to eight cells around (Chebyshev distance 1). All of a ring that is
    alike is taken, so that no side is preferred; at the grid's border there are only neighbours
    inwards. Where the grid ends before there are enough, there are fewer.

    Args:
        grid: the runs; waits that were seen, or are right-censored.
        enough: runs with which a cell needs no more; at least 1.
        horizon: in the unit of time, above 0; by default the shortest budget of a run that did not
            generalise, until which the fate of all is known, and infinite where there is none.

    Raises:
        SettingError: rows differ in length, a cell has no runs, a wait is known to lie between two
            bounds only, or the horizon is beyond the shortest budget.
    """
    if enough < 1:
        raise SettingError("enough", "at least 1", enough)
    _require_grid(grid)
    within = _horizon(grid, horizon)
    return tuple(
        tuple(
            None if own is None else _pooled(own, _around(grid, (i, j), enough), within)
            for j, own in enumerate(row)
        )
        for i, row in enumerate(grid)
    )


def _require_grid(grid: Grid) -> None:
    lengths = sorted({len(row) for row in grid})
    if len(lengths) > 1:
        raise SettingError("grid", "rows of one length", lengths)
    for own in _cells(grid):
        require_right_censored(own)


def _cells(grid: Grid) -> Iterator[Sequence[Wait]]:
    return (own for row in grid for own in row if own is not None)


def _horizon(grid: Grid, horizon: float | int | None) -> float:
    waits = (wait for own in _cells(grid) for wait in own)
    budgets = (w.least for w in waits if not w.was_seen and math.isfinite(w.least))
    shortest = min(budgets, default=math.inf)
    if horizon is not None and not 0 < horizon <= shortest:
        raise SettingError("horizon", f"above 0 and at most {shortest:g}", horizon)
    return shortest if horizon is None else float(horizon)


@dataclass(frozen=True, kw_only=True)
class _Around:
    """What a cell would borrow: the runs, how far away they are, how many it refused."""

    waits: Sequence[Wait]
    radius: int
    refused: int


def _around(grid: Grid, cell: tuple[int, int], enough: int) -> _Around:
    own = grid[cell[0]][cell[1]] or []
    taken: list[Wait] = []
    last, refused = 0, 0
    for radius in range(1, max(len(grid), len(grid[0]))):
        if len(own) + len(taken) >= enough:
            break
        for other in _ring(grid, cell, radius):
            if _p_value(own, other) < DIFFERENT:
                refused += len(other)
            else:
                taken += other
                last = radius
    return _Around(waits=taken, radius=last, refused=refused)


def _ring(grid: Grid, cell: tuple[int, int], radius: int) -> list[Sequence[Wait]]:
    row, column = cell
    rows = range(max(row - radius, 0), min(row + radius + 1, len(grid)))
    columns = range(max(column - radius, 0), min(column + radius + 1, len(grid[0])))
    return [
        other
        for i in rows
        for j in columns
        if max(abs(i - row), abs(j - column)) == radius and (other := grid[i][j]) is not None
    ]


def _p_value(own: Sequence[Wait], others: Sequence[Wait]) -> float:
    return log_rank({"own": own, "others": others}).p_value


def _pooled(own: Sequence[Wait], around: _Around, horizon: float) -> Neighbourhood:
    p_value = _p_value(own, around.waits) if around.waits else None
    differs = around.refused > 0 if p_value is None else p_value < DIFFERENT
    others = [] if differs else around.waits
    pooled = [*own, *others]
    return Neighbourhood(
        own=len(own),
        borrowed=len(others),
        refused=around.refused,
        radius=0 if differs else around.radius,
        p_value=p_value,
        differs=differs,
        horizon=horizon,
        share=_share(own, horizon),
        median=kaplan_meier(own).median(),
        pooled_share=_share(pooled, horizon),
        pooled_median=kaplan_meier(pooled).median(),
    )


def _share(waits: Sequence[Wait], horizon: float) -> Share:
    return wilson(sum(w.was_seen and w.least <= horizon for w in waits), len(waits))
