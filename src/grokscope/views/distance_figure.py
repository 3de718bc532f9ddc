"""Distance between pathways, raw beside normalised beside their length (arXiv 2506.21551).

A raw distance follows the length: when routing sharpens, fewer experts are kept and every distance
falls, whether or not samples share more of their pathways. The three axes span the same ratio, so
where raw distance and length fall together and the normalised distance stays level, nothing else
happened.
"""

import plotly.graph_objects as go

from grokscope.views.domain_style import drawn_domains
from grokscope.views.measure_panels import CONTROL, Line, MeasurePanel, domain_lines, stacked
from grokscope.views.monitor_curves import MonitorCurves
from grokscope.views.ratio_axis import ratio_axes

_PANELS = {
    "distance": "Raw distance, tokens",
    "distance_normalized": "Normalised distance",
    "path_length": "Pathway length, experts",
}
_PANEL_HEIGHT = 190
CONTROL_NAME = "between domains (control)"


def distance_figure(curves: MonitorCurves) -> go.Figure:
    """Three panels on log axes of the same ratio; pairs of different domains in grey.

    Args:
        curves: of a monitor; the first six domains are drawn.
    """
    domains = drawn_domains(curves)
    lines = {name: domain_lines(curves, domains, name) for name in _PANELS}
    control = curves.across("cross_distance_normalized")
    has_control = bool((control == control).any())
    if has_control:
        lines["distance_normalized"].append(
            Line(name=CONTROL_NAME, values=control, colour=CONTROL, dash="dashdot")
        )
    axes = ratio_axes([[line.values for line in own] for own in lines.values()])
    panels = [
        MeasurePanel(title=title, lines=lines[name], axis=axis)
        for (name, title), axis in zip(_PANELS.items(), axes, strict=True)
    ]
    dashes = {CONTROL_NAME: "dashdot"} if has_control else {}
    return stacked(curves, panels, domains, dashes, panel_height=_PANEL_HEIGHT)
