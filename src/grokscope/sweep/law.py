"""The law of a sweep: how the time to generalise depends on a setting, with censoring.

An accelerated-failure-time regression of ln(time) on ln(setting), beside the other numeric
settings that vary (`statistics.accelerated_failure`), and the slope by least squares over the runs
that generalised, which is what is usually reported. A power law is a claim: whether a straight line
does is tested, and stands beside it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from grokscope.core.errors import SettingError
from grokscope.statistics import (
    AcceleratedFailure,
    Curvature,
    Interval,
    Naive,
    Runs,
    accelerated_failure,
    curvature,
    naive_slopes,
)
from grokscope.statistics.accelerated_failure import student
from grokscope.statistics.runs import INTERCEPT
from grokscope.sweep.axis import Value
from grokscope.sweep.cell import Cell
from grokscope.sweep.cell_axis import CellAxis
from grokscope.sweep.cells import Cells, varying_settings
from grokscope.sweep.result import Result, Results


@dataclass(frozen=True, kw_only=True)
class Law:
    """How long runs take, by one setting.

    Attributes:
        axis: the setting.
        levels: the runs of each of its levels.
        values: the setting of every run, in the order of the levels.
        fixed: what the runs have in common, for people.
        beside: other settings in the regression, with their mean logarithms.
        pooled: settings that vary and are not in it.
        fit: None where it has no maximum; then `reason` says why.
        naive: least squares, without regard to censoring; None where too few generalised.
        bend: whether a straight line does; None where that cannot be told.
        reason: why there is no fit.
    """

    axis: CellAxis
    levels: Mapping[int, Sequence[Result]] = field(repr=False)
    values: Mapping[str, float] = field(repr=False)
    fixed: Mapping[str, str]
    beside: Mapping[str, float]
    pooled: Sequence[str]
    fit: AcceleratedFailure | None
    naive: Naive | None
    bend: Curvature | None
    reason: str = ""

    @property
    def exponent(self) -> Interval | None:
        """Of the power law: time goes as the setting to this power."""
        return None if self.fit is None else self.fit.coefficients[self.axis.name]

    def median_at(self, setting: float) -> Interval | None:
        """The fitted median time at a setting, in steps, the other settings at their means."""
        fit = self.fit
        if fit is None:
            return None
        names = list(fit.coefficients)
        at = [1.0 if n == INTERCEPT else self.beside.get(n, math.log(setting)) for n in names]
        value = math.fsum(a * float(b) for a, b in zip(at, fit.peak.theta, strict=False))
        covariance = fit.peak.robust
        if covariance is None:
            return Interval(value=math.exp(value), low=None, high=None)
        own = covariance[: len(at), : len(at)].tolist()
        variance = math.fsum(a * b * own[i][j] for i, a in enumerate(at) for j, b in enumerate(at))
        half = student(fit.seeds - 1) * math.sqrt(max(variance, 0.0))
        return Interval(
            value=math.exp(value), low=math.exp(value - half), high=math.exp(value + half)
        )

    def naive_at(self, setting: float) -> float | None:
        """The time that least squares over the finished runs gives there."""
        if self.naive is None:
            return None
        own = self.naive.finished.coefficients
        terms = [
            (c.value or 0.0) * (1.0 if n == INTERCEPT else self.beside.get(n, math.log(setting)))
            for n, c in own.items()
        ]
        return math.exp(math.fsum(terms))


def law_of(
    results: Results, axis: CellAxis, chosen: Sequence[Result], fixed: Mapping[str, str]
) -> Law | None:
    """The law of a setting; None where it is no number above 0, or takes one value.

    Args:
        results: of the sweep.
        axis: the setting, with its levels.
        chosen: runs of the sweep.
        fixed: what else distinguishes these from the others, for people.
    """
    names = [axis.name, *(n for n in varying_settings(results, chosen) if n != axis.name)]
    usable = [n for n in names if _is_positive(results, chosen, n)]
    if axis.name not in usable:
        return None
    settings = {n: [_number(results.value(r, n)) for r in chosen] for n in usable}
    if len(set(settings[axis.name])) < 2:
        return None
    levels: dict[int, list[Result]] = {}
    for result, value in zip(chosen, settings[axis.name], strict=True):
        levels.setdefault(axis.index(value), []).append(result)
    fit, naive, bend, reason = _regressed(chosen, settings, axis.name)
    return Law(
        axis=axis,
        levels=dict(sorted(levels.items())),
        values={r.id: value for r, value in zip(chosen, settings[axis.name], strict=True)},
        fixed=fixed,
        beside={n: _mean_log(settings[n]) for n in usable if n != axis.name},
        pooled=[n for n in names if n not in usable],
        fit=fit,
        naive=naive,
        bend=bend,
        reason=reason,
    )


def laws_of(results: Results, cells: Cells) -> list[Law]:
    """The law along each axis of a diagram, in the line of cells in which most generalise.

    A regression over the whole diagram would speak of its average place, where often nothing
    generalises.
    """
    if cells.y is None:
        found = [law_of(results, cells.x, cells.results, {})]
        return [law for law in found if law is not None]
    row = _best([(cell.row, cell) for cell in cells.cells])
    column = _best([(cell.column, cell) for cell in cells.cells])
    along_x = [r for cell in cells.cells if cell.row == row for r in cell.results]
    along_y = [r for cell in cells.cells if cell.column == column for r in cell.results]
    laws = [
        law_of(results, cells.x, along_x, {cells.y.name: cells.y.words(row)}),
        law_of(results, cells.y, along_y, {cells.x.name: cells.x.words(column)}),
    ]
    return [law for law in laws if law is not None]


def _best(lines: Sequence[tuple[int, Cell]]) -> int:
    """The line with the largest share of runs that generalised; the first of several."""
    grokked: dict[int, int] = {}
    runs: dict[int, int] = {}
    for line, cell in lines:
        grokked[line] = grokked.get(line, 0) + cell.grokked
        runs[line] = runs.get(line, 0) + cell.runs
    return max(sorted(runs), key=lambda line: grokked[line] / runs[line])


def _is_positive(results: Results, chosen: Sequence[Result], name: str) -> bool:
    values = [results.value(r, name) for r in chosen]
    return all(isinstance(v, int | float) and not isinstance(v, bool) and v > 0 for v in values)


def _number(value: Value) -> float:
    return float(cast("float", value))


def _mean_log(values: Sequence[float]) -> float:
    return math.fsum(map(math.log, values)) / len(values)


Regressed = tuple[AcceleratedFailure | None, Naive | None, Curvature | None, str]


def _regressed(
    chosen: Sequence[Result], settings: Mapping[str, Sequence[float]], name: str
) -> Regressed:
    try:
        runs = Runs.of_settings(
            [r.grokked for r in chosen], settings, [result.seed for result in chosen]
        )
        fit = accelerated_failure(runs)
    except SettingError:
        return None, None, None, "too few runs generalised, or only at some settings"
    naive, bend = None, None
    try:
        naive = naive_slopes(runs)
        bend = curvature(fit, name)
    except SettingError:
        return fit, naive, bend, ""
    return fit, naive, bend, ""
