"""What a domain of the corpus is: documents without end, and questions with one right answer."""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

Piece = tuple[str, bool]
"""Some text, and whether it is learned."""
Document = tuple[Piece, ...]
"""Pieces in order. Questions are drawn at random and nothing predicts them, so that only their
answers are learned, as in instruction tuning; of texts everything is."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """A question whose answer is right only if every token of it is.

    Attributes:
        domain: the name of its domain.
        prompt: the text before the answer.
        answer: the text that must follow.
        trained: whether the fact that it asks for is in the training documents.
    """

    domain: str
    prompt: str
    answer: str
    trained: bool

    @property
    def document(self) -> Document:
        """The question and its answer."""
        return (self.prompt, False), (self.answer, True)


@runtime_checkable
class Domain(Protocol):
    """Draws training documents, one after another, and asks for facts.

    Documents of one domain are exchangeable: those that are kept back as twins come from the same
    generator as those that are trained on. Held-out facts are in none of them.
    """

    @property
    def name(self) -> str:
        """Of the domain."""
        ...

    @property
    def chance(self) -> float:
        """Accuracy of whoever knows how often there is which answer, and nothing of questions."""
        ...

    def draw(self, rng: np.random.Generator) -> Document:
        """The next document."""
        ...

    def items(self, *, trained: bool, count: int, rng: np.random.Generator) -> list[Item]:
        """At most `count` distinct questions about trained or about held-out facts."""
        ...


def chosen(rng: np.random.Generator, things: tuple[str, ...]) -> str:
    """One of some words."""
    return things[int(rng.integers(len(things)))]


def some(rng: np.random.Generator, count: int, total: int) -> list[int]:
    """Distinct numbers below `total`, at most `count`, in random order."""
    return [int(i) for i in rng.permutation(total)[:count]]


def most_frequent(kinds: Iterable[Collection[Hashable]]) -> float:
    """Share of right answers of whoever gives the most frequent one to each kind of question."""
    answers = list(kinds)
    right = sum(max(Counter(own).values()) for own in answers)
    return right / sum(map(len, answers))


def text_of(document: Document) -> str:
    """All its pieces."""
    return "".join(text for text, _ in document)
