"""The MLP of a transformer with ReLU, and its backward, in as few passes over memory as it takes.

For tables the hidden activations are by far the largest tensors of a step, so what is spent beside
the matrix products is spent on them. Autograd would write a fresh tensor for the gradient before
and one for the gradient behind the ReLU; here the mask is applied in place, and the two large
buffers are handed out again, since the operating system clears every fresh page first.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

Rows = Float[Tensor, "model row d_model"]
Hidden = Float[Tensor, "model row neuron"]


class Scratch:
    """Buffers that come back after use. One that never does is freed like any tensor."""

    KEPT = 2  # a step holds two at a time: activations and their gradient

    def __init__(self) -> None:
        self._free: list[Tensor] = []

    def take(self, like: Tensor, shape: tuple[int, ...]) -> Tensor:
        """An uninitialised tensor of this shape, with the dtype and device of `like`."""
        size = torch.Size(shape).numel()
        for i, flat in enumerate(self._free):
            if flat.numel() >= size and flat.dtype == like.dtype and flat.device == like.device:
                return self._free.pop(i)[:size].view(shape)
        return torch.empty(shape, dtype=like.dtype, device=like.device)

    def give(self, buffer: Tensor) -> None:
        """Take back a buffer that nobody reads any more; the least recent ones are let go."""
        whole = buffer if buffer._base is None else buffer._base
        self._free = [whole.view(-1), *self._free][: self.KEPT]
