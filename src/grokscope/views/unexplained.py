"""The accurate networks that stay unexplained, each with the tests that it failed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class UnexplainedLine:
    """One network, every cell as text.

    Attributes:
        number: in the run.
        name: of the network.
        label: what it looks like.
        failed: for each failed test its name, figure and threshold.
    """

    number: str
    name: str
    label: str
    failed: Sequence[tuple[str, str, str]]


def unexplained_lines(rows: Sequence[Document]) -> list[UnexplainedLine]:
    """A line per unexplained network, in the order of the rows."""
    return [
        UnexplainedLine(
            number=str(row["network"]),
            name=row["name"],
            label=row["label"],
            failed=[_failed(test) for test in row["tests"] if not test["passed"]],
        )
        for row in rows
        if row["verdict"] == "unexplained"
    ]


def failure_counts(lines: Sequence[UnexplainedLine]) -> str:
    """Such as `form variance (3), control (2)`: how many networks failed each test."""
    counts = Counter(name for line in lines for name, *_ in line.failed)
    return ", ".join(f"{name} ({n})" for name, n in counts.most_common())


def _failed(test: Document) -> tuple[str, str, str]:
    """Name, figure and threshold; enough digits to see on which side the figure is."""
    value, threshold = test["value"], f"{test['side']} {test['threshold']:.4g}"
    figure = "could not be run" if value is None else f"{value:.4f}"
    return str(test["name"]).replace("_", " "), figure, threshold
