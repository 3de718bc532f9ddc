"""A training step that can be taken again and again with as little help as possible.

It reads and writes tensors that stay where they are, so that it can be recorded once as a list of
tensor operations: no Python between them, no graph for a backward pass that is already in the list.
On a GPU the list is a CUDA graph. On a CPU it is a TorchScript program, which leaves Python's lock
to the other threads and frees every tensor after its last use. A step that cannot be recorded is
called instead, with a warning; the numbers are the same to the bit.
"""

import operator
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NewType, cast

import torch
from torch import Tensor
from torch.fx import Graph, Node

_WARM_UP = 3
PATIENCE = 64
"""Steps on a CPU before a recording, which takes as long as 10 to 20 of them, is worth its time."""

Memory = NewType("Memory", tuple[int, int])
"""What steps on a GPU need while they run, shared by those that are taken one after another."""


class Program:
    """A step, recorded where that is possible.

    Args:
        step: reads and writes the same tensors at every call, without looking at their values.
        written: the tensors it writes that outlive it.
        then: what is called behind it at every step, and may look.
        memory: on a GPU, what the recorded step may share with others.
    """

    def __init__(
        self,
        step: Callable[[], None],
        written: Sequence[Tensor],
        then: Callable[[], None] | None = None,
        memory: Memory | None = None,
    ) -> None:
        self._step, self._written, self._then, self._memory = step, written, then, memory
        self._take: Callable[[], object] = step
        self._patience = 0 if written[0].is_cuda else PATIENCE
        self._is_recorded = False

    def is_worth_recording(self, steps: int) -> bool:
        """Whether it is now, before so many steps more."""
        self._patience -= steps
        return self._patience < 0 and not self._is_recorded

    def run(self, times: int) -> None:
        """Take some steps, without waiting for them to be done."""
        for _ in range(times):
            self._take()
            if self._then is not None:
                self._then()

    def record(self) -> None:
        """Record the step, and undo what the trial steps before that have changed.

        Raises:
            OutOfMemoryError: a step does not fit.
        """
        self._is_recorded = True
        before = [tensor.clone() for tensor in self._written]
        try:
            self._take = self._recorded()
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            reason = str(error).strip().split("\n", 1)[0]
            warnings.warn(
                f"steps are not recorded, which makes them slower: {reason}", stacklevel=2
            )
        finally:
            for tensor, value in zip(self._written, before, strict=True):
                tensor.copy_(value)

    def _recorded(self) -> Callable[[], object]:
        if self._written[0].is_cuda:
            return _cuda_graph(self._step, self._memory)
        return _torch_script(self._step)


def shared_memory(device: torch.device) -> Memory | None:
    """For steps whose recordings live at the same time.

    Torch forgets the memory with the last of its recordings and accepts none for it after that.
    """
    return Memory(torch.cuda.graph_pool_handle()) if device.type == "cuda" else None


def _cuda_graph(step: Callable[[], None], memory: Memory | None) -> Callable[[], object]:
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(_WARM_UP):  # libraries choose and allocate at their first calls
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, pool=cast(Any, memory)):
        step()
    return graph.replay


def _torch_script(step: Callable[[], None]) -> Callable[[], object]:
    from torch.fx.experimental.proxy_tensor import make_fx  # takes half a second

    step()  # what is made once is made now

    def traced() -> Tensor:
        step()
        return torch.zeros(())  # something must come out of what is traced

    operations = make_fx(traced)()
    reads = [node for node in operations.graph.nodes if node.op == "get_attr"]
    tensors = {str(node.target): cast(Tensor, getattr(operations, node.target)) for node in reads}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is no longer developed, and says so
        unit = torch.jit.CompilationUnit(_source(operations.graph, tensors))

    def run() -> None:
        # as it is: what a network computes must not depend on how often it has been run
        with torch.no_grad(), torch.jit.optimized_execution(False):  # pyright: ignore
            unit.step(*tensors.values())

    return run


def _source(graph: Graph, tensors: Iterable[str]) -> str:
    """The operations as a function of the tensors that were there before."""
    head = ", ".join(f"{name}: Tensor" for name in tensors)
    return "\n    ".join([f"def step({head}):", *map(_line, graph.nodes)]) + "\n"


def _line(node: Node) -> str:
    if node.op == "get_attr":
        return f"{node.name} = {node.target}"
    if node.op == "output":
        return "pass"
    if node.target is operator.getitem:
        whole, index = node.args
        return f"{node.name} = {whole}[{index}]"
    called = cast(Any, node.target)  # an overload; TorchScript finds it by the types of arguments
    names = [argument.name for argument in called._schema.arguments]
    types = {argument.name: argument.type for argument in called._schema.arguments}
    values = dict(zip(names, node.args, strict=False)) | node.kwargs
    given = ", ".join(f"{name}={_text(value, types[name])}" for name, value in values.items())
    return f"{node.name} = torch.ops.{called.overloadpacket}({given})"


def _text(value: object, kind: object = "") -> str:
    match value:
        case []:
            return f"torch.jit.annotate({kind}, [])"
        case list() | tuple():
            return f"[{', '.join(map(_text, cast(Sequence[object], value)))}]"
        case float():
            return f'float("{value!r}")'
        case torch.device():
            return f'torch.device("{value}")'
        case _:
            return str(value)
