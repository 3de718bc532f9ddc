"""A monitor's alerts as lines: one that comes and goes is one line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grokscope.views.text_table import TextTable

SHOWN_ALERTS, MOST_ALERTS = 8, 80
"""Lines of the table, and of it and what can be unfolded; all alerts are in the run's events."""
_WORDS = {
    "not_finite": "not finite",
    "scoring": "another scoring",
    "collapse": "collapse",
    "dead_experts": "dead experts",
    "sharpening": "sharpening without sharing",
}
"""By kind, the gravest first."""


@dataclass(frozen=True, kw_only=True)
class AlertLine:
    """Alerts of one kind about one thing.

    Attributes:
        kind: as in `llm.alerts.Alert`.
        where: a group or a layer.
        first: step at which it was raised first.
        last: step at which it was raised last.
        times: how often it began to hold.
        message: of the last one.
    """

    kind: str
    where: str
    first: int
    last: int
    times: int
    message: str

    @property
    def words(self) -> str:
        """The kind for people."""
        return _WORDS.get(self.kind, self.kind.replace("_", " "))


def alert_lines(events: Sequence[Mapping[str, object]]) -> list[AlertLine]:
    """Of a run's events, the gravest kind first, then in the order in which they were raised."""
    found: dict[tuple[str, str], list[Mapping[str, object]]] = {}
    for event in events:
        if "where" in event and "message" in event:
            found.setdefault((str(event["kind"]), str(event["where"])), []).append(event)
    lines = [
        AlertLine(
            kind=kind,
            where=where,
            first=int(str(own[0]["step"])),
            last=int(str(own[-1]["step"])),
            times=len(own),
            message=str(own[-1]["message"]),
        )
        for (kind, where), own in found.items()
    ]
    grave = list(_WORDS)
    return sorted(lines, key=lambda a: grave.index(a.kind) if a.kind in grave else len(grave))


def alert_table(lines: Sequence[AlertLine]) -> TextTable:
    """Of some of them."""
    rows = [[f"{line.first:,}", line.message.replace("`", ""), _again(line)] for line in lines]
    return TextTable(title="Alerts", head=["step", "what it said", "raised"], rows=rows, left=(1,))


def _again(line: AlertLine) -> str:
    return "once" if line.times == 1 else f"{line.times}×, last at {line.last:,}"
