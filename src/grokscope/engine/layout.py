"""How many networks a stack holds: as many as the cache, or the memory of a GPU, has room for.

A step's time beside its products is spent on passes over activations. On a CPU they are several
times cheaper while a stack stays in the cache; and one stack per thread, each stepped by one
thread, has nothing to wait for, where a stack whose every product is split between threads does.
"""

import math
import os
from pathlib import Path

import torch

CACHE_BYTES = 2**25
"""Room for the activations and weights of one stack on a CPU: a core's share of a usual cache."""
_ACTIVATION_PASSES = 3  # hidden activations, their gradient, and what is looked up
_SHARE_OF_MEMORY = 0.6
_LEAST_BALANCE = 0.75


def stack_sizes(n_lanes: int, lane_bytes: int, device: torch.device, threads: int) -> list[int]:
    """Networks per stack, as even as possible.

    Args:
        n_lanes: networks to lay out.
        lane_bytes: what one of them takes while it is stepped.
        device: where they are stepped.
        threads: that step stacks at the same time, on a CPU.
    """
    if device.type != "cpu":
        return _even(n_lanes, math.ceil(n_lanes * lane_bytes / free_bytes(device)))
    rounds = math.ceil(n_lanes / threads)
    if n_lanes < _LEAST_BALANCE * rounds * threads:
        return _even(n_lanes, 1)  # too few to go round: the threads share one stack
    stacks = math.ceil(n_lanes * lane_bytes / CACHE_BYTES)
    return _even(n_lanes, min(n_lanes, threads * math.ceil(stacks / threads)))


def _even(n_lanes: int, n_stacks: int) -> list[int]:
    n_stacks = max(1, min(n_lanes, n_stacks))
    return [n_lanes // n_stacks + (i < n_lanes % n_stacks) for i in range(n_stacks)]


def lane_bytes(n_state: int, n_activations: int, dtype: torch.dtype) -> int:
    """What one network takes while it is stepped.

    Args:
        n_state: weights, gradient, what the optimizer keeps, one temporary.
        n_activations: hidden activations and logits of its rows.
        dtype: of both.
    """
    numbers = n_state + _ACTIVATION_PASSES * n_activations
    return numbers * dtype.itemsize


def free_bytes(device: torch.device) -> int:
    """Memory that a population may take: a share of what is free."""
    if device.type == "cuda":
        return int(_SHARE_OF_MEMORY * torch.cuda.mem_get_info(device)[0])
    return int(_SHARE_OF_MEMORY * _free_on_host())


def _free_on_host() -> int:
    facts = Path("/proc/meminfo")
    if facts.exists():
        lines = facts.read_text(encoding="utf-8").splitlines()
        free = next((line for line in lines if line.startswith("MemAvailable:")), None)
        if free is not None:
            return 1024 * int(free.split()[1])
    if hasattr(os, "sysconf"):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return 2**33
