"""Several processes that train one model: each reads its part of the probes, all know the whole.

With one process, nothing here does anything.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import distributed

from grokscope.llm.pathways import Pathways
from grokscope.llm.reading import Reading

Batch = Int64[np.ndarray, " probe"]


def rank_and_count() -> tuple[int, int]:
    """The number of this process, and how many there are."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()


def is_first() -> bool:
    """Whether this process is the one that writes."""
    return rank_and_count()[0] == 0


def own_batches(batches: Sequence[Batch]) -> list[Batch]:
    """Those that this process reads.

    Every process reads equally many, since a sharded model runs in all of them or in none: where
    they do not come out even, the last ones are read again, by whoever has too few.
    """
    rank, count = rank_and_count()
    rounds = -(-len(batches) // count)
    return [batches[min(rank + turn * count, len(batches) - 1)] for turn in range(rounds)]


def reduced(reading: Reading, device: torch.device) -> Reading:
    """The reading of all processes together: sums over those that read a probe, divided by them."""
    if rank_and_count()[1] == 1:
        return reading
    own = reading.pathways
    read = own.tokens > 0
    weights = np.where(read[None, :, None], own.weights, 0.0)
    readers = _sum(read.astype(np.float64), device)
    return replace(
        reading,
        pathways=Pathways(
            weights=(_sum(weights, device) / _or_nan(readers)[None, :, None]).astype(np.float32),
            tokens=_tokens(own.tokens, readers, device),
            layers=own.layers,
        ),
        loss=_mean(reading.loss, read, readers, device),
        correct=_mean(reading.correct, read, readers, device),
        problems=_all_problems(reading.problems),
    )


def _sum(values: Float[np.ndarray, "*axes"], device: torch.device) -> Float[np.ndarray, "*axes"]:
    # float32: not every device and backend has float64
    whole = torch.from_numpy(values.astype(np.float32)).to(device)
    distributed.all_reduce(whole)
    return whole.cpu().numpy()


def _or_nan(readers: Float[np.ndarray, " probe"]) -> Float[np.ndarray, " probe"]:
    return np.where(readers > 0, readers, np.nan)


def _tokens(
    tokens: Int64[np.ndarray, " probe"],
    readers: Float[np.ndarray, " probe"],
    device: torch.device,
) -> Int64[np.ndarray, " probe"]:
    total = _sum(tokens.astype(np.float64), device)
    return np.round(total / np.maximum(readers, 1)).astype(np.int64)


def _mean(
    values: Float[np.ndarray, " probe"],
    read: np.ndarray,
    readers: Float[np.ndarray, " probe"],
    device: torch.device,
) -> Float[np.ndarray, " probe"]:
    """NaN where somebody who read the probe found NaN, as where nobody read it."""
    total = _sum(np.where(read, values, 0.0), device)
    return (total / _or_nan(readers)).astype(np.float32)


def _all_problems(problems: tuple[str, ...]) -> tuple[str, ...]:
    gathered: list[tuple[str, ...]] = [()] * rank_and_count()[1]
    distributed.all_gather_object(gathered, problems)
    return tuple(dict.fromkeys(problem for own in gathered for problem in own))
