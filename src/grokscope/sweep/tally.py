"""Labels of several runs, counted, and which of them prevails."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import get_args

from grokscope.core.errors import SettingError
from grokscope.measures.label import Label

ORDER: tuple[str, ...] = get_args(Label)
LETTERS = {
    "comprehension": "C",
    "grokking": "G",
    "memorization": "M",
    "confusion": "F",
    "semi_grokking": "S",
    "ungrokking": "U",
    "anti_grokking": "A",
    "collapse": "L",
    "diverged": "D",
}
"""Of each label one letter, in cells and in text: colour is never the only sign."""
CENSORED = ("memorization", "confusion")
"""Labels of runs whose budget ended before they generalised, which does not mean never."""


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How many runs have which label.

    Attributes:
        counts: by label, those that occur, in the order of `ORDER`.
    """

    counts: Mapping[str, int]

    @classmethod
    def of(cls, labels: Iterable[str]) -> "Tally":
        """Counted.

        Raises:
            SettingError: there are none.
        """
        counts = Counter(labels)
        if not counts:
            raise SettingError("labels", "at least one", 0)
        known = [label for label in ORDER if label in counts]
        return cls(counts={n: counts[n] for n in (*known, *sorted(counts.keys() - set(known)))})

    @property
    def total(self) -> int:
        """Number of runs."""
        return sum(self.counts.values())

    @property
    def leading(self) -> tuple[str, ...]:
        """The most frequent labels: one, or those of a tie."""
        most = max(self.counts.values())
        return tuple(label for label, count in self.counts.items() if count == most)

    @property
    def majority(self) -> str | None:
        """The most frequent label; None where several are."""
        return self.leading[0] if len(self.leading) == 1 else None

    @property
    def share(self) -> float:
        """Of the runs that have the most frequent label, or one of those of a tie, in (0, 1]."""
        return max(self.counts.values()) / self.total

    @property
    def is_mixed(self) -> bool:
        """Whether runs differ in their label."""
        return len(self.counts) > 1

    @property
    def is_censored(self) -> bool:
        """Whether what prevails is the end of the budget."""
        return all(label in CENSORED for label in self.leading)
