"""Training a stack of small networks on whole tables: plain torch, Adam, full batches."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from grokscope.models import Parameters

Forward = Callable[[Parameters], Float[Tensor, "model row n_classes"]]
"""Logits of all pairs (a, b), ordered by a, then b."""
Look = Callable[["Sight"], bool]
"""Called now and then; training ends where it says True."""
EVERY = 20
"""Steps between two looks."""


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What a look sees of every network."""

    params: Parameters
    right: Float[Tensor, " model"]
    """Accuracy."""
    margin: Float[Tensor, " model"]
    """Smallest over the table."""


def table_logits(params: Parameters) -> Float[Tensor, "model row n_classes"]:
    """Of concatenating MLPs."""
    first, second = (params["W_E"] @ half for half in params["W_in"].chunk(2, 1))
    pre = first.unsqueeze(2) + (second + params["b_in"].unsqueeze(1)).unsqueeze(1)
    return pre.flatten(1, 2).relu() @ params["W_U"]


def train(
    params: Parameters,
    labels: Int[Tensor, "model row"],
    look: Look,
    learning_rate: float = 0.01,
    most_steps: int = 4000,
    forward: Forward = table_logits,
) -> Parameters:
    """Train copies of the parameters until a look is content; every network for itself.

    Raises:
        RuntimeError: no look was content within `most_steps`.
    """
    trained = {name: weight.clone().requires_grad_() for name, weight in params.items()}
    adam = torch.optim.Adam(trained.values(), lr=learning_rate, fused=True)
    for step in range(most_steps):
        logits = forward(trained)
        if step % EVERY == 0 and look(_sight(trained, logits.detach(), labels)):
            return {name: weight.detach() for name, weight in trained.items()}
        loss = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")
        adam.zero_grad()
        loss.backward()
        adam.step()
    raise RuntimeError(f"a stack was not done after {most_steps} steps")


def learned(least: float) -> Look:
    """Content when every network is right on its whole table with a margin."""
    return lambda sight: bool((sight.margin > least).all())


def _sight(
    params: Parameters,
    logits: Float[Tensor, "model row n_classes"],
    labels: Int[Tensor, "model row"],
) -> Sight:
    at_label = logits.gather(2, labels.unsqueeze(2)).squeeze(2)
    others = logits.scatter(2, labels.unsqueeze(2), -torch.inf).amax(2)
    margins = at_label - others
    detached = {name: weight.detach() for name, weight in params.items()}
    return Sight(params=detached, right=(margins > 0).float().mean(1), margin=margins.amin(1))
