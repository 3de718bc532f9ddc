"""When the runs of a sweep generalise, by the values of one setting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from grokscope.statistics import NEVER, LogRank, Survival, log_rank
from grokscope.sweep.cell import noticed, survival_of
from grokscope.sweep.cell_axis import CellAxis
from grokscope.sweep.result import Result

MOST_GROUPS = 8
"""Curves in one picture that can be told apart."""


@dataclass(frozen=True, kw_only=True)
class SurvivalGroup:
    """Runs with one value of the setting, or in one bin.

    Attributes:
        name: the value, for people.
        results: its runs.
        survival: the share that has not generalised, by step; runs that diverged never do, so that
            one minus it is the share of all runs.
    """

    name: str
    results: Sequence[Result] = field(repr=False)
    survival: Survival = field(repr=False)

    @property
    def diverged(self) -> int:
        """Runs that diverged before they had generalised: the competing event."""
        return sum(result.grokked == NEVER for result in self.results)

    @property
    def budgets(self) -> Mapping[float, int]:
        """How many runs had not generalised when their budget ended, by step."""
        found: dict[float, int] = {}
        for result in self.results:
            if not result.has_grokked and result.grokked != NEVER:
                found[result.grokked.least] = found.get(result.grokked.least, 0) + 1
        return dict(sorted(found.items()))


@dataclass(frozen=True, kw_only=True)
class SurvivalGroups:
    """Groups side by side.

    Attributes:
        axis: the setting.
        drawn: those in the picture, at most `MOST_GROUPS`, evenly chosen.
        left_out: how many others there are.
        test: the log-rank test of all groups, the ones left out too; None where there is one.
    """

    axis: CellAxis
    drawn: Sequence[SurvivalGroup]
    left_out: int
    test: LogRank | None


def survival_groups(axis: CellAxis, levels: Mapping[int, Sequence[Result]]) -> SurvivalGroups:
    """Groups of runs.

    Args:
        axis: the setting.
        levels: the runs of each level of the axis that has any.
    """
    groups = [
        SurvivalGroup(name=axis.words(level), results=own, survival=survival_of(own))
        for level, own in sorted(levels.items())
    ]
    drawn = [groups[i] for i in _spread(len(groups))]
    waits = {group.name: [noticed(r.grokked) for r in group.results] for group in groups}
    return SurvivalGroups(
        axis=axis,
        drawn=drawn,
        left_out=len(groups) - len(drawn),
        test=log_rank(waits) if len(groups) > 1 else None,
    )


def _spread(count: int) -> list[int]:
    """Places from the first to the last, as evenly as possible."""
    if count <= MOST_GROUPS:
        return list(range(count))
    return [round(i * (count - 1) / (MOST_GROUPS - 1)) for i in range(MOST_GROUPS)]
