"""Arithmetic: sums on a ring of 59, as bare equations and in small stories.

A number of the ring is one token, `<7>`. Every document is a new combination of equations, names
and things, so that none is read twice, but a pair of numbers returns in many of them. Held out are
unordered pairs: neither a + b nor b + a of a test question is ever trained on.
"""

from collections.abc import Sequence

import numpy as np

from grokscope.core.seeds import stream_seed
from grokscope.recipes.olmoe_mini.domain import Document, Item, Piece, chosen, most_frequent, some

P = 59
TRAIN_FRACTION = 0.6
NUMBERS = tuple(f"<{number}>" for number in range(P))
EQUATIONS = 6
"""In a document of bare equations."""
STORY_SHARE = 0.1

_NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gil", "Hana", "Ivo", "Jill", "Kai", "Lea")
_MOVES = ("walks", "jumps", "rolls", "sails", "rides", "swims", "slides", "hops")
_PLACES = ("stone", "post", "lamp", "island", "tree", "flag", "gate", "bench")


class Arithmetic:
    """a + b mod 59, learned from three fifths of the unordered pairs.

    Args:
        seed: of the split, and of the answers if they are shuffled.
        shuffled: whether answers are dealt out anew among the pairs, so that they can be learned
            by heart only.
    """

    name = "arithmetic"

    def __init__(self, seed: int, *, shuffled: bool = False) -> None:
        rng = np.random.default_rng(stream_seed(seed, "olmoe-mini/arithmetic"))
        orbits = [(a, b) for a in range(P) for b in range(a, P)]
        order = rng.permutation(len(orbits))
        kept = round(TRAIN_FRACTION * len(orbits))
        self.trained = _both_ways([orbits[i] for i in order[:kept]])
        self.held_out = _both_ways([orbits[i] for i in order[kept:]])
        answers = np.array([(a + b) % P for a, b in orbits])
        if shuffled:
            answers = rng.permutation(answers)
        dealt = dict(zip(orbits, answers.tolist(), strict=True))
        self._answers = {pair: dealt[min(pair), max(pair)] for pair in self.trained + self.held_out}

    @property
    def chance(self) -> float:
        """Of the most frequent answer."""
        return most_frequent([[self._answers[pair] for pair in self._answers]])

    def draw(self, rng: np.random.Generator) -> Document:
        """Six equations, or a story of one."""
        if rng.random() < STORY_SHARE:
            return self._story(rng)
        pieces: list[Piece] = []
        for number in range(EQUATIONS):
            pair = self._pair(rng)
            question = (" ; " if number else "") + prompt(*pair)
            pieces += [(question, False), (self.answer(pair), True)]
        return tuple(pieces)

    def items(self, *, trained: bool, count: int, rng: np.random.Generator) -> list[Item]:
        """Bare equations."""
        pairs = self.trained if trained else self.held_out
        return [
            Item(domain=self.name, prompt=prompt(*pair), answer=self.answer(pair), trained=trained)
            for pair in (pairs[i] for i in some(rng, count, len(pairs)))
        ]

    def answer(self, pair: tuple[int, int]) -> str:
        """The text behind `prompt`."""
        return f" {NUMBERS[self._answers[pair]]}"

    def _pair(self, rng: np.random.Generator) -> tuple[int, int]:
        return self.trained[int(rng.integers(len(self.trained)))]

    def _story(self, rng: np.random.Generator) -> Document:
        pair = self._pair(rng)
        who, move, place = (chosen(rng, words) for words in (_NAMES, _MOVES, _PLACES))
        a, b = (NUMBERS[number] for number in pair)
        question = (
            f"{who} {move} from {place} {a} of the ring, {b} further, and is at {place} number"
        )
        return (question, False), (self.answer(pair), True)


def prompt(a: int, b: int) -> str:
    """The question for a + b; its answer is one token."""
    return f"{NUMBERS[a]} + {NUMBERS[b]} ="


def _both_ways(orbits: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    return sorted({pair for a, b in orbits for pair in ((a, b), (b, a))})
