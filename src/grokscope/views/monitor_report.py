"""The report of a mixture-of-experts monitor: its measures with everything behind them, one file.

Measures of arXiv 2506.21551 stand beside what tells sharing from sharpening, memory from domain and
correlation from trend.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from grokscope.core.errors import UsageError
from grokscope.llm.balance import load_of
from grokscope.llm.monitor_run import MonitorRun
from grokscope.llm.panel_dictionary import DICTIONARY
from grokscope.llm.pathway import kept
from grokscope.store import RunDirectory
from grokscope.views import definition, monitor_tables, monitor_words
from grokscope.views.alert_table import (
    MOST_ALERTS,
    SHOWN_ALERTS,
    AlertLine,
    alert_lines,
    alert_table,
)
from grokscope.views.domain_style import Domain, drawn_domains
from grokscope.views.memory_gap import Gaps, memory_gaps
from grokscope.views.monitor_curves import MonitorCurves
from grokscope.views.monitor_pictures import MonitorPictures
from grokscope.views.page import render_page, write_page
from grokscope.views.pathway_trend import pathway_trends, trend_table, unrelated


@dataclass(frozen=True, kw_only=True)
class Monitored:
    """What the page is made from, read once.

    Attributes:
        run: on disk.
        header: what was monitored and how.
        curves: the numbers.
        domains: those that are drawn.
        gaps: intervals of the memory gap.
        alerts: that were raised.
        load: of the last measurement; None where its routing weights are not on disk.
    """

    run: RunDirectory
    header: Mapping[str, Any]
    curves: MonitorCurves
    domains: list[Domain]
    gaps: Gaps
    alerts: list[AlertLine]
    load: Float[np.ndarray, "layer expert"] | None

    @classmethod
    def of(cls, run: RunDirectory) -> "Monitored":
        """Read it; errors as in `write_monitor_report`."""
        curves = MonitorCurves.of(run)
        return cls(
            run=run,
            header=MonitorRun(run).header,
            curves=curves,
            domains=drawn_domains(curves),
            gaps=memory_gaps(run),
            alerts=alert_lines(run.events),
            load=_last_load(run, int(curves.steps[-1])),
        )


def write_monitor_report(run: RunDirectory, path: Path | None = None) -> Path:
    """Write the report of a monitor's run as one self-contained HTML file.

    A run that goes on gives a report of what there is. The file appears complete or not at all.

    Args:
        run: of a monitor, with at least one measurement.
        path: the file to write, `report.html` in the run by default; an existing one is replaced.

    Returns:
        The path.

    Raises:
        UsageError: it is no monitor's run, or has no measurements yet.
        DiskError: the file cannot be written.
        VerificationError: a file of the run is damaged.
    """
    return write_page(render_monitor_report(run), path or run.path / "report.html")


def render_monitor_report(run: RunDirectory) -> str:
    """The report as HTML; errors as in `write_monitor_report`."""
    seen = Monitored.of(run)
    content = {
        **_heading(seen),
        **vars(MonitorPictures.of(seen.curves, seen.gaps, seen.load)),
        **_tables(seen),
        **_configuration(seen),
    }
    return render_page("monitor.html.j2", content)


def _last_load(run: RunDirectory, step: int) -> Float[np.ndarray, "layer expert"] | None:
    monitor = MonitorRun(run)
    try:
        weights = monitor.pathways(step).weights
    except UsageError:  # somebody deleted the routing weights, which are large
        return None
    settings: Any = monitor.header["measuring"]
    return load_of(weights, kept(weights, settings["threshold"])).share


def _heading(seen: Monitored) -> dict[str, Any]:
    curves, status = seen.curves, seen.run.status
    first, last = int(curves.steps[0]), int(curves.steps[-1])
    return {
        "run_id": seen.run.id,
        "model": seen.header["model"],
        "created": str(status.get("created", "")).replace("T", " ")[:16],
        "state": status.get("state"),
        "layers": len(curves.layers),
        "experts": curves.experts,
        "measurements": len(curves.steps),
        "first": f"{first:,}",
        "last": f"{last:,}",
        "domains": len(curves.domains),
        "left_out": len(curves.domains) - len(seen.domains),
        "drawn": len(seen.domains),
        "probes": f"{sum(_counts(seen).values()):,}" if _counts(seen) else None,
        "threshold": seen.header["measuring"]["threshold"],
        "state_sentence": monitor_words.state_sentence(seen.run),
        "verdict": monitor_words.headline(curves, seen.gaps, seen.alerts),
        "is_streaming": not seen.run.splits(),
    }


def _counts(seen: Monitored) -> dict[str, int]:
    groups: Any = seen.header.get("groups") or {}
    return {str(name): int(count) for name, count in groups.items()}


def _tables(seen: Monitored) -> dict[str, Any]:
    curves = seen.curves
    trends = pathway_trends(curves)
    return {
        "alert_table": alert_table(seen.alerts[:SHOWN_ALERTS]) if seen.alerts else None,
        "more_alerts": alert_table(seen.alerts[SHOWN_ALERTS:MOST_ALERTS]),
        "alerts_left_out": max(0, len(seen.alerts) - MOST_ALERTS),
        "trend_table": trend_table(trends) if trends else None,
        "fewest_points": min((trend.points for trend in trends), default=0),
        "most_points": max((trend.points for trend in trends), default=0),
        "unrelated": unrelated(min((trend.points for trend in trends), default=0)),
        "tests_only": all(trend.tested.endswith("/test") for trend in trends),
        "step_tables": [monitor_tables.step_table(curves, d, seen.gaps) for d in seen.domains],
        "latest_table": monitor_tables.latest_table(curves),
        "groups_left_out": max(0, len(curves.groups) - monitor_tables.MOST_GROUPS),
    }


def _configuration(seen: Monitored) -> dict[str, Any]:
    counts = _counts(seen)
    return {
        "settings": monitor_tables.settings_rows(seen.header),
        "layer_names": seen.curves.layers,
        "probe_table": monitor_tables.probe_table(seen.curves, counts) if counts else None,
        "environment": definition.flat_environment(seen.run.env),
        "reading": monitor_words.READING,
        "terms": [*DICTIONARY.items()],
        "folder": seen.run.path.name,
    }
