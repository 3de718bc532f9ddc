"""What was swept: axes, seeds, budgets, and how far the sweep is."""

from collections.abc import Sequence
from dataclasses import dataclass

from grokscope.sweep.axis import Value
from grokscope.sweep.cells import Cells
from grokscope.sweep.folder import Sweep
from grokscope.sweep.result import Results
from grokscope.sweep.start import Standing, standing


@dataclass(frozen=True, kw_only=True)
class SweptSetting:
    """A setting that varies.

    Attributes:
        name: full name.
        values: that finished runs have, rising where they are numbers.
        is_axis: of the diagram.
    """

    name: str
    values: Sequence[Value]
    is_axis: bool


@dataclass(frozen=True, kw_only=True)
class Overview:
    """A sweep in a few numbers.

    Attributes:
        settings: that vary, with their values.
        seeds: different ones.
        budgets: least and greatest, in steps.
        standing: runs done, left and failed.
        in_diagram: runs that the diagram shows.
    """

    settings: Sequence[SweptSetting]
    seeds: int
    budgets: tuple[int, int]
    standing: Standing
    in_diagram: int


def overview_of(sweep: Sweep, results: Results, cells: Cells) -> Overview:
    """The overview of the finished runs of a sweep."""
    names = dict.fromkeys([*results.axes, *(n for r in results.all for n in r.settings)])
    axes = [cells.x.name, *([cells.y.name] if cells.y else [])]
    settings: list[SweptSetting] = []
    for name in names:
        values = {results.value(result, name) for result in results.all}
        settings.append(
            SweptSetting(name=name, values=sorted(values, key=_order), is_axis=name in axes)
        )
    budgets = [result.budget for result in results.all]
    return Overview(
        settings=settings,
        seeds=len({result.seed for result in results.all}),
        budgets=(min(budgets), max(budgets)),
        standing=standing(sweep),
        in_diagram=len(cells.results),
    )


def _order(value: Value) -> tuple[bool, float, str]:
    is_number = isinstance(value, int | float)
    return not is_number, float(value) if is_number else 0.0, str(value)
