"""How many networks of a population look like what, and how many of these are explained."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grokscope.statistics import Share, share_of
from grokscope.views.network_table import percent

Document = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class LabelLine:
    """One label, or all of them, every cell as text.

    Attributes:
        label: what the networks look like.
        count: of accurate networks with it.
        share: of all accurate networks.
        interval: 95 % interval of that share.
        explained: how many of them are explained.
        explained_share: of the networks with the label.
        explained_interval: 95 % interval of that share.
        is_total: whether it is the line of all labels.
    """

    label: str
    count: str
    share: str
    interval: str
    explained: str
    explained_share: str
    explained_interval: str
    is_total: bool = False


def label_lines(rows: Sequence[Document]) -> list[LabelLine]:
    """A line per label of the accurate networks, the most frequent first, then one of all.

    Nothing without accurate networks.
    """
    accurate = [row for row in rows if row["verdict"] != "not_accurate"]
    if not accurate:
        return []
    counts = Counter(str(row["label"]) for row in accurate).most_common()
    each = [
        _line(label, [row for row in accurate if row["label"] == label], share_of(n, len(accurate)))
        for label, n in counts
    ]
    return [*each, _line("all accurate networks", accurate, None)]


def interval_words(share: Share) -> str:
    """Such as `12.3 to 45.6 %`; an end without a digit behind the point is 0 or 100 exactly."""
    return f"{_end(share.low)} to {_end(share.high)} %"


def _end(share: float) -> str:
    return f"{100 * share:.1f}" if 0 < share < 1 else f"{100 * share:.0f}"


def _line(label: str, rows: Sequence[Document], share: Share | None) -> LabelLine:
    explained = share_of(sum(row["verdict"] == "explained" for row in rows), len(rows))
    return LabelLine(
        label=label,
        count=f"{len(rows):,}",
        share="" if share is None else percent(share.value),
        interval="" if share is None else interval_words(share),
        explained=f"{explained.count:,}",
        explained_share=percent(explained.value),
        explained_interval=interval_words(explained),
        is_total=share is None,
    )
