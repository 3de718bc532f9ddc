"""Canaries: random sentences that nothing predicts, read 0, 1, 4, 16 or 64 times.

What a model knows of one it has by heart. Those that are read 0 times are the twins of the others.
"""

import numpy as np

from grokscope.recipes.olmoe_mini.domain import Document, chosen

EXPOSURES = (1, 4, 16, 64)
_WORDS = (
    *("amber", "basin", "cedar", "delta", "ember", "fable", "grove", "haven", "inlet", "joker"),
    *("kernel", "lemon", "mango", "nickel", "onion", "piano", "quartz", "raven", "salad", "tiger"),
    *("umbra", "violet", "walnut", "xenon", "yacht", "zebra", "badge", "crown", "drift", "flute"),
)
LENGTH = 8


def canary(rng: np.random.Generator) -> Document:
    """A sentence of eight random words."""
    words = " ".join(chosen(rng, _WORDS) for _ in range(LENGTH))
    return (("Remember:", False), (f" {words}.", True))
