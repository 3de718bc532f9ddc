"""The figures of the studies, from their sweeps.

    python -m benchmarks.studies.figures sweeps

Needs the finished sweeps; writes `docs/images/study-*.png` where Chromium is at hand.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.photograph import photograph
from grokscope.sweep import Results, find_sweep
from grokscope.sweep.boundary import boundary_of
from grokscope.sweep.cells import Cells, cells_of
from grokscope.sweep.law import laws_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

IMAGES = Path(__file__).parents[2] / "docs" / "images"
_WIDTH = 980


def phases(results: Results) -> "go.Figure":
    """Study (a)."""
    return _diagram(results, cells_of(results))


def law(results: Results) -> "go.Figure":
    """Study (b): along weight decay."""
    from grokscope.views.law_figure import law_figure

    return law_figure(laws_of(results, cells_of(results))[0])


def critical(results: Results) -> "go.Figure":
    """Study (c), from scratch: the share of the data along the axis."""
    return _diagram(results, cells_of(results, "train_fraction", "weight_decay"))


def window(results: Results) -> "go.Figure":
    """Study (d), at the middle width."""
    return _diagram(results, cells_of(results, "weight_decay", "lr", {"d_hidden": 64}))


def _diagram(results: Results, cells: Cells) -> "go.Figure":
    from grokscope.views.phase_diagram import phase_diagram

    return phase_diagram(cells, boundary=boundary_of(results, cells))


FIGURES: "dict[str, Callable[[Results], go.Figure]]" = {
    "phases": phases,
    "exponent-mlp": law,
    "exponent-transformer": law,
    "critical": critical,
    "window": window,
}


def main() -> None:
    """Draw those whose sweep is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sweeps", type=Path)
    root = parser.parse_args().sweeps
    for name, draw in FIGURES.items():
        if not (root / f"study-{name}").is_dir():
            print(f"no sweep study-{name} in {root}")
            continue
        figure = draw(Results(find_sweep(root / f"study-{name}")))
        width = 560 if draw is law else _WIDTH
        figure.update_layout(width=width, paper_bgcolor="white")
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "figure.html"
            figure.write_html(page, include_plotlyjs=True)
            layout: Any = figure.to_dict()["layout"]
            height = int(layout["height"])
            print(photograph(page, IMAGES / f"study-{name}.png", width, height))


if __name__ == "__main__":
    main()
