"""Figures of how alike and how even routing is, and of how seen samples differ from twins."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from grokscope.views.domain_style import Domain, drawn_domains
from grokscope.views.measure_panels import (
    CONTROL,
    Line,
    MeasurePanel,
    domain_lines,
    robust_axis,
    stacked,
)
from grokscope.views.monitor_curves import MonitorCurves, Series

SAMPLE_DASHES = {"of samples": "solid", "of their mean": "dash"}
ROW_DASHES = {"rows as they are": "solid", "gain folded in": "dot"}
TWIN_MEASURES = {
    "distance_normalized": "Normalised distance",
    "path_length": "Pathway length, experts",
    "overlap": "Overlap",
    "mean_cos": "Mean cosine of neighbouring layers",
}


def consistency_figure(curves: MonitorCurves) -> go.Figure:
    """The published measure under both of its signs, and the cosines that it is made of."""
    domains = drawn_domains(curves)
    published = {
        "path_inconsistency": "Path inconsistency (published C)",
        "path_consistency": "Path consistency, 1 − C",
    }
    panels = [
        MeasurePanel(title=title, lines=lines, axis=robust_axis(lines))
        for name, title in published.items()
        for lines in [domain_lines(curves, domains, name)]
    ]
    cosines = [
        *domain_lines(curves, domains, "mean_cos"),
        *domain_lines(curves, domains, "mean_cos_folded", "dot", ", gain folded in"),
    ]
    panels += [
        MeasurePanel(title="Mean cosine of neighbouring layers", lines=cosines),
        _panel(curves, domains, "mean_cos_centred", "Mean cosine, centred rows"),
    ]
    return stacked(curves, panels, domains, ROW_DASHES)


def sharing_figure(curves: MonitorCurves) -> go.Figure:
    """Likeness of samples' routing weights without strings: overlap, cosine, Jaccard, dimension."""
    domains = drawn_domains(curves)
    overlap = domain_lines(curves, domains, "overlap")
    control = curves.across("cross_overlap")
    has_control = bool(np.isfinite(control).any())
    if has_control:
        overlap.append(Line(name="between domains", values=control, colour=CONTROL, dash="dashdot"))
    panels = [
        MeasurePanel(title="Overlap of routing weights", lines=overlap),
        _panel(curves, domains, "cosine", "Cosine of routing weights"),
        _panel(curves, domains, "jaccard", "Weighted Jaccard similarity"),
        _panel(curves, domains, "effective_dimension", "Effective dimension of the kernel"),
    ]
    return stacked(
        curves, panels, domains, {"between domains (control)": "dashdot"} if has_control else {}
    )


def balance_figure(curves: MonitorCurves) -> go.Figure:
    """Entropy, variation of the load, and dead experts."""
    domains = drawn_domains(curves)
    entropy = [
        *domain_lines(curves, domains, "entropy"),
        *domain_lines(curves, domains, "entropy_of_mean", "dash", ", of the mean"),
    ]
    panels = [
        MeasurePanel(
            title="Routing entropy, nats",
            lines=entropy,
            level=(math.log(curves.experts), "uniform"),
        ),
        _panel(curves, domains, "load_variation", "Variation of the load"),
        MeasurePanel(
            title="Dead experts, all layers",
            lines=domain_lines(curves, domains, "dead_experts"),
            axis={"rangemode": "tozero", "tickformat": "~g"},
        ),
    ]
    return stacked(curves, panels, domains, SAMPLE_DASHES)


def settling_figure(curves: MonitorCurves) -> go.Figure:
    """How much routing still changes from one measurement to the next."""
    domains = drawn_domains(curves)
    panels = [
        _panel(curves, domains, "saturation", "Saturation, mean over layers"),
        MeasurePanel(
            title="Share of routing weight that moved",
            lines=domain_lines(curves, domains, "change"),
            axis={"rangemode": "tozero"},
        ),
    ]
    return stacked(curves, panels, domains, {})


def twin_figure(curves: MonitorCurves) -> go.Figure:
    """Pathway measures of seen samples less those of their twins.

    Each axis goes as far as the measure itself moved: a difference that is small beside that stays
    near the middle.
    """
    domains = [domain for domain in drawn_domains(curves) if {"seen", "twin"} <= set(domain.groups)]
    panels = [
        MeasurePanel(
            title=title,
            lines=_differences(curves, domains, name),
            axis=_around_zero(curves, domains, name),
            level=(0.0, ""),
        )
        for name, title in TWIN_MEASURES.items()
    ]
    return stacked(curves, panels, domains, {})


def twin_difference(curves: MonitorCurves, groups: Mapping[str, str], name: str) -> Series:
    """Seen less twin at every measurement."""
    return curves.series(groups["seen"], name) - curves.series(groups["twin"], name)


def _panel(curves: MonitorCurves, domains: Sequence[Domain], name: str, title: str) -> MeasurePanel:
    return MeasurePanel(title=title, lines=domain_lines(curves, domains, name))


def _differences(curves: MonitorCurves, domains: Sequence[Domain], name: str) -> list[Line]:
    lines = [
        Line(
            name=domain.name,
            values=twin_difference(curves, domain.groups, name),
            colour=domain.colour,
            domain=domain.name,
        )
        for domain in domains
    ]
    return [line for line in lines if np.isfinite(line.values).any()]


def _around_zero(
    curves: MonitorCurves, domains: Sequence[Domain], name: str
) -> dict[str, list[float]]:
    moved = [_range(curves.series(domain.groups["seen"], name)) for domain in domains]
    apart = [_largest(twin_difference(curves, domain.groups, name)) for domain in domains]
    reach = 1.08 * max([*moved, *apart, 0.0])
    return {"range": [-reach, reach]} if reach > 0 else {}


def _range(values: Series) -> float:
    known = values[np.isfinite(values)]
    return float(known.max() - known.min()) if len(known) else 0.0


def _largest(values: Series) -> float:
    known = values[np.isfinite(values)]
    return float(np.abs(known).max()) if len(known) else 0.0
