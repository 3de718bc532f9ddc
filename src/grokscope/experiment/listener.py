"""What training tells whoever watches: plain facts, so that any screen can show them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable


@dataclass(kw_only=True)
class NetworkProgress:
    """One network, as far as it has been evaluated.

    The curves grow while training goes on, also in a copy; the step of an evaluation comes last, so
    that there are never fewer accuracies than steps.
    """

    index: int
    name: str
    seed: int
    steps: list[int] = field(default_factory=list)
    train_acc: list[float] = field(default_factory=list)
    test_acc: list[float] = field(default_factory=list)
    """On novel rows."""
    phase: str = "memorizing"
    """memorizing, plateau, generalizing, grokked, diverged or waiting."""
    memorized_step: int | None = None
    grokked_step: int | None = None
    ended: bool = False

    def append(self, step: int, train_acc: float, test_acc: float) -> None:
        """One more evaluation."""
        self.train_acc.append(train_acc)
        self.test_acc.append(test_acc)
        self.steps.append(step)


@dataclass(kw_only=True)
class TrainingProgress:
    """The whole population."""

    networks: Sequence[NetworkProgress]
    budget: int
    """Steps that each network has at most."""
    elapsed_seconds: float = 0.0
    steps_per_second: float = 0.0
    """Of the stack, lately."""
    seconds_left: float | None = None
    """At most, at the present speed; unknown at first."""


@runtime_checkable
class Listener(Protocol):
    """Told at the start, after every round of evaluations, and at the end."""

    def update(self, progress: TrainingProgress) -> None:
        """Show the present state; must be quick."""
        ...


class Silence:
    """The listener that shows nothing."""

    def update(self, progress: TrainingProgress) -> None:
        """Do nothing."""
