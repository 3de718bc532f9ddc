"""Study (d): the decades of weight decay over which networks generalise, by rate and width."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.studies.exponent import DECAY
from benchmarks.studies.rows import Row, read
from benchmarks.studies.words import as_dict, pair
from grokscope.core.errors import SettingError
from grokscope.statistics import window_of

RATE, WIDTH = "optimizer.lr", "model.d_hidden"
HALF_BUDGET, BUDGET = 10_000, 20_000


def document() -> list[dict[str, Any]]:
    """Each learning rate and width, with the budget and half of it."""
    rows = read("window")
    places = sorted({(row.settings[RATE], row.settings[WIDTH]) for row in rows})
    return [
        {"lr": lr, "d_hidden": width, "runs": len(own)}
        | {"at_half": _window(own, HALF_BUDGET), "at_budget": _window(own, BUDGET)}
        for lr, width in places
        for own in [[r for r in rows if (r.settings[RATE], r.settings[WIDTH]) == (lr, width)]]
    ]


def _window(rows: Sequence[Row], budget: int) -> dict[str, Any] | None:
    trials: dict[int, list[tuple[float, bool]]] = {}
    for row in rows:
        success = row.wait("grokked", budget).most <= budget
        trials.setdefault(row.seed, []).append((row.settings[DECAY], success))
    try:
        found = window_of(trials)
    except SettingError:  # nobody generalised
        return None
    names = ("begins", "ends", "decades")
    return {name: as_dict(getattr(found, name)) for name in names}


def page(rows: Sequence[Mapping[str, Any]]) -> str:
    """The table of the study."""
    lines = [
        "| learning rate | width | from λ (2 B) | to λ (2 B) | decades at B | decades at 2 B |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        late, early = row["at_budget"], row["at_half"]
        told = ["nobody", "nobody", "0"] if late is None else [pair(own) for own in late.values()]
        before = "0" if early is None else pair(early["decades"])
        place = f"{row['lr']:g} | {row['d_hidden']:g}"
        lines.append(f"| {place} | {told[0]} | {told[1]} | {before} | {told[2]} |")
    return "\n".join(lines)
