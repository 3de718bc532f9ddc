"""Everything that is drawn of a monitor's run, with what it shows in words."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float

from grokscope.views.distance_figure import distance_figure
from grokscope.views.domain_loss_figure import domain_loss_figure
from grokscope.views.domain_style import drawn_domains
from grokscope.views.layer_map import LAYER_MEASURES, layer_map, load_map
from grokscope.views.memory_gap import Gaps
from grokscope.views.monitor_curves import MonitorCurves
from grokscope.views.pathway_accuracy_figure import pathway_accuracy_figure
from grokscope.views.pathway_figures import (
    balance_figure,
    consistency_figure,
    settling_figure,
    sharing_figure,
    twin_figure,
)
from grokscope.views.pathway_trend import TREND_MEASURES
from grokscope.views.picture import Picture


@dataclass(frozen=True, kw_only=True)
class MonitorPictures:
    """The figures of a page; None or nothing where there is nothing to draw.

    Attributes:
        losses: loss, accuracy and memory.
        distances: raw, normalised, and length.
        consistency: under both signs, with cosines; routers without a matrix have none.
        sharing: overlap and its like.
        balance: entropy, load, dead experts.
        load: by layer and expert.
        by_layer: maps of the mean over domains.
        settling: what changes between measurements.
        by_domain: name, and the same maps of each domain that is drawn.
        twins: seen less twins.
        accuracy: paths of measures and accuracy.
    """

    losses: Picture | None
    distances: Picture | None
    consistency: Picture | None
    sharing: Picture | None
    balance: Picture | None
    load: Picture | None
    by_layer: list[Picture]
    settling: Picture | None
    by_domain: list[tuple[str, list[Picture]]]
    twins: Picture | None
    accuracy: list[Picture]

    @classmethod
    def of(
        cls,
        curves: MonitorCurves,
        gaps: Gaps,
        load: Float[np.ndarray, "layer expert"] | None,
    ) -> "MonitorPictures":
        """Draw them."""
        domains = drawn_domains(curves)
        over = _over(curves)
        ends = _ends(curves, "distance_normalized", "normalised distance")
        return cls(
            losses=_picture(domain_loss_figure(curves, gaps), f"Loss, accuracy and memory {over}"),
            distances=_picture(
                distance_figure(curves),
                f"Raw and normalised distance of pathways, and their length, {over}; {ends}",
            ),
            consistency=_picture(consistency_figure(curves), f"Consistency and cosines {over}"),
            sharing=_picture(sharing_figure(curves), f"Likeness of routing weights {over}"),
            balance=_picture(balance_figure(curves), f"Entropy, load, dead experts {over}"),
            load=_load(curves, load),
            by_layer=_maps(curves, None),
            settling=_picture(
                settling_figure(curves), f"What changes from one measurement to the next {over}"
            ),
            by_domain=[(domain.name, _maps(curves, domain.name)) for domain in domains]
            if len(domains) > 1
            else [],
            twins=_picture(twin_figure(curves), f"Seen samples less their twins {over}"),
            accuracy=_accuracy(curves),
        )


def _over(curves: MonitorCurves) -> str:
    first, last = int(curves.steps[0]), int(curves.steps[-1])
    if first == last:
        return f"at step {first:,}"
    shown = len(drawn_domains(curves))
    return f"of {shown} domain{'s' if shown > 1 else ''} from step {first:,} to {last:,}"


def _ends(curves: MonitorCurves, name: str, words: str) -> str:
    """First and last values of each domain."""
    said: list[str] = []
    for domain in drawn_domains(curves):
        values = curves.series(domain.main, name)
        known = values[np.isfinite(values)]
        if len(known):
            said.append(f"{domain.name} {known[0]:.2f} to {known[-1]:.2f}")
    return f"{words}: {', '.join(said)}" if said else f"{words}: unknown"


def _picture(figure: go.Figure, alt: str) -> Picture | None:
    """None where nothing but the legend is drawn."""
    traces: Any = figure.data
    has_lines = any(trace.showlegend is False for trace in traces)
    return Picture.of(figure, alt) if has_lines else None


def _load(curves: MonitorCurves, load: Float[np.ndarray, "layer expert"] | None) -> Picture | None:
    if load is None or not np.isfinite(load).any():
        return None
    most = float(np.nanmax(load)) * load.shape[1]
    alt = f"Load by layer and expert; the largest is {most:.1f} times the fair one"
    return Picture.of(load_map(load, curves.layers), alt)


def _maps(curves: MonitorCurves, domain: str | None) -> list[Picture]:
    found: list[Picture] = []
    for name, title in LAYER_MEASURES.items():
        own = curves.mean_by_layer(name) if domain is None else None
        values = curves.by_layer(curves.main(domain), name) if domain is not None else own
        if values is not None and np.isfinite(values).any():
            of = "mean over domains" if domain is None else domain
            alt = f"{title} by layer and step, {of}"
            found.append(Picture.of(layer_map(curves, name, domain), alt))
    return found


def _accuracy(curves: MonitorCurves) -> list[Picture]:
    return [
        Picture.of(pathway_accuracy_figure(curves, name), f"Accuracy by {words} {_over(curves)}")
        for name, words in TREND_MEASURES.items()
        if any(
            curves.tested(domain.name) is not None and curves.has(domain.main, name)
            for domain in drawn_domains(curves)
        )
    ]
