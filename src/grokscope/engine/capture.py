"""A training step that can be taken again and again with as little help as possible.

On a GPU the step is captured as a CUDA graph: its kernels are launched by one call, with no Python
between them. Everywhere else, and where a step cannot be captured, it is called. Either way it
reads and writes tensors that stay where they are, so new networks need no new capture.
"""

import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

_WARM_UP = 3


class Program:
    """A step, captured where that is possible.

    Args:
        step: reads and writes the same tensors at every call, without looking at their values.
        written: the tensors it writes that outlive it.
    """

    def __init__(self, step: Callable[[], None], written: Sequence[Tensor]) -> None:
        self._step, self._written = step, written
        self._wants_capture = written[0].is_cuda
        self._take: Callable[[], object] = step

    def run(self, times: int) -> None:
        """Take some steps, without waiting for them to be done."""
        if self._wants_capture:
            self._wants_capture = False
            self._capture()
        for _ in range(times):
            self._take()

    def _capture(self) -> None:
        """Record the step, and undo what the trial steps before that have changed."""
        before = [tensor.clone() for tensor in self._written]
        try:
            self._take = self._record()
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            warnings.warn(f"steps are not captured as a CUDA graph: {reason}", stacklevel=2)
        for tensor, value in zip(self._written, before, strict=True):
            tensor.copy_(value)

    def _record(self) -> Callable[[], object]:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP):  # libraries choose and allocate at their first calls
                self._step()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._step()
        return graph.replay
