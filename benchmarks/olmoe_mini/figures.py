"""The figures of the study, from its kept series: `docs/images/olmoe-mini-*.png`.

    python -m benchmarks.olmoe_mini.figures

Needs Chromium.
"""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.olmoe_mini.__main__ import recorded
from benchmarks.photograph import photograph
from grokscope.recipes.olmoe_mini.arm import ARMS, MAIN
from grokscope.recipes.olmoe_mini.record import Record

if TYPE_CHECKING:
    import plotly.graph_objects as go

IMAGES = Path(__file__).parents[2] / "docs" / "images"
_WIDTH, _HEIGHT = 980, 360
_ROLES = (("train", "dot"), ("test", "solid"))


def accuracies(records: Sequence[Record]) -> "go.Figure":
    """Trained and held-out questions of every domain, in the subject."""
    figure, domains, colours = _frame(records, "accuracy on questions (dotted: trained)")
    for record in records:
        for domain, colour in zip(domains, colours, strict=True):
            for role, dash in _ROLES if record.arm == MAIN else ():
                values = record.series(f"{domain}/{role}", "accuracy")
                _line(figure, record, values, 1 + domains.index(domain), (colour, dash))
    return figure.update_yaxes(range=[-0.03, 1.03])


def distances(records: Sequence[Record]) -> "go.Figure":
    """Normalised distance between the pathways of seen documents, in every arm."""
    return _by_arm(records, "distance_normalized", "normalised distance")


def lengths(records: Sequence[Record]) -> "go.Figure":
    """Pathway lengths, which the raw distance follows."""
    return _by_arm(records, "path_length", "experts kept, sum over layers")


def twins(records: Sequence[Record]) -> "go.Figure":
    """Seen documents and their twins: loss gap, and gap of the normalised distance."""
    figure, domains, colours = _frame(records, "normalised distance, seen − twin")
    for record in records:
        for domain, colour in zip(domains, colours, strict=True):
            if record.arm == MAIN:
                seen, twin = (
                    record.series(f"{domain}{role}", "distance_normalized")
                    for role in ("", "/twin")
                )
                _line(figure, record, seen - twin, 1 + domains.index(domain), (colour, "solid"))
    return figure


FIGURES: "dict[str, Callable[[Sequence[Record]], go.Figure]]" = {
    "accuracy": accuracies,
    "distance": distances,
    "length": lengths,
    "twins": twins,
}


def _by_arm(records: Sequence[Record], measure: str, title: str) -> "go.Figure":
    from grokscope.views.theme import GROUP_COLOURS

    figure, domains, _ = _frame(records, title)
    names = [name for name in ARMS if any(record.arm == name for record in records)]
    shown: set[str] = set()
    for record in records:
        colour = GROUP_COLOURS[names.index(record.arm)]
        for column, domain in enumerate(domains, 1):
            values = record.series(domain, measure)
            _line(
                figure, record, values, column, (colour, "solid"), is_named=record.arm not in shown
            )
            shown.add(record.arm)
    return figure


def _frame(records: Sequence[Record], title: str) -> "tuple[go.Figure, list[str], list[str]]":
    from plotly.subplots import make_subplots

    from grokscope.views.theme import GROUP_COLOURS, dress

    domains = records[0].domains
    figure = make_subplots(
        cols=len(domains), shared_yaxes=True, subplot_titles=domains, horizontal_spacing=0.03
    )
    figure.update_xaxes(type="log", title_text="updates")
    figure.update_yaxes(title_text=title, col=1)
    dress(figure, height=_HEIGHT)
    margin = {"l": 66, "r": 14, "t": 34, "b": 54}
    figure.update_layout(margin=margin, legend={"y": 1.0, "x": 1.01})
    return figure, domains, list(GROUP_COLOURS[: len(domains)])


def _line(
    figure: "go.Figure",
    record: Record,
    values: Any,  # noqa: ANN401 (numbers)
    column: int,
    look: tuple[str, str],
    *,
    is_named: bool = False,
) -> None:
    colour, dash = look
    late = record.steps > 0
    figure.add_scatter(
        x=record.steps[late],
        y=values[late],
        mode="lines",
        name=record.arm,
        showlegend=is_named,
        line={"color": colour, "dash": dash, "width": 1.6},
        row=1,
        col=column,
    )


def main() -> None:
    """Draw all of them."""
    records = recorded("cpu")
    for name, draw in FIGURES.items():
        figure = draw(records).update_layout(width=_WIDTH, paper_bgcolor="white")
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "figure.html"
            figure.write_html(page, include_plotlyjs=True)
            print(photograph(page, IMAGES / f"olmoe-mini-{name}.png", _WIDTH, _HEIGHT))


if __name__ == "__main__":
    main()
