"""The live panel: curves on a log-step axis, every network's phase, speed and time left."""

import math
from collections.abc import Sequence
from statistics import median

from rich.console import Console, ConsoleRenderable, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from grokscope.cli.chart import Line, accuracy_chart
from grokscope.cli.results import distinctive
from grokscope.cli.watch import PHASE_STYLES, Watch, count_phases, phase, status_line
from grokscope.cli.wording import count, decimal, whole
from grokscope.experiment import NetworkProgress, TrainingProgress

TRAIN = "blue"
TEST = ("dark_orange", "magenta", "green", "cyan")
"""Test curves of the groups of networks that differ in their model, in order of appearance."""
REFRESHES_PER_SECOND = 4
_MOST_ROWS = 12
_MOST_FAINT = 12


class LivePanel:
    """A listener that redraws itself from a thread of its own, so that the clocks go on."""

    def __init__(self, title: str, console: Console) -> None:
        self._title, self._console = title, console
        self._watch = Watch()
        self._drawn: tuple[TrainingProgress, list[Line]] | None = None
        self._live = Live(
            get_renderable=self.render,
            console=console,
            refresh_per_second=REFRESHES_PER_SECOND,
            redirect_stdout=False,
        )

    def __enter__(self) -> "LivePanel":
        self._live.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self._watch.stop()
        self._live.stop()

    def update(self, progress: TrainingProgress) -> None:
        """Take note; the next refresh shows it."""
        self._watch.update(progress)

    def render(self) -> ConsoleRenderable:
        """What the panel shows now, to the size of the terminal."""
        progress = self._watch.progress
        if progress is None:
            return Panel(Text("getting ready …", "dim"), title=self._title, title_align="left")
        width, rows = self._console.size
        table = _networks(progress, min(_MOST_ROWS, max(rows - 18, 1)))
        height = min(max(rows - table.row_count - 12, 4), 14)
        chart = accuracy_chart(self._lines(progress), progress.budget, width - 6, height)
        body = Group(
            _legend(progress.networks), chart, Text(), table, Text(), status_line(self._watch)
        )
        return Panel(
            body, title=self._title, title_align="left", padding=(0, 1), border_style="dim"
        )

    def _lines(self, progress: TrainingProgress) -> list[Line]:
        """The chart's lines, made once for all refreshes between two looks at the networks."""
        if self._drawn is None or self._drawn[0] is not progress:
            self._drawn = progress, chart_lines(progress.networks)
        return self._drawn[1]


def chart_lines(networks: Sequence[NetworkProgress]) -> list[Line]:
    """Every seed faint, then the medians: train over all networks, test per group."""
    groups = _groups(networks)
    lines: list[Line] = []
    if len(networks) <= _MOST_FAINT:
        for style, members in zip(_test_styles(groups), groups.values(), strict=True):
            lines += [
                _line(f"dim {style}", n.steps, n.test_acc) for n in members if len(members) > 1
            ]
    lines.append(_line(TRAIN, *_median([(n.steps, n.train_acc) for n in networks])))
    for style, members in zip(_test_styles(groups), groups.values(), strict=True):
        lines.append(_line(style, *_median([(n.steps, n.test_acc) for n in members])))
    return lines


def _line(style: str, steps: Sequence[int], values: Sequence[float]) -> Line:
    return Line(style=style, steps=steps, values=values)


def _groups(networks: Sequence[NetworkProgress]) -> dict[str, list[NetworkProgress]]:
    groups: dict[str, list[NetworkProgress]] = {}
    for network in networks:
        groups.setdefault(network.name, []).append(network)
    return groups


def _test_styles(groups: dict[str, list[NetworkProgress]]) -> list[str]:
    return [TEST[i % len(TEST)] for i in range(len(groups))]


def _median(
    curves: Sequence[tuple[Sequence[int], Sequence[float]]],
) -> tuple[list[int], list[float]]:
    """The median curve; one that has ended keeps its last value, one not begun does not count."""
    known = [dict(zip(steps, values, strict=False)) for steps, values in curves if steps]
    grid = sorted({step for curve in known for step in curve})
    latest: list[float | None] = [None] * len(known)
    middle: list[float] = []
    for step in grid:
        latest = [curve.get(step, last) for curve, last in zip(known, latest, strict=True)]
        seen = [value for value in latest if value is not None and math.isfinite(value)]
        middle.append(median(seen) if seen else math.nan)
    return grid, middle


def _legend(networks: Sequence[NetworkProgress]) -> Text:
    groups = _groups(networks)
    legend = Text("accuracy   ", "dim", no_wrap=True, overflow="ellipsis")
    legend.append("━ train", TRAIN)
    names = [f": {name}" for name in distinctive(list(groups))] if len(groups) > 1 else [""]
    for style, name, members in zip(_test_styles(groups), names, groups.values(), strict=True):
        many = f" (median of {len(members)})" if len(members) > 1 else ""
        legend.append("   ").append(f"━ test{name}{many}", style)
    return legend


def _networks(progress: TrainingProgress, most: int) -> Table:
    """A line per network, or per group where there are too many."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    networks, groups = progress.networks, _groups(progress.networks)
    styles = dict(zip(groups, _test_styles(groups), strict=True))
    for name in ("network", "seed", "phase"):
        table.add_column(name, no_wrap=True)
    for name in ("memorized", "grokked", "train", "test"):
        table.add_column(name, justify="right", no_wrap=True)
    if len(networks) > most:
        return _group_rows(groups, styles)
    for network in networks:
        now = phase(network)
        table.add_row(
            Text(network.name, styles[network.name]),
            str(network.seed),
            Text(now, PHASE_STYLES.get(now, "")),
            whole(network.memorized_step),
            whole(network.grokked_step),
            _latest(network.train_acc),
            _latest(network.test_acc),
        )
    return table


def _latest(values: Sequence[float]) -> str:
    return decimal(values[-1] if values else None)


def _group_rows(groups: dict[str, list[NetworkProgress]], styles: dict[str, str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    for name, members in groups.items():
        table.add_row(
            Text(name, styles[name]), count(len(members), "network"), count_phases(members)
        )
    return table
