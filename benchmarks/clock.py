"""Milliseconds per step: wall clock on a CPU, events on CUDA."""

import time

import torch

from benchmarks.cases import Step


def clock(step: Step, n_steps: int, device: str) -> float:
    """Mean of `n_steps` steps in a row; on CUDA from an idle device to an idle device."""
    if device == "cuda":
        return _cuda(step, n_steps)
    started = time.perf_counter()
    for _ in range(n_steps):
        step()
    return 1e3 * (time.perf_counter() - started) / n_steps


def _cuda(step: Step, n_steps: int) -> float:
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    first.record()
    for _ in range(n_steps):
        step()
    last.record()
    torch.cuda.synchronize()
    return first.elapsed_time(last) / n_steps
