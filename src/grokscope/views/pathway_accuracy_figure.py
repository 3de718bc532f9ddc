"""A pathway measure against accuracy: the way that each domain takes through training."""

import numpy as np
import plotly.graph_objects as go

from grokscope.views.domain_style import Domain, drawn_domains
from grokscope.views.flowing_legend import legend_below, legend_height
from grokscope.views.monitor_curves import MonitorCurves
from grokscope.views.theme import dress, plain

_INSIDE, _TOP = 250, 38
_TITLES = {
    "distance_normalized": "normalised distance",
    "mean_cos": "mean cosine of neighbouring layers",
}
_LAST = 11


def pathway_accuracy_figure(curves: MonitorCurves, name: str = "distance_normalized") -> go.Figure:
    """One path for each domain that has an accuracy; it ends at the large point.

    Args:
        curves: of a monitor; the first six domains are drawn.
        name: of the measure.
    """
    figure = go.Figure()
    for domain in drawn_domains(curves):
        tested = curves.tested(domain.name)
        if tested is not None and curves.has(domain.main, name):
            figure.add_trace(_path(curves, domain, name, tested))
    title = _TITLES.get(name, name)
    below = legend_height([str(domain.label) for domain in drawn_domains(curves)])
    figure.update_xaxes(title_text=title, nticks=6)
    figure.update_yaxes(title_text="accuracy", range=[-0.04, 1.06], dtick=0.25)
    figure.update_layout(
        margin={"l": 58, "r": 14, "t": _TOP, "b": below},
        hovermode="closest",
        legend=legend_below(_INSIDE),
    )
    dress(figure, height=_INSIDE + _TOP + below, title=f"Accuracy by {title.partition(' of ')[0]}")
    return figure.update_layout(title={"font_size": 14})


def _path(curves: MonitorCurves, domain: Domain, name: str, tested: str) -> go.Scatter:
    x, y = curves.series(domain.main, name), curves.series(tested, "accuracy")
    known = np.isfinite(x) & np.isfinite(y)
    count = int(known.sum())
    sizes = [4] * max(count - 1, 0) + [_LAST] * min(count, 1)
    return go.Scatter(
        x=x[known],
        y=y[known],
        mode="lines+markers",
        line={"color": domain.colour, "width": 1.2},
        marker={"size": sizes, "color": domain.colour},
        customdata=[f"{step:,}" for step in curves.steps[known].tolist()],
        name=domain.label,
        legendgroup=plain(domain.name),
        showlegend=True,
        hovertemplate=f"{plain(domain.name)}, step %{{customdata}}: accuracy <b>%{{y:.3g}}</b> "
        "at %{x:.4g}<extra></extra>",
    )
