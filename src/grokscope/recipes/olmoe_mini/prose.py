"""Prose: English text about Python, without questions; it is there to be predicted."""

import numpy as np

from grokscope.recipes.olmoe_mini.domain import Document, Item
from grokscope.recipes.olmoe_mini.texts import Chunks


class Prose:
    """Pieces of documentation, each read once."""

    name = "prose"

    def __init__(self, pieces: Chunks) -> None:
        self._pieces = pieces

    chance = 0.0
    """There are no questions."""

    def draw(self, rng: np.random.Generator) -> Document:
        """The next piece; their order was drawn before."""
        del rng
        return ((self._pieces.next(), True),)

    def items(self, *, trained: bool, count: int, rng: np.random.Generator) -> list[Item]:
        """None: text has no one right answer."""
        del trained, count, rng
        return []
