"""Milliseconds per step: wall clock on a CPU, events on CUDA."""

import time

import torch

from benchmarks.cases import Step, Training


def clock(step: Step, n_steps: int, device: str) -> float:
    """Mean of `n_steps` steps in a row; on CUDA from an idle device to an idle device."""
    if device == "cuda":
        return _cuda(step, n_steps)
    started = time.perf_counter()
    _take(step, n_steps)
    return 1e3 * (time.perf_counter() - started) / n_steps


def _cuda(step: Step, n_steps: int) -> float:
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    first.record()
    _take(step, n_steps)
    last.record()
    torch.cuda.synchronize()
    return first.elapsed_time(last) / n_steps


def _take(step: Step, n_steps: int) -> None:
    if isinstance(step, Training):
        step(n_steps)
    else:
        for _ in range(n_steps):
            step()
