"""The runs of a sweep in the cells of a grid over one setting or two: a phase diagram's data.

Other settings that vary are either fixed by the caller or pooled: a cell then has runs of several
values, and says so. Cells with few runs get estimates beside their own in which neighbours count
that are alike (`statistics.neighbourhood`), along axes that have an order.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from grokscope.core.errors import UsageError
from grokscope.core.settings import full_name
from grokscope.statistics import Neighbourhood, Wait, pool_neighbours
from grokscope.sweep.axis import Value
from grokscope.sweep.cell import Cell, cell_of, noticed
from grokscope.sweep.cell_axis import CellAxis, cell_axis, value_words
from grokscope.sweep.phase_count import PhaseCount, phase_counts
from grokscope.sweep.result import Result, Results

ENOUGH = 12
"""Runs with which a cell needs none of its neighbours."""
_LISTED = 6


@dataclass(frozen=True, kw_only=True)
class Cells:
    """A grid of cells.

    Attributes:
        x: the first axis.
        y: the second; None where the grid is over one setting.
        cells: those that have runs, row by row.
        fixed: settings that were fixed, with their values.
        pooled: other settings that vary among the runs, with how many values each has.
        horizon: the smallest budget, until which all runs were watched; in steps.
    """

    x: CellAxis
    y: CellAxis | None
    cells: tuple[Cell, ...]
    fixed: Mapping[str, Value]
    pooled: Mapping[str, int]
    horizon: float

    @property
    def results(self) -> list[Result]:
        """The runs, cell by cell."""
        return [result for cell in self.cells for result in cell.results]

    @property
    def rows(self) -> int:
        """Number of rows, without cells too."""
        return 1 if self.y is None else len(self.y.levels)

    def at(self, column: int, row: int) -> Cell | None:
        """The cell at a place, if it has runs."""
        return next((c for c in self.cells if (c.column, c.row) == (column, row)), None)

    def phases(self, rule: str) -> list[PhaseCount]:
        """How many cells are in which phase."""
        return phase_counts(self.cells, rule)

    def document(self) -> dict[str, Any]:
        """Everything, for JSON."""
        axes = {"x": _axis_document(self.x), "y": self.y and _axis_document(self.y)}
        about = {"fixed": dict(self.fixed), "pooled": dict(self.pooled), "horizon": self.horizon}
        return {**axes, **about, "cells": [cell.document() for cell in self.cells]}


def cells_of(
    results: Results,
    x: str | None = None,
    y: str | None = None,
    where: Mapping[str, Value] | None = None,
) -> Cells:
    """Gather a sweep's runs.

    Args:
        results: of the sweep.
        x: setting of the first axis, by full or short name; the sweep's first axis unless given.
        y: of the second; the first other axis of the sweep that varies unless `x` is given.
        where: values at which other settings are fixed.

    Raises:
        UsageError: no run is done, a name is no setting's, an axis does not vary, or no run has
            such a value.
    """
    if not results.all:
        raise UsageError(f"`{results.sweep.name}` has no finished run yet.")
    config = results.sweep.header.base
    fixed = {full_name(config, name): value for name, value in (where or {}).items()}
    chosen = _chosen(results, fixed)
    varying = varying_settings(results, chosen)
    names = _axis_names(results, varying, x, y)
    for name in names:
        if name not in varying:
            _refuse_axis(name, varying, fixed)
    return _gathered(results, chosen, names, varying, fixed)


def varying_settings(results: Results, chosen: Iterable[Result]) -> dict[str, set[Value]]:
    """Settings that differ among runs, with their values; axes of the sweep first."""
    chosen = list(chosen)
    names = dict.fromkeys([*results.axes, *(n for r in chosen for n in r.settings)])
    values = {name: {results.value(result, name) for result in chosen} for name in names}
    return {name: own for name, own in values.items() if len(own) > 1}


def _chosen(results: Results, fixed: Mapping[str, Value]) -> list[Result]:
    chosen = list(results.all)
    for name, wanted in fixed.items():
        values = {results.value(result, name) for result in chosen}
        chosen = [result for result in chosen if _is_same(results.value(result, name), wanted)]
        if not chosen:
            listed = [value_words(v) for v in sorted(values, key=_order)[:_LISTED]]
            more = ", …" if len(values) > _LISTED else ""
            raise UsageError(
                f"No finished run has `{name}` {value_words(wanted)}: "
                f"there are {', '.join(listed)}{more}."
            )
    return chosen


def _is_same(value: Value, wanted: Value) -> bool:
    """Equal, or equal to the digits that people are shown."""
    numbers = (int, float)
    if isinstance(value, numbers) and isinstance(wanted, numbers):
        return value == wanted or f"{value:g}" == f"{wanted:g}"
    return value == wanted


def _order(value: Value) -> tuple[bool, float, str]:
    is_number = isinstance(value, int | float)
    return not is_number, float(value) if is_number else 0.0, str(value)


def _axis_names(
    results: Results, varying: Mapping[str, set[Value]], x: str | None, y: str | None
) -> list[str]:
    config = results.sweep.header.base
    if "seed" in (x, y):
        raise UsageError("`seed` is no axis: seeds are what a cell repeats.")
    given = [full_name(config, name) for name in (x, y) if name is not None]
    if len(given) == 2 or x is not None:
        if len(set(given)) < len(given):
            raise UsageError(f"`{given[0]}` cannot be both axes.")
        return given
    usual = [name for name in varying if name not in given] or [results.axes[0]]
    return [usual[0], *(given or usual[1:2])]


def _refuse_axis(name: str, varying: Mapping[str, set[Value]], fixed: Mapping[str, Value]) -> None:
    """Say that a setting has one value only, and which ones have more."""
    others = ", ".join(f"`{other}`" for other in varying) or "no setting"
    why = "is fixed" if name in fixed else "does not vary in this sweep"
    raise UsageError(f"`{name}` {why}, so it is no axis: what varies is {others}.")


def _gathered(
    results: Results,
    chosen: Sequence[Result],
    names: Sequence[str],
    varying: Mapping[str, set[Value]],
    fixed: Mapping[str, Value],
) -> Cells:
    points = {tuple(results.value(result, name) for name in varying) for result in chosen}
    fill = len(points) / prod(map(len, varying.values())) if len(varying) > 1 else None
    axes = [cell_axis(name, varying[name], fill) for name in names]
    horizon = float(min(result.budget for result in chosen))
    places: dict[tuple[int, int], list[Result]] = {}
    for result in chosen:
        where = [axis.index(results.value(result, axis.name)) for axis in axes]
        places.setdefault((where[0], where[1] if len(where) > 1 else 0), []).append(result)
    y = axes[1] if len(axes) > 1 else None
    cells = [
        cell_of(place, (axes[0].levels[place[0]], y and y.levels[place[1]]), own, horizon)
        for place, own in sorted(places.items(), key=lambda item: (item[0][1], item[0][0]))
    ]
    found = Cells(
        x=axes[0],
        y=y,
        cells=tuple(cells),
        fixed=dict(fixed),
        pooled={name: len(own) for name, own in varying.items() if name not in names},
        horizon=horizon,
    )
    return replace(found, cells=tuple(_with_neighbours(found)))


def _with_neighbours(found: Cells) -> list[Cell]:
    """Names have no neighbours: along them rows, or columns, are grids of their own."""
    columns = _blocks(len(found.x.levels), is_whole=found.x.has_order)
    rows = _blocks(found.rows, is_whole=found.y is None or found.y.has_order)
    cells = {(cell.column, cell.row): cell for cell in found.cells}
    lent: dict[tuple[int, int], Neighbourhood] = {}
    for own_rows in rows:
        for own_columns in columns:
            grid = [[_waits(cells.get((c, r))) for c in own_columns] for r in own_rows]
            pooled = pool_neighbours(grid, ENOUGH, found.horizon)
            lent |= {
                (c, r): one
                for r, line in zip(own_rows, pooled, strict=True)
                for c, one in zip(own_columns, line, strict=True)
                if one is not None
            }
    return [replace(cell, neighbourhood=lent[cell.column, cell.row]) for cell in found.cells]


def _blocks(count: int, *, is_whole: bool) -> list[list[int]]:
    return [list(range(count))] if is_whole else [[i] for i in range(count)]


def _waits(cell: Cell | None) -> list[Wait] | None:
    return None if cell is None else [noticed(result.grokked) for result in cell.results]


def _axis_document(axis: CellAxis) -> dict[str, Any]:
    own = {"name": axis.name, "scale": axis.scale, "levels": list(axis.levels)}
    return own | {"edges": list(axis.edges)}
