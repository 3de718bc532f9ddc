"""The latest news of a training, and clocks that go on between two of them.

Evaluations are log-spaced, so late in a long run minutes pass between two updates; meanwhile the
step and the time left are carried forward at the latest speed.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from rich.text import Text

from grokscope.cli.wording import clock, whole
from grokscope.experiment import NetworkProgress, TrainingProgress

PHASE_STYLES = {
    "waiting": "dim",
    "memorizing": "yellow",
    "plateau": "cyan",
    "generalizing": "magenta",
    "grokked": "bold green",
    "diverged": "bold red",
}
"""Every phase in the order in which a network goes through them."""

_STEPS_OF_A_SPEED = 20
"""The first few steps are slow, and their speed says nothing about the time left."""

MEASURING = "training is over; measuring key frequencies and progress at every checkpoint …"


class Watch:
    """The latest progress and the time since then."""

    def __init__(self) -> None:
        self.progress: TrainingProgress | None = None
        self._updated = time.monotonic()
        self._stopped: float | None = None

    def update(self, progress: TrainingProgress) -> None:
        """Keep a copy, which another thread may read while training goes on.

        The curves in it are the networks' own: they grow, and nothing in them changes.
        """
        networks = [replace(network) for network in progress.networks]
        self._updated = time.monotonic()
        self.progress = replace(progress, networks=networks)

    def stop(self) -> None:
        """Let the clocks stand."""
        self._stopped = time.monotonic()

    @property
    def stopped(self) -> bool:
        """Whether the clocks stand."""
        return self._stopped is not None

    @property
    def over(self) -> bool:
        """Whether every network has ended."""
        progress = self.progress
        return progress is not None and all(network.ended for network in progress.networks)

    @property
    def since(self) -> float:
        """Seconds since the latest news; 0 once training is over."""
        if self.over:
            return 0.0
        return (self._stopped or time.monotonic()) - self._updated

    @property
    def step(self) -> int:
        """The step of the network that is furthest, carried forward."""
        if self.progress is None:
            return 0
        known = max((n.steps[-1] for n in self.progress.networks if n.steps), default=0)
        ahead = known + int(self.since * self.progress.steps_per_second)
        return min(ahead, self.progress.budget) if not self.over else known


def phase(network: NetworkProgress) -> str:
    """What the network is doing, `waiting` if it has not begun."""
    return network.phase if network.steps or network.ended else "waiting"


def count_phases(networks: Sequence[NetworkProgress]) -> str:
    """Such as `2 plateau, 1 grokked`."""
    counts = Counter(phase(network) for network in networks)
    return ", ".join(f"{counts[name]} {name}" for name in PHASE_STYLES if counts[name])


def status_line(watch: Watch) -> Text:
    """Step, speed, time spent and time left, or that training is over."""
    progress = watch.progress
    if progress is None:
        return Text("getting ready …", "dim")
    elapsed = clock(progress.elapsed_seconds + watch.since)
    if watch.stopped:
        # where it stopped between two evaluations is for the trainer to say
        end = f"step {whole(watch.step)}   done" if watch.over else "stopped"
        return Text(f"{elapsed} elapsed   {end}", "dim")
    if watch.over:
        return Text(f"step {whole(watch.step)}   {elapsed}   {MEASURING}", "dim")
    parts = [f"step {whole(watch.step)} of {whole(progress.budget)}"]
    if progress.steps_per_second:
        parts.append(f"{speed(progress.steps_per_second)} steps/s")
    parts.append(f"{elapsed} elapsed")
    if progress.seconds_left is not None and watch.step >= _STEPS_OF_A_SPEED:
        left = clock(max(progress.seconds_left - watch.since, 0.0))
        parts.append(f"at most {left} left, less when they grok early")
    return Text("   ".join(parts), "dim", no_wrap=True, overflow="ellipsis")


def speed(steps_per_second: float) -> str:
    """Steps per second with two or more digits."""
    return f"{steps_per_second:.1f}" if steps_per_second < 10 else f"{steps_per_second:,.0f}"
