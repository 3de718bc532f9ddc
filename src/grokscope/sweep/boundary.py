"""The border of generalisation: in each row of a phase diagram, where half of the runs get there.

Too little of a setting and too much of it can both prevent generalisation, so a row has a border at
either end of the region where its runs succeed (`statistics.window`), each with an interval from
resampled seeds. An end beyond what was tried is a bound and no border.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from grokscope.core.errors import SettingError
from grokscope.statistics import Interval, window_of
from grokscope.sweep.cell import Cell
from grokscope.sweep.cells import Cells
from grokscope.sweep.result import Results


@dataclass(frozen=True, kw_only=True)
class Boundary:
    """Between which values of the first axis's setting half of the runs of a row generalise.

    Attributes:
        row: of the diagram.
        begins: the lower end; `≤` where it is below all that was tried.
        ends: the upper end; `≥` where it is above.
        decades: log₁₀ of their ratio.
        runs: of the row.
    """

    row: int
    begins: Interval
    ends: Interval
    decades: Interval
    runs: int

    @property
    def known(self) -> list[Interval]:
        """The ends that lie within what was tried."""
        if self.decades.value == 0:
            return []
        return [end for end in (self.begins, self.ends) if end.sign == "=" and end.value]


def boundary_of(results: Results, cells: Cells) -> list[Boundary]:
    """The borders of every row in which anything generalised.

    There are none along an axis that is no scale of numbers above 0, and none in rows with fewer
    than two seeds or settings.
    """
    if cells.x.scale not in ("log", "linear"):
        return []
    rows: dict[int, list[Cell]] = {}
    for cell in cells.cells:
        rows.setdefault(cell.row, []).append(cell)
    found: list[Boundary] = []
    for row, own in sorted(rows.items()):
        try:
            window = window_of(_trials(results, cells.x.name, own))
        except SettingError:  # nothing generalised, or one seed or setting, or one that is not > 0
            continue
        found.append(
            Boundary(
                row=row,
                begins=window.begins,
                ends=window.ends,
                decades=window.decades,
                runs=sum(cell.runs for cell in own),
            )
        )
    return found


def _trials(
    results: Results, name: str, cells: Sequence[Cell]
) -> dict[int, list[tuple[float, bool]]]:
    trials: dict[int, list[tuple[float, bool]]] = {}
    for cell in cells:
        for result in cell.results:
            value = float(cast("float", results.value(result, name)))
            trials.setdefault(result.seed, []).append((value, result.has_grokked))
    return trials
