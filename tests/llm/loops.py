"""A few updates of the small OLMoE, with a monitor or without."""

from contextlib import nullcontext
from typing import Any

import torch

from grokscope.llm.measurement import Measuring
from grokscope.llm.monitor import Monitor
from llm.small_olmoe import D_VOCAB, olmoe

QUICK = Measuring(pairs=20, eps=3.5)


def monitored(model: Any, own: Any, folder: Any, **settings: Any) -> Monitor:
    """A monitor with few pairs."""
    return Monitor(model, own, out=folder, **{"measuring": QUICK, "every": 2} | settings)


def batch(step: int, rows: int = 4, width: int = 8) -> torch.Tensor:
    """The same token ids for the same step."""
    generator = torch.Generator().manual_seed(1_000 + step)
    return torch.randint(3, D_VOCAB, (rows, width), generator=generator)


def train(model: Any, steps: int, monitor: Monitor | None = None, *, first: int = 1) -> None:
    """So many updates with dropout; training batches are watched where there are no probes."""
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    is_watched = monitor is not None and monitor._stream is not None
    for step in range(first, first + steps):
        ids = batch(step)
        mask = torch.ones_like(ids)
        watch = monitor.watch(attention_mask=mask) if is_watched else nullcontext()
        with watch as watched:
            output = model(input_ids=ids, attention_mask=mask, labels=ids)
        if is_watched:
            watched.score(output.logits, ids)
        output.loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if monitor is not None:
            monitor.step(step)


def dropping(**settings: Any) -> Any:
    """A model whose training depends on the random state."""
    return olmoe(attention_dropout=0.3, **settings)


def weights(model: Any) -> dict[str, torch.Tensor]:
    """A copy."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def are_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """To the bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
