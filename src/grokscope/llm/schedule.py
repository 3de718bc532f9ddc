"""At which steps a monitor measures."""

from collections.abc import Sequence
from dataclasses import dataclass

from grokscope.core.errors import SettingError


@dataclass(frozen=True)
class Schedule:
    """Every so many steps, or at a list of steps.

    Attributes:
        every: steps between two measurements; 0 where there is a list.
        steps: the list, rising.
    """

    every: int
    steps: tuple[int, ...]

    @classmethod
    def of(cls, every: int | Sequence[int]) -> "Schedule":
        """From what a user says.

        Raises:
            SettingError: the number is below 1, or the list is empty or has a negative step.
        """
        if isinstance(every, int):
            if every < 1:
                raise SettingError("every", "at least 1", every)
            return cls(every, ())
        steps = tuple(sorted({int(step) for step in every}))
        if not steps or steps[0] < 0:
            raise SettingError("every", "at least 1, or steps of at least 0", list(steps))
        return cls(0, steps)

    def is_due(self, step: int) -> bool:
        """Whether the step is measured."""
        return step % self.every == 0 if self.every else step in self.steps

    def next_after(self, step: int) -> int | None:
        """The next one that is measured; None where no step is any more."""
        if self.every:
            return (step // self.every + 1) * self.every
        return next((one for one in self.steps if one > step), None)
