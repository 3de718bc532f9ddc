"""The clock–pizza plane of the published measures (Zhong et al., arXiv 2306.17844)."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from grokscope.explanation.legacy import CIRCULAR, IRRELEVANT, SYMMETRIC
from grokscope.views.label_colour import NETWORK_COLOURS, network_kind
from grokscope.views.plane import Mark, name_line, plane
from grokscope.views.theme import FAINT

Document = Mapping[str, Any]

_THRESHOLDS = {"symmetric": SYMMETRIC, "irrelevant": IRRELEVANT, "circular": CIRCULAR}
RULE = {name: f"{value:g}".removeprefix("0") for name, value in _THRESHOLDS.items()}
"""Thresholds of the published rule, written as in the paper, such as `.98`."""

_LEAST_SPAN = 0.1
"""Of the symmetricities below 1 that are shown, however close all networks are to 1."""


def legacy_marks(rows: Sequence[Document]) -> list[Mark]:
    """A mark per network for which both measures are defined."""
    return [
        Mark(
            x=old["gradient_symmetricity"],
            y=old["distance_irrelevance"],
            kind=network_kind(row["label"]),
            verdict=row["verdict"],
            about=_about(row, old),
        )
        for row in rows
        if (old := row.get("legacy")) is not None and _is_defined(old)
    ]


def legacy_plane(rows: Sequence[Document]) -> go.Figure:
    """Distance irrelevance q over gradient symmetricity s_g, with the lines of the published rule.

    Pizzas are right of s_g = .98 and below q = .6, clocks left of it and above; the rule also
    needs a circularity of .995.

    Args:
        rows: networks as in `explanation.json`.
    """
    marks = legacy_marks(rows)
    figure = plane(marks, NETWORK_COLOURS, "Published measures, a mark per network")
    least = min([1 - _LEAST_SPAN, *(mark.x for mark in marks)])
    span = 1 - least
    figure.update_xaxes(range=[least - 0.06 * span, 1 + 0.06 * span], nticks=6)
    figure.update_xaxes(title_text="gradient symmetricity s<sub>g</sub>")
    figure.update_yaxes(range=[-0.04, 1.04], title_text="distance irrelevance q")
    name_line(figure, f"s<sub>g</sub> = {RULE['symmetric']}", x=SYMMETRIC)
    name_line(figure, f"q = {RULE['irrelevant']}", y=IRRELEVANT)
    corner = {"x": SYMMETRIC, "xanchor": "right", "showarrow": False}
    font = {"size": 11, "color": FAINT}
    figure.add_annotation(text="← clock", y=1.0, font=font, **corner)
    figure.add_annotation(text="pizza →", y=0.0, font=font, **corner)
    return figure


def _is_defined(old: Document) -> bool:
    return old["gradient_symmetricity"] is not None and old["distance_irrelevance"] is not None


def _about(row: Document, old: Document) -> list[str]:
    top_wrong, circular = old["distance_irrelevance_top_wrong"], old["circularity"]
    more = [] if top_wrong is None else [f"q on the largest wrong logit {top_wrong:.3f}"]
    more += [] if circular is None else [f"circularity {circular:.3f}"]
    verdict = str(row["verdict"]).replace("_", " ")
    label = [] if row["verdict"] == "not_accurate" else [f"looks like {row['label']}"]
    return [
        f"network {row['network']}: {verdict}",
        *label,
        f"s_g {old['gradient_symmetricity']:.3f}, q {old['distance_irrelevance']:.3f}",
        *more,
        f"published rule: {old['label']}",
    ]
