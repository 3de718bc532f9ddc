"""Code: real Python sources, and one-line programs with what they print.

The programs are calls on two numbers below 30. Held out are (call, numbers) triples.
"""

import numpy as np

from grokscope.core.seeds import stream_seed
from grokscope.recipes.olmoe_mini.domain import Item, chosen, some
from grokscope.recipes.olmoe_mini.texts import Chunks

LIMIT = 30
TRAIN_FRACTION = 0.8
CALLS = ("max({a}, {b})", "min({a}, {b})", "{a} + {b}", "{a} > {b}", "{a} % 10", "len('{a}{b}')")
PROGRAM_SHARE = 0.75
"""Of the documents; sources are longer, so that about half of the tokens are theirs."""

_NAMES = ("x", "y", "n", "m", "total", "value", "result", "size", "count", "index")


class Code:
    """Programs with their output, and sources.

    Args:
        seed: of the split, and of the outputs if they are shuffled.
        sources: pieces of real sources, each read once.
        shuffled: whether the outputs of a call are dealt out anew among the numbers.
    """

    name = "code"

    def __init__(self, seed: int, sources: Chunks, *, shuffled: bool = False) -> None:
        rng = np.random.default_rng(stream_seed(seed, "olmoe-mini/code"))
        self._sources = sources
        self._outputs = _outputs(rng, shuffled=shuffled)
        triples = list(self._outputs)
        order = rng.permutation(len(triples))
        kept = round(TRAIN_FRACTION * len(triples))
        self.trained = [triples[i] for i in order[:kept]]
        self.held_out = [triples[i] for i in order[kept:]]

    def draw(self, rng: np.random.Generator) -> str:
        """A program of two lines, or the next piece of the sources."""
        if rng.random() >= PROGRAM_SHARE:
            return self._sources.next()
        name = chosen(rng, _NAMES)
        first, second = (self.trained[int(rng.integers(len(self.trained)))] for _ in range(2))
        return f"{name} = {_line(first)}{self._outputs[first]}\n{_line(second)}{self._outputs[second]}"

    def items(self, *, trained: bool, count: int, rng: np.random.Generator) -> list[Item]:
        """What one line prints."""
        triples = self.trained if trained else self.held_out
        return [
            Item(domain=self.name, prompt=_line(one), answer=self._outputs[one], trained=trained)
            for one in (triples[i] for i in some(rng, count, len(triples)))
        ]


Triple = tuple[str, int, int]


def _line(triple: Triple) -> str:
    call, a, b = triple
    return f"{call.format(a=a, b=b)}  #"


def _outputs(rng: np.random.Generator, *, shuffled: bool) -> dict[Triple, str]:
    found: dict[Triple, str] = {}
    for call in CALLS:
        triples = [(call, a, b) for a in range(LIMIT) for b in range(LIMIT)]
        if "{b}" not in call:
            triples = triples[:: LIMIT]
        results = [_result(call, a, b) for _, a, b in triples]
        if shuffled:
            results = [results[i] for i in rng.permutation(len(results))]
        found.update(zip(triples, results, strict=True))
    return found


def _result(call: str, a: int, b: int) -> str:
    """What Python prints; spelled out, since nothing that a file holds should be run."""
    results = {
        "max({a}, {b})": max(a, b),
        "min({a}, {b})": min(a, b),
        "{a} + {b}": a + b,
        "{a} > {b}": a > b,
        "{a} % 10": a % 10,
        "len('{a}{b}')": len(f"{a}{b}"),
    }
    return f" {results[call]}"
