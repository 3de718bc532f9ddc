"""A population on one page: shares of labels, planes of measures, and who stays unexplained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grokscope.views.circle_plane import circle_marks, circle_plane
from grokscope.views.label_share import LabelLine, label_lines
from grokscope.views.legacy_plane import legacy_marks, legacy_plane
from grokscope.views.picture import Picture
from grokscope.views.unexplained import UnexplainedLine, failure_counts, unexplained_lines

OPEN = 12
"""So many unexplained networks are listed in the open, the others behind a click."""

Document = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Population:
    """The part of the report about all explained networks together.

    Attributes:
        labels: lines of the table; empty where no network is accurate.
        inaccurate: number of networks that are not accurate.
        planes: two pictures side by side; empty off cyclic groups.
        planes_note: what is not on the planes.
        unexplained: the first of the unexplained networks.
        more_unexplained: the others.
        failures: which test was failed how often.
    """

    labels: Sequence[LabelLine]
    inaccurate: int
    planes: Sequence[Picture]
    planes_note: str
    unexplained: Sequence[UnexplainedLine]
    more_unexplained: Sequence[UnexplainedLine]
    failures: str


def population(rows: Sequence[Document]) -> Population | None:
    """All that was said of several networks, counted; `None` for a single one.

    Args:
        rows: networks as in `explanation.json`.
    """
    if len(rows) < 2:
        return None
    lines = unexplained_lines(rows)
    planes = _planes(rows)
    return Population(
        labels=label_lines(rows),
        inaccurate=sum(row["verdict"] == "not_accurate" for row in rows),
        planes=planes,
        planes_note=_left_out(rows) if planes else "",
        unexplained=lines[:OPEN],
        more_unexplained=lines[OPEN:],
        failures=failure_counts(lines),
    )


def _planes(rows: Sequence[Document]) -> list[Picture]:
    pictures: list[Picture] = []
    if marks := legacy_marks(rows):
        alt = (
            f"Distance irrelevance over gradient symmetricity of {len(marks)} networks, with the "
            "lines of the published rule at .98 and .6."
        )
        pictures.append(Picture.of(legacy_plane(rows), alt))
    if marks := circle_marks(rows):
        alt = (
            f"Change under constant attention over the shape index of {len(marks)} circles, with "
            "lines at 0 for clocks and 2/3 for pizzas."
        )
        pictures.append(Picture.of(circle_plane(rows), alt))
    return pictures


def _left_out(rows: Sequence[Document]) -> str:
    """What has no place on the planes, in sentences."""
    undefined = len(rows) - len(legacy_marks(rows))
    shapeless = sum(circle["shape"] is None for row in rows for circle in row["circles"])
    said = []
    if undefined:
        said.append(
            f"The published measures are undefined for {undefined} "
            f"network{'s' if undefined > 1 else ''}, not drawn."
        )
    if shapeless:
        whose = "circle feeds" if shapeless == 1 else "circles feed"
        said.append(
            f"{shapeless} {whose} another frequency than its own and so "
            f"{'has' if shapeless == 1 else 'have'} no shape index; not drawn."
        )
    return " ".join(said)
