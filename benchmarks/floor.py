"""The floor: the matrix products of a training step over rows, and nothing else.

Each forward product y = x·w has two backward ones, g·wᵀ and xᵀ·g. Outputs are written into buffers
that are allocated once, so no page fault or copy is counted. Which products there are is counted
in `counts.py`.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from benchmarks.counts import Shape


def products(n_models: int, shapes: Sequence[Shape], device: str) -> Callable[[], None]:
    """All products of one step of `n_models` networks."""
    triples = [_buffers(n_models, shape, device) for shape in shapes]

    def run() -> None:
        for x, w, g, y, grad_x, grad_w in triples:
            torch.bmm(x, w, out=y)
            torch.bmm(g, w.mT, out=grad_x)
            torch.bmm(x.mT, g, out=grad_w)

    return run


def _buffers(n_models: int, shape: Shape, device: str) -> list[Tensor]:
    rows, inner, outer = shape
    sizes = [(rows, inner), (inner, outer), (rows, outer)]
    inputs = [torch.randn(n_models, *size, device=device) for size in sizes]
    outputs = [torch.empty(n_models, *size, device=device) for size in (sizes[2], *sizes[:2])]
    return inputs + outputs
