"""The curves of a group as a table, for those who read numbers rather than pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grokscope.experiment.quantities import Quantities
from grokscope.views.band import Band, band_of, series_of
from grokscope.views.group import Group

ROWS = 24
"""At most about so many steps, evenly spaced over the evaluations."""

_COLUMNS = {
    "train {score}": "train/acc",
    "novel test {score}": "test/acc_novel",
    "out-of-distribution {score}": "test/acc_ood",
    "train loss": "train/loss",
    "novel test loss": "test/loss_novel",
    "out-of-distribution loss": "test/loss_ood",
}


@dataclass(frozen=True, kw_only=True)
class NumberTable:
    """A table of text cells, the first column being the step."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def number_table(curves: Mapping[str, Any], group: Group, names: Quantities) -> NumberTable:
    """Medians over seeds with their bands at some steps."""
    series = {
        name.format(score=names.score): series_of(curves, column, group.networks)
        for name, column in _COLUMNS.items()
    }
    bands = {name: band_of(some, group.carried) for name, some in series.items()}
    known = {name: band for name, band in bands.items() if band is not None}
    steps = np.unique(np.concatenate([band.step for band in known.values()] or [np.array([])]))
    places = np.linspace(0, len(steps) - 1, ROWS) if len(steps) else np.array([])
    chosen = steps[np.unique(places.round().astype(int))]
    rows = [
        [f"{int(step):,}", *(_cell(band, int(step)) for band in known.values())] for step in chosen
    ]
    return NumberTable(title=group.name, head=["step", *known], rows=rows)


def _cell(band: Band, step: int) -> str:
    found = np.flatnonzero(band.step == step)
    if not len(found):
        return "–"
    i = int(found[0])
    if band.count[i] < 2:
        return f"{band.middle[i]:.3g}"
    return f"{band.middle[i]:.3g} ({band.low[i]:.3g} to {band.high[i]:.3g})"
