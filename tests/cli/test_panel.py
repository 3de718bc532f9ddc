"""Watching a training: the live panel, the lines without a terminal, the chart."""

import io
from itertools import pairwise
from types import SimpleNamespace

import pytest
from rich.console import Console

from grokscope.cli import watch
from grokscope.cli.chart import Line, accuracy_chart
from grokscope.cli.lines import LineListener
from grokscope.cli.panel import LivePanel
from grokscope.experiment import NetworkProgress, TrainingProgress

STEPS = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500]


@pytest.fixture(autouse=True)
def standing_clock(monkeypatch):
    """Steps and times are carried forward between two looks; here no time passes."""
    monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=lambda: 1000.0))


def progress(networks: int = 2, *, ended: bool = False) -> TrainingProgress:
    made = [
        NetworkProgress(
            index=i,
            name=f"transformer, attention rate {i % 2}",
            seed=i // 2,
            steps=STEPS,
            train_acc=[0.0, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0, 1.0, 1.0],
            test_acc=[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.01, 0.02, 0.5, 1.0 - i / 100],
            phase="grokked" if i % 2 else "generalizing",
            memorized_step=20,
            grokked_step=500 if i % 2 else None,
            ended=ended,
        )
        for i in range(networks)
    ]
    return TrainingProgress(
        networks=made, budget=5000, elapsed_seconds=61.0, steps_per_second=8.1, seconds_left=555.0
    )


def drawn(state: TrainingProgress | None, width: int = 100, height: int = 40) -> str:
    console = Console(
        force_terminal=True, width=width, height=height, record=True, file=io.StringIO()
    )
    panel = LivePanel("quick: addition mod 59, 2 networks", console)
    if state is not None:
        panel.update(state)
    console.print(panel.render())
    return console.export_text()


def test_the_panel_shows_curves_phases_speed_and_time_left():
    text = drawn(progress())
    assert "quick: addition mod 59" in text
    assert any("⠀" < character <= "⣿" for character in text)
    assert "test: attention rate 0" in text
    assert "generalizing" in text
    assert "grokked" in text
    assert "step 500 of 5,000" in text
    assert "8.1 steps/s" in text
    assert "1:01 elapsed" in text
    assert "at most 9:1" in text


@pytest.mark.parametrize(("width", "height"), [(40, 12), (80, 24), (200, 60)])
@pytest.mark.parametrize("networks", [1, 2, 40])
def test_the_panel_fits_every_terminal(width, height, networks):
    lines = drawn(progress(networks), width, height).splitlines()
    assert max(len(line) for line in lines) <= width
    assert len(lines) <= max(height, 18)


def test_lines_are_drawn_anew_when_there_is_news():
    console = Console(force_terminal=True, width=100, height=40, record=True, file=io.StringIO())
    panel, state = LivePanel("quick", console), progress()
    panel.update(state)
    console.print(panel.render())
    before = console.export_text()
    console.print(panel.render())
    assert console.export_text() == before
    for network in state.networks:
        network.steps, network.test_acc = [0, 500], [1.0, 0.0]
    panel.update(state)
    console.print(panel.render())
    assert console.export_text() != before


def test_many_networks_are_counted_by_phase():
    text = drawn(progress(40), height=24)
    assert "20 networks" in text
    assert "20 grokked" in text


def test_before_the_first_news_and_after_the_last_the_panel_says_so():
    assert "getting ready" in drawn(None)
    assert "training is over; measuring" in drawn(progress(ended=True))


def test_live_drawing_starts_and_stops_cleanly():
    stream = io.StringIO()
    console = Console(force_terminal=True, width=80, height=30, file=stream)
    with LivePanel("quick", console) as panel:
        panel.update(progress())
    assert "elapsed   stopped" in stream.getvalue()
    assert stream.getvalue().count("\x1b[?25l") == stream.getvalue().count("\x1b[?25h") == 1


def test_the_axis_is_logarithmic_and_curves_stay_inside():
    line = Line(style="blue", steps=[1, 10, 100, 1000], values=[0.0, 0.5, 2.0, float("nan")])
    rows = accuracy_chart([line], 1000, 66, 9).plain.splitlines()
    ticks = [i for i, character in enumerate(rows[-2]) if character == "┬"]
    assert len(ticks) == 4
    gaps = [right - left for left, right in pairwise(ticks)]
    assert max(gaps) - min(gaps) <= 1
    assert all(len(row) <= 66 for row in rows)
    assert rows[0].startswith(" 1.0 ┤")


def test_without_a_terminal_lines_come_every_few_seconds_and_once_at_the_end(capsys):
    listener = LineListener(seconds=3600.0)
    for _ in range(3):
        listener.update(progress())
    listener.update(progress(ended=True))
    listener.update(progress(ended=True))
    first, last = capsys.readouterr().err.splitlines()
    assert "1 generalizing, 1 grokked" in first
    assert "accuracy train 1.00, test 0.99" in first
    assert "training is over" in last
