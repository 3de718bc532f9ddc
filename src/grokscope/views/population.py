"""A population on one page: shares of labels, planes of measures, and who stays unexplained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grokscope.explanation.false_positives import COUNTED
from grokscope.statistics import share_of
from grokscope.views.circle_plane import circle_marks, circle_plane
from grokscope.views.label_share import LabelLine, interval_words, label_lines
from grokscope.views.legacy_plane import RULE, legacy_marks, legacy_plane
from grokscope.views.picture import Picture
from grokscope.views.plane_notes import plane_notes
from grokscope.views.unexplained import UnexplainedLine, failure_counts, unexplained_lines

OPEN = 12
"""So many unexplained networks are listed in the open, the others behind a click."""

Document = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Population:
    """The part of the report about all explained networks together.

    Attributes:
        labels: lines of the table; empty where no network is accurate.
        n_kinds: of how many kinds the networks are.
        false_positives: how many null networks the tests explain, of how many.
        inaccurate: number of networks that are not accurate.
        planes: pictures side by side, `legacy` and `circles`; empty off cyclic groups.
        planes_note: what the published rule says of them, and what is not on the planes.
        rule: thresholds of the published rule by name, as text.
        unexplained: the first of the unexplained networks.
        more_unexplained: the others.
        failures: which test was failed how often.
    """

    labels: Sequence[LabelLine]
    n_kinds: int
    false_positives: str
    inaccurate: int
    planes: Mapping[str, Picture]
    planes_note: str
    rule: Mapping[str, str]
    unexplained: Sequence[UnexplainedLine]
    more_unexplained: Sequence[UnexplainedLine]
    failures: str


def population(rows: Sequence[Document], n_kinds: int = 1) -> Population | None:
    """All that was said of several networks, counted; `None` for a single one.

    Args:
        rows: networks as in `explanation.json`.
        n_kinds: of how many kinds they are: networks of one kind differ in their seeds only.
    """
    if len(rows) < 2:
        return None
    lines = unexplained_lines(rows)
    planes = _planes(rows)
    return Population(
        labels=label_lines(rows),
        n_kinds=n_kinds,
        false_positives=_false_positives(),
        inaccurate=sum(row["verdict"] == "not_accurate" for row in rows),
        planes=planes,
        planes_note=plane_notes(rows) if planes else "",
        rule=RULE,
        unexplained=lines[:OPEN],
        more_unexplained=lines[OPEN:],
        failures=failure_counts(lines),
    )


def _false_positives() -> str:
    """Such as `0 of 360 (0 to 1.0 %)`."""
    share = share_of(COUNTED.explained, COUNTED.nulls)
    return f"{share.count:,} of {share.total:,} ({interval_words(share)})"


def _planes(rows: Sequence[Document]) -> dict[str, Picture]:
    pictures: dict[str, Picture] = {}
    if marks := legacy_marks(rows):
        alt = (
            f"Distance irrelevance over gradient symmetricity of {len(marks)} networks, with the "
            f"lines of the published rule at {RULE['symmetric']} and {RULE['irrelevant']}."
        )
        pictures["legacy"] = Picture.of(legacy_plane(rows), alt)
    if marks := circle_marks(rows):
        alt = (
            f"Change under constant attention over the shape index of {len(marks)} circles, with "
            "lines at 0 for clocks and 2/3 for pizzas."
        )
        pictures["circles"] = Picture.of(circle_plane(rows), alt)
    return pictures
