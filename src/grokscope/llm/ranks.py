"""Several processes that train one model: each reads its part of the probes, all know the whole.

With one process, nothing here does anything. What one process does alone may fail there alone, such
as writing to a full disk. The others must hear of it before they wait for that process, or they
would wait for ever: so what is done alone is done by `together` or `from_first`.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import distributed

from grokscope.core.errors import UsageError
from grokscope.llm.pathways import Pathways
from grokscope.llm.reading import Batch, Reading

Found = TypeVar("Found")


def rank_and_count() -> tuple[int, int]:
    """The number of this process, and how many there are."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()


def is_first() -> bool:
    """Whether this process is the one that writes."""
    return rank_and_count()[0] == 0


def require_joined() -> None:
    """Refuse to begin before the processes know of each other.

    Raises:
        UsageError: a launcher started several, and `torch.distributed` is not initialised.
    """
    expected = os.environ.get("WORLD_SIZE", "1")
    if expected.isdecimal() and int(expected) > 1 and rank_and_count()[1] == 1:
        raise UsageError(
            f"The monitor is one of {expected} processes that do not know of each other yet: make "
            f"it after torch.distributed.init_process_group (or after TrainingArguments)."
        )


def together(work: Callable[[], Found]) -> Found:
    """Do what may fail in this process alone; all processes come here.

    Raises:
        Exception: the work's own.
        UsageError: it failed in another process.
    """
    found, error = _tried(work)
    texts = _gathered(None if error is None else _line(error))
    if error is not None:
        raise error
    for rank, text in enumerate(texts):
        if text is not None:
            raise UsageError(f"process {rank}: {text}")
    assert found is not None
    return found[0]


def from_first(work: Callable[[], Found]) -> Found:
    """What the first process finds, in all of them.

    Raises:
        Exception: the work's own, in the first process.
        UsageError: with the same text, in the others.
    """
    if rank_and_count()[1] == 1:
        return work()
    found, error = _tried(work) if is_first() else (None, None)
    box: list[tuple[Found] | str | None] = [found if error is None else _line(error)]
    distributed.broadcast_object_list(box)
    if error is not None:
        raise error
    result = box[0]
    if not isinstance(result, tuple):
        raise UsageError(str(result))
    return result[0]


def gathered(own: Found | None) -> list[Found]:
    """What every process has, in the order of processes, without those that have nothing."""
    return [one for one in _gathered(own) if one is not None]


def _tried(work: Callable[[], Found]) -> tuple[tuple[Found] | None, Exception | None]:
    try:
        return (work(),), None
    except Exception as error:  # it is raised again once the others have heard of it
        return None, error


def _line(error: Exception) -> str:
    return str(error) or type(error).__name__


def _gathered(own: Found) -> list[Found]:
    count = rank_and_count()[1]
    if count == 1:
        return [own]
    everybody: list[Found] = [own] * count
    distributed.all_gather_object(everybody, own)
    return everybody


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
    return tuple(dict.fromkeys(problem for own in _gathered(problems) for problem in own))
