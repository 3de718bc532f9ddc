"""Pathways drawn at random, for the tests of what is measured of them."""

import numpy as np
from hypothesis import strategies as st


def softmax(logits):
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def drawn(seed: int, shape=(3, 6, 5), spread: float = 1.0, common: float = 0.0):
    """Softmax of normal logits; `common` is the part that all samples share."""
    stream = np.random.default_rng(seed)
    layers, _, experts = shape
    shared = common * stream.normal(size=(layers, 1, experts))
    return softmax(shared + spread * stream.normal(size=shape))


shapes = st.tuples(st.integers(1, 4), st.integers(2, 6), st.integers(2, 7))
pathways = st.builds(drawn, st.integers(0, 10_000), shapes, st.sampled_from([0.1, 1.0, 3.0]))


def unseen(weights, *samples: int):
    """A copy in which some samples were not seen."""
    found = weights.copy()
    found[:, list(samples)] = np.nan
    return found
