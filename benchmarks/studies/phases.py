"""Study (a): phases over weight decay and share of the data, and whether they keep their labels."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.studies.exponent import DECAY
from benchmarks.studies.rows import Row, read

FRACTION = "task.train_fraction"
PHASES = ("comprehension", "grokking", "memorization", "confusion")
LEAST_CELLS = 5
_RULES = {
    "grokdef/1": ("label", "label_half", "label_90", "label_99"),
    "liu2022": ("liu", "liu_half"),
}


def document(name: str = "phases") -> dict[str, Any]:
    """Cells by label and rule: all, and those that keep it."""
    rows = read(name)
    cells: dict[tuple[float, float], list[Row]] = {}
    for row in rows:
        cells.setdefault((row.settings[DECAY], row.settings[FRACTION]), []).append(row)
    found: dict[str, Any] = {"runs": len(rows), "cells": len(cells)}
    for rule, names in _RULES.items():
        own = [[_majority(some, label) for label in names] for some in cells.values()]
        every = Counter(labels[0] for labels in own)
        stable = Counter(labels[0] for labels in own if len(set(labels)) == 1)
        found[rule] = {
            label: {"cells": every[label], "stable": stable[label]} for label in sorted(every)
        }
        found[f"{rule} passes"] = all(stable[phase] >= LEAST_CELLS for phase in PHASES)
    return found


def _majority(rows: Sequence[Row], label: str) -> str:
    """The label of more than half of a cell's runs, or `mixed`."""
    (first, count), *_ = Counter(row.labels[label] for row in rows).most_common(1)
    return first if 2 * count > len(rows) else "mixed"


def page(found: Mapping[str, Any]) -> str:
    """The table of the study."""
    heading = (
        "| label of most of a cell's runs | cells (grokdef/1) | keep it at B, .9, .95, .99 "
        "| cells (liu2022) | keep it at B |"
    )
    lines = [heading, "|---|---|---|---|---|"]
    ours, theirs = found["grokdef/1"], found["liu2022"]
    none = {"cells": 0, "stable": 0}
    for label in sorted({*ours, *theirs}, key=lambda one: (one == "mixed", one)):
        a, b = ours.get(label, none), theirs.get(label, none)
        counts = (a["cells"], a["stable"], b["cells"], b["stable"])
        lines.append(f"| {label} | {' | '.join(map(str, counts))} |")
    return "\n".join(lines)
