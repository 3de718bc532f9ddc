"""Seeds: independent random streams by purpose, and the ranges that must never mix.

Thresholds and defaults are chosen on development seeds, published numbers come from evaluation
seeds, and sealed seeds are for tests whose outcome nobody has looked at.
"""

import hashlib

import torch

DEVELOPMENT_SEEDS = range(10_000)
EVALUATION_SEEDS = range(10_000, 1_000_000)
SEALED_SEEDS = range(1_000_000, 2_000_000)


def stream_seed(seed: int, purpose: str) -> int:
    """A 63-bit seed that depends on both arguments and on nothing else."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(seed: int, purpose: str) -> torch.Generator:
    """A CPU generator for one purpose of one seed, such as ``generator(3, "init/W_E")``.

    Streams of different purposes are independent, so that adding a parameter or a measure never
    changes the numbers that another purpose draws.
    """
    return torch.Generator().manual_seed(stream_seed(seed, purpose))
