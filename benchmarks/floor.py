"""The floor: the matrix products of a training step over rows, and nothing else.

What is computed once per token is left out for transformers: it is a few per cent of the work. Each
forward product y = x·w has two backward ones, g·wᵀ and xᵀ·g. Outputs are written into
buffers that are allocated once, so no page fault or copy is counted.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Shape = tuple[int, int, int]
"""Rows, inner width, outer width."""


def products(n_models: int, shapes: Sequence[Shape]) -> Callable[[], None]:
    """All products of one step of `n_models` networks."""
    triples = [_buffers(n_models, shape) for shape in shapes]

    def run() -> None:
        for x, w, g, y, grad_x, grad_w in triples:
            torch.bmm(x, w, out=y)
            torch.bmm(g, w.mT, out=grad_x)
            torch.bmm(x.mT, g, out=grad_w)

    return run


def _buffers(n_models: int, shape: Shape) -> list[Tensor]:
    rows, inner, outer = shape
    sizes = [(rows, inner), (inner, outer), (rows, outer)]
    inputs = [torch.randn(n_models, *size) for size in sizes]
    outputs = [torch.empty(n_models, *size) for size in (sizes[2], sizes[0], sizes[1])]
    return inputs + outputs
