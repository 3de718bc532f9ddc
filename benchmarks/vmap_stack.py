"""The stack that a skilled user of torch writes: `torch.func.vmap` over ordinary modules.

`stack_module_state` gives every parameter a leading model axis, `functional_call` runs one network,
`vmap(grad_and_value(...))` all of them, and one fused `torch.optim.AdamW` moves the stacked
tensors: its update is element by element, so with equal hyper-parameters it is each network's own.
"""

import copy
from collections.abc import Callable, Sequence
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap
from torch.nn import functional as F

from benchmarks.textbook import Settings

Named = dict[str, Tensor]
Slope = Callable[[Named, Named, Tensor, Tensor], tuple[Named, Tensor]]


class Stack:
    """Textbook modules of one shape that step together."""

    def __init__(self, modules: Sequence[nn.Module], settings: Settings) -> None:
        params, buffers = stack_module_state(list(modules))
        self.params: Named = params
        self._buffers: Named = buffers
        self.optimizer = settings.adamw(self.params.values(), fused=True)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, settings.warm)
        self._slope = _slope(copy.deepcopy(modules[0]).to("meta"), settings.loss_dtype)

    def step(
        self, tokens: Int[Tensor, "model row pos"], labels: Int[Tensor, "model row"]
    ) -> Float[Tensor, " model"]:
        """One step of every network on its own rows; the losses before it, in nats."""
        with torch.no_grad():  # the gradient is taken inside; no graph is wanted around it
            gradients, losses = self._slope(self.params, self._buffers, tokens, labels)
        for name, parameter in self.params.items():
            # the fused optimizer reads memory in its order, whatever the strides of a gradient say
            parameter.grad = gradients[name].flatten().view_as(parameter)
        self.optimizer.step()
        self.schedule.step()
        return losses


def _slope(template: nn.Module, dtype: torch.dtype) -> Slope:
    """From stacked parameters and rows to each network's gradients and loss."""

    def loss(params: Named, buffers: Named, tokens: Tensor, labels: Tensor) -> Tensor:
        logits = functional_call(template, (params, buffers), (tokens,))[:, -1]
        return F.cross_entropy(logits.to(dtype), labels)

    return cast(Slope, vmap(grad_and_value(loss)))
