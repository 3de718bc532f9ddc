"""What is known of a cell, in words: shown when somebody points at it."""

import math

from grokscope.statistics import Interval, Share
from grokscope.sweep.cell import Cell
from grokscope.sweep.cells import Cells
from grokscope.views.cell_frame import setting_words
from grokscope.views.label_palette import label_words
from grokscope.views.theme import plain


def hover_words(cells: Cells, cell: Cell, rule: str) -> str:
    """All figures of a cell, a line each, safe for Plotly."""
    tally = cell.tally(rule)
    counts = ", ".join(f"{n} {label_words(label)}" for label, n in tally.counts.items())
    ends = [
        f"{n} {word}" for n, word in ((cell.censored, "censored"), (cell.diverged, "diverged")) if n
    ]
    lines = [
        place_words(cells, cell),
        f"{counts}; {run_words(cell)}",
        f"generalised: {share_words(cell.share)}{'; ' if ends else ''}{', '.join(ends)}",
        f"median step: {time_words(cell.median, reach(cell))}",
        f"mean step within {cells.horizon:,.0f}: {step_text(cell.mean.value)}",
        *_pooled(cell),
        stability_words(cell, rule),
    ]
    return "<br>".join(plain(line) for line in lines)


def place_words(cells: Cells, cell: Cell) -> str:
    """Such as `weight decay 0.3, train fraction 0.5`."""
    said = f"{setting_words(cells.x.name)} {cells.x.words(cell.column)}"
    if cells.y is None:
        return said
    return f"{said}, {setting_words(cells.y.name)} {cells.y.words(cell.row)}"


def run_words(cell: Cell) -> str:
    """Such as `4 seeds`, or `12 runs of 4 seeds`."""
    seeds = f"{cell.seeds} seed{'s' if cell.seeds > 1 else ''}"
    return seeds if cell.runs == cell.seeds else f"{cell.runs} runs of {seeds}"


def share_words(share: Share) -> str:
    """Such as `3 of 4 (30 to 95 %)`."""
    return f"{share.count} of {share.total} ({100 * share.low:.0f} to {100 * share.high:.0f} %)"


def time_words(time: Interval, beyond: float) -> str:
    """A median with its interval; ends that are not known are left open.

    Args:
        time: in steps.
        beyond: until when runs were watched, for a median that was not reached.
    """
    if time.value is None:
        return f"not reached by {step_text(beyond)}" if math.isfinite(beyond) else "not reached"
    if time.low is None or time.low == time.value == time.high:
        return step_text(time.value)
    high = "open" if time.high is None else step_text(time.high)
    return f"{step_text(time.value)} ({step_text(time.low)} to {high})"


def reach(cell: Cell) -> float:
    """Until when the runs of a cell were watched, in steps."""
    return float(max(result.budget for result in cell.results))


def step_text(step: float | None) -> str:
    """A step for people."""
    return "unknown" if step is None else f"{step:,.0f}"


def stability_words(cell: Cell, rule: str) -> str:
    """Whether the cell's label depends on the budget or the threshold."""
    changes = cell.changes(rule)
    if not changes:
        half = "at half the budget"
        return f"stable: the same {half}" + (" and by .9, .95, .99" if rule == "grokdef/1" else "")
    said = [
        f"{name.removeprefix(rule).strip()}: {' = '.join(map(label_words, labels))}"
        for name, labels in changes.items()
    ]
    return f"unstable: {'; '.join(said)}"


def _pooled(cell: Cell) -> list[str]:
    own = cell.neighbourhood
    if own is None or not (own.borrowed or own.differs):
        return []
    if own.differs:
        return ["nothing borrowed: neighbours differ"]
    share = f"{share_words(own.pooled_share)}, median {time_words(own.pooled_median, math.inf)}"
    return [f"with {own.borrowed} runs of neighbours: {share}"]
