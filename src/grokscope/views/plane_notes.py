"""What a reader of the planes should know: what the published rule says, and what is not drawn."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from grokscope.views.legacy_plane import legacy_marks

Document = Mapping[str, Any]

_ONE = 0.9995
"""From here on a symmetricity is 1 on the plane."""


def plane_notes(rows: Sequence[Document]) -> str:
    """Sentences below the planes.

    Args:
        rows: networks as in `explanation.json`.
    """
    notes = [_rule(rows), _symmetric(rows), _networks_left_out(rows), _circles_left_out(rows)]
    return " ".join(note for note in notes if note)


def _rule(rows: Sequence[Document]) -> str:
    """Such as: Here it says pizza of 3 networks, clock of 1, and neither of 8."""
    labels = Counter(old["label"] for row in rows if (old := row.get("legacy")) is not None)
    if not labels:
        return ""
    pizzas, clocks, none = (labels[name] for name in ("pizza", "clock", "none"))
    return (
        f"Here the published rule says pizza of {_networks(pizzas)}, clock of {clocks:,}, and "
        f"neither of {none:,}."
    )


def _symmetric(rows: Sequence[Document]) -> str:
    marks = legacy_marks(rows)
    if not marks or min(mark.x for mark in marks) < _ONE:
        return ""
    return (
        "A symmetricity of 1, as all have here, tells nothing apart: every network that adds its "
        "embeddings has it, trained or not."
    )


def _networks_left_out(rows: Sequence[Document]) -> str:
    unstored = sum(row.get("legacy") is None for row in rows)
    undefined = len(rows) - len(legacy_marks(rows)) - unstored
    said: list[str] = []
    if unstored:
        said += [f"No published measures were stored for {_networks(unstored)}, not drawn."]
    if undefined:
        said += [f"The published measures are undefined for {_networks(undefined)}, not drawn."]
    return " ".join(said)


def _circles_left_out(rows: Sequence[Document]) -> str:
    count = sum(circle["shape"] is None for row in rows for circle in row["circles"])
    if not count:
        return ""
    if count == 1:
        return "1 circle feeds another frequency than its own and has no shape index; not drawn."
    own = "feed other frequencies than their own and have no shape index; not drawn."
    return f"{count:,} circles {own}"


def _networks(count: int) -> str:
    return f"{count:,} network{'' if count == 1 else 's'}"
