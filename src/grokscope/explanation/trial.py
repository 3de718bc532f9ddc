"""One row of a table of causal tests: which networks must pass it, and what they must reach.

A test that applies must be run: there is no other way to pass it. Its prediction and threshold were
fixed on planted and development networks before the networks that it judges.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from grokscope.explanation.causal_test import CausalTest, Side

Examined_contra = TypeVar("Examined_contra", contravariant=True)
"""What the test knows of a network: an `Examination`, or one of a kind of group."""


def always(examination: object) -> bool:
    """Every network must pass it."""
    return True


@dataclass(frozen=True, kw_only=True)
class Trial(Generic[Examined_contra]):
    """A test before it is run.

    Attributes:
        name: of the test.
        about: what is done, and what is predicted.
        measure: does it, and gives the figure; NaN where it cannot be done, which fails the test.
        side: whether the figure must be at least or at most the limit.
        limit: fixed beforehand.
        applies: which networks must pass it.
        applies_to: the same in words.
    """

    name: str
    about: str
    measure: Callable[[Examined_contra], float]
    side: Side
    limit: Callable[[Examined_contra], float]
    applies: Callable[[Examined_contra], bool] = always
    applies_to: str = "every network"

    def run(self, examination: Examined_contra) -> CausalTest:
        """The outcome on one network."""
        return CausalTest(
            name=self.name,
            value=self.measure(examination),
            threshold=self.limit(examination),
            side=self.side,
            about=self.about,
        )
