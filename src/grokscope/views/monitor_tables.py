"""The numbers behind a monitor's figures, every cell as text."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from grokscope.llm.panel_dictionary import DICTIONARY
from grokscope.views.domain_style import Domain
from grokscope.views.memory_gap import Gaps
from grokscope.views.monitor_curves import MonitorCurves
from grokscope.views.text_table import TextTable

ROWS = 24
"""At most about so many steps in a table, evenly spaced over the measurements."""
MOST_GROUPS = 120
"""Rows of the table of the last measurement."""
OVER_STEPS = (
    *("loss", "memorized", "distance", "distance_normalized", "distance_published"),
    *("path_length", "path_inconsistency", "mean_cos", "overlap", "cosine", "jaccard"),
    *("effective_dimension", "entropy", "load_variation", "dead_experts", "saturation", "change"),
)


def step_table(curves: MonitorCurves, domain: Domain, gaps: Gaps) -> TextTable:
    """A domain's measures at some steps."""
    names = [name for name in OVER_STEPS if curves.has(domain.main, name)]
    columns = {_head(name): curves.series(domain.main, name) for name in names}
    tested = curves.tested(domain.name)
    if tested is not None:
        columns["accuracy"] = curves.series(tested, "accuracy")
    places = np.unique(np.linspace(0, len(curves.steps) - 1, ROWS).round().astype(int))
    has_gap = curves.has(domain.main, "gap")
    rows = [
        [
            f"{curves.steps[i]:,}",
            *(number(float(values[i])) for values in columns.values()),
            *([_gap(curves, domain, gaps, int(i))] if has_gap else []),
        ]
        for i in places
    ]
    head = ["step", *columns, *(["memory gap"] if has_gap else [])]
    return TextTable(title=domain.name, head=head, rows=rows, left=())


def latest_table(curves: MonitorCurves) -> TextTable:
    """All measures of all groups at the last measurement."""
    shown = curves.groups[:MOST_GROUPS]
    names = [name for name in DICTIONARY if any(curves.has(group, name) for group in shown)]
    rows = [
        [group, *(number(float(curves.series(group, name)[-1])) for name in names)]
        for group in shown
    ]
    return TextTable(title="", head=["group", *map(_head, names)], rows=rows)


def probe_table(curves: MonitorCurves, counts: Mapping[str, int]) -> TextTable:
    """How many probes each domain has of each role."""
    rows = [
        [domain, *(_count(counts.get(f"{domain}{role}")) for role in ("", "/twin", "/test"))]
        for domain in curves.domains[:MOST_GROUPS]
    ]
    return TextTable(title="Probes", head=["domain", "seen", "twins", "tests"], rows=rows)


def settings_rows(header: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was measured how, as name and value."""
    rows: list[tuple[str, str]] = []
    for name, value in header.items():
        if name in ("groups", "layers"):
            continue
        if isinstance(value, Mapping):
            own = cast("Mapping[str, Any]", value)
            rows += [(f"{name}.{key}", _words(part)) for key, part in own.items()]
        else:
            rows.append((name, _words(value)))
    return rows


def number(value: float) -> str:
    """For people, with three digits or four."""
    if math.isnan(value):
        return "–"
    text = f"{value:.4g}" if abs(value) >= 0.001 or value == 0 else f"{value:.1e}"
    return text.replace("-", "−", 1) if value < 0 else text


def _gap(curves: MonitorCurves, domain: Domain, gaps: Gaps, place: int) -> str:
    value = number(float(curves.series(domain.main, "gap")[place]))
    interval = gaps[domain.name][place] if domain.name in gaps else None
    if interval is None or interval.low is None or interval.high is None:
        return value
    return f"{value} ({number(interval.low)} to {number(interval.high)})"


def _head(name: str) -> str:
    return name.replace("_", " ")


def _count(count: int | None) -> str:
    return "–" if count is None else f"{count:,}"


def _words(value: object) -> str:
    if isinstance(value, Mapping):
        own = cast("Mapping[str, object]", value)
        return ", ".join(f"{name}: {part}" for name, part in own.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        words = [str(part) for part in cast("Sequence[object]", value)]
        same = set(words)
        return f"{words[0]} (all layers)" if len(same) == 1 else ", ".join(words)
    return str(value)
