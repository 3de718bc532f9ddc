"""Progress where there is no terminal: a line every few seconds."""

import math
import time
from collections.abc import Iterable
from statistics import median

from grokscope.cli.screen import say
from grokscope.cli.watch import MEASURING, Watch, count_phases, status_line
from grokscope.cli.wording import decimal
from grokscope.experiment import TrainingProgress

SECONDS_BETWEEN_LINES = 5.0


class LineListener:
    """Says on stderr how far training is."""

    def __init__(self, seconds: float = SECONDS_BETWEEN_LINES) -> None:
        self._seconds = seconds
        self._watch = Watch()
        self._said: float | None = None
        self._over = False

    def __enter__(self) -> "LineListener":
        return self

    def __exit__(self, *problem: object) -> None:
        return

    def update(self, progress: TrainingProgress) -> None:
        """Say something if the last line is some seconds old, and when training is over."""
        self._watch.update(progress)
        now = time.monotonic()
        if self._over:
            return
        if self._watch.over:
            self._over = True
            say(f"{_facts(progress)}   {MEASURING}")
        elif self._said is None or now - self._said >= self._seconds:
            self._said = now
            say(f"{status_line(self._watch).plain}   {_facts(progress)}")


def _facts(progress: TrainingProgress) -> str:
    networks = progress.networks
    train = _median(n.train_acc[-1] for n in networks if n.train_acc)
    test = _median(n.test_acc[-1] for n in networks if n.test_acc)
    return f"{count_phases(networks)}   accuracy train {train}, test {test}"


def _median(values: Iterable[float]) -> str:
    known = [value for value in values if math.isfinite(value)]
    return decimal(median(known) if known else None)
