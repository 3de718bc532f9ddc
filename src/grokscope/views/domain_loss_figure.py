"""Loss, accuracy and memory of each domain of a monitor's probes."""

import numpy as np
import plotly.graph_objects as go

from grokscope.views.domain_style import DASHES, ROLE_WORDS, Domain, drawn_domains
from grokscope.views.loss_axis import loss_axis
from grokscope.views.measure_panels import Line, MeasurePanel, domain_lines, stacked
from grokscope.views.memory_gap import Gaps, ends_of
from grokscope.views.monitor_curves import MonitorCurves

_LEAST = 1e-4


def domain_loss_figure(curves: MonitorCurves, gaps: Gaps | None = None) -> go.Figure:
    """Panels of loss, accuracy, memory gap and share memorised, as far as they were measured.

    Args:
        curves: of a monitor; the first six domains are drawn.
        gaps: the memory gap's intervals.
    """
    domains = drawn_domains(curves)
    loss = _by_role(curves, domains, "loss")
    panels = [
        MeasurePanel(title="Loss, nats, log scale", lines=loss, axis=_loss_axis(loss)),
        MeasurePanel(
            title="Accuracy",
            lines=_by_role(curves, domains, "accuracy"),
            axis={"range": [-0.04, 1.04], "dtick": 0.5},
        ),
        MeasurePanel(
            title="Memory gap: loss of seen less twins, nats",
            lines=_gaps(curves, domains, gaps or {}),
            level=(0.0, ""),
        ),
        MeasurePanel(
            title="Share memorised by the online rule",
            lines=domain_lines(curves, domains, "memorized"),
            axis={"range": [-0.04, 1.04], "dtick": 0.5},
        ),
    ]
    roles = [role for role in DASHES if any(role in domain.groups for domain in domains)]
    dashes = {ROLE_WORDS[role]: DASHES[role] for role in roles}
    return stacked(curves, panels, domains, dashes if len(roles) > 1 else {})


def _by_role(curves: MonitorCurves, domains: list[Domain], name: str) -> list[Line]:
    return [
        Line(
            name=domain.name if role == "seen" else f"{domain.name}, {role}s",
            values=curves.series(group, name),
            colour=domain.colour,
            dash=DASHES.get(role, "solid"),
            domain=domain.name,
        )
        for domain in domains
        for role, group in domain.groups.items()
        if curves.has(group, name)
    ]


def _gaps(curves: MonitorCurves, domains: list[Domain], gaps: Gaps) -> list[Line]:
    return [
        Line(
            name=line.name,
            values=line.values,
            colour=line.colour,
            domain=line.domain,
            band=ends_of(gaps[line.domain]) if line.domain in gaps else None,
        )
        for line in domain_lines(curves, domains, "gap")
    ]


def _loss_axis(lines: list[Line]) -> dict[str, object]:
    values = np.concatenate([line.values for line in lines] or [np.ones(1)])
    values = values[np.isfinite(values)]
    if not len(values):
        return {}
    low = max(float(values.min()), _LEAST)
    return loss_axis(low, max(float(values.max()), low))
