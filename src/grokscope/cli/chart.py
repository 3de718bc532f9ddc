"""Curves in a terminal: braille dots, two across and four down in every character.

The horizontal axis is the logarithm of the step, since grokking spans orders of magnitude.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BLANK = 0x2800
_MARGIN = 6
"""Characters left of the plot: labels and axis."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One curve; later lines are drawn over earlier ones."""

    style: str
    steps: Sequence[int]
    values: Sequence[float]
    """In [0, 1]; NaN leaves a gap."""


class Canvas:
    """A grid of characters with a style each."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._bits = [[0] * width for _ in range(height)]
        self._styles = [[""] * width for _ in range(height)]

    def dot(self, x: int, y: int, style: str) -> None:
        """Set the dot at column x from the left and row y from the top."""
        column, row = x // 2, y // 4
        if 0 <= column < self.width and 0 <= row < self.height:
            self._bits[row][column] |= _DOTS[y % 4][x % 2]
            self._styles[row][column] = style

    def stroke(self, start: tuple[int, int], end: tuple[int, int], style: str) -> None:
        """A straight line of dots."""
        (x0, y0), (x1, y1) = start, end
        parts = max(abs(x1 - x0), abs(y1 - y0), 1)
        for i in range(parts + 1):
            x, y = x0 + (x1 - x0) * i / parts, y0 + (y1 - y0) * i / parts
            self.dot(round(x), round(y), style)

    def rows(self) -> list[Text]:
        """The characters, row by row."""
        drawn: list[Text] = []
        for bits, styles in zip(self._bits, self._styles, strict=True):
            line = Text()
            for value, style in zip(bits, styles, strict=True):
                line.append(chr(_BLANK + value) if value else " ", style if value else "")
            drawn.append(line)
        return drawn


def accuracy_chart(lines: Sequence[Line], last_step: int, width: int, height: int) -> Text:
    """Accuracies from 0 to 1 against log-steps from 1 to `last_step`, with both axes.

    Args:
        lines: the curves; step 0 is drawn at step 1, as it has no logarithm.
        last_step: right end of the axis, at least 1.
        width: characters in all, labels included.
        height: rows of the plot; the axis takes two more.
    """
    canvas = Canvas(max(width - _MARGIN, 8), max(height, 3))
    for line in lines:
        _draw(canvas, line, last_step)
    labels = {0: "1.0", canvas.height // 2: "0.5", canvas.height - 1: "0.0"}
    chart = Text(no_wrap=True)
    for i, row in enumerate(canvas.rows()):
        tick = f"{labels[i]:>4} ┤" if i in labels else "     │"
        chart.append(tick, "dim").append_text(row).append("\n")
    rule, numbers = _step_axis(canvas.width, last_step)
    return chart.append(f"     └{rule}\n", "dim").append(f"      {numbers}", "dim")


def _draw(canvas: Canvas, line: Line, last_step: int) -> None:
    before: tuple[int, int] | None = None
    for step, value in zip(line.steps, line.values, strict=False):
        if not math.isfinite(value):
            before = None
            continue
        x = round(_position(step, last_step) * (2 * canvas.width - 1))
        y = round((1 - min(max(value, 0.0), 1.0)) * (4 * canvas.height - 1))
        canvas.stroke(before or (x, y), (x, y), line.style)
        before = (x, y)


def _position(step: int, last_step: int) -> float:
    """Where a step is on the axis, in [0, 1]."""
    return math.log(max(step, 1)) / math.log(max(last_step, 2))


def _step_axis(width: int, last_step: int) -> tuple[str, str]:
    """The rule with a tick at each decade, and the numbers under it."""
    rule, numbers = ["─"] * width, [" "] * (width + 4)
    for exponent in range(int(math.log10(max(last_step, 2))) + 1):
        column = round(_position(10**exponent, last_step) * (width - 1))
        rule[column] = "┬"
        label = _decade(exponent)
        start = max(0, min(column - len(label) // 2, width - len(label)))
        numbers[start : start + len(label)] = label
    text = "".join(numbers).rstrip()
    return "".join(rule), text + " step" if len(text) + 5 <= width else text


def _decade(exponent: int) -> str:
    """Such as 1, 10, 100, 1k, 10k, 1M."""
    thousands, rest = divmod(exponent, 3)
    unit = ("", "k", "M", "G")[thousands] if thousands < 4 else f"e{3 * thousands}"
    return f"{10**rest}{unit}"
