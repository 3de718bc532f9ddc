"""How much of a phase diagram each phase takes."""

from collections.abc import Sequence
from dataclasses import dataclass

from grokscope.sweep.cell import Cell
from grokscope.sweep.tally import ORDER

TIE = "no majority"


@dataclass(frozen=True, kw_only=True)
class PhaseCount:
    """One phase.

    Attributes:
        label: that prevails in its cells; `TIE` where none does.
        cells: how many it has.
        stable: of them, those whose label is the same at half the budget and at every threshold.
        mixed: of them, those in which some runs have another label.
        runs: with the label, in whichever cell; of a tie, those in its cells.
    """

    label: str
    cells: int
    stable: int
    mixed: int
    runs: int


def phase_counts(cells: Sequence[Cell], rule: str) -> list[PhaseCount]:
    """Every label that some run has, in the order of `ORDER`, then ties."""
    tallies = [cell.tally(rule) for cell in cells]
    labels = {label for tally in tallies for label in tally.counts}
    ordered = [*(label for label in ORDER if label in labels), *sorted(labels - set(ORDER))]
    found = [_count(cells, rule, label) for label in ordered]
    has_ties = any(tally.majority is None for tally in tallies)
    return [*found, _count(cells, rule, TIE)] if has_ties else found


def _count(cells: Sequence[Cell], rule: str, label: str) -> PhaseCount:
    own = [cell for cell in cells if (cell.tally(rule).majority or TIE) == label]
    counted = own if label == TIE else cells
    return PhaseCount(
        label=label,
        cells=len(own),
        stable=sum(cell.is_stable(rule) for cell in own),
        mixed=sum(cell.tally(rule).is_mixed for cell in own),
        runs=sum(c.runs if label == TIE else c.tally(rule).counts.get(label, 0) for c in counted),
    )
