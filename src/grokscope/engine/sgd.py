"""Stochastic gradient descent with momentum for a stack."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from grokscope.engine.optimizer import Coefficients, Decay, Optimizer, Settings, Steps
from grokscope.engine.state import Flat, Part, State


@dataclass(frozen=True, kw_only=True)
class SGD(Optimizer):
    """Gradient descent with momentum, without dampening."""

    REST: ClassVar[Mapping[str, float]] = {**Optimizer.REST, "momentum": 1.0, "size": 0.0}
    SHARED: ClassVar[tuple[str, ...]] = (*Optimizer.SHARED, "nesterov")

    lr: float = 0.1
    decay: Decay = "l2"
    """Weights shrink by lr · weight_decay a step (`decoupled`), come closer to their initial values
    by as much (`to_init`), or weight_decay · θ is added to the gradient (`l2`)."""
    momentum: float = 0.9
    nesterov: bool = False
    """Step along the gradient plus momentum times the new velocity."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_below_1("momentum")

    def begin(self, theta: Flat) -> State:
        """A velocity of 0."""
        return {"momentum_buffer": torch.zeros_like(theta)}

    @classmethod
    def coefficients(cls, settings: Settings, warm: Steps, taken: Steps) -> Mapping[str, Tensor]:
        """Momentum, the step's size and those of the decay."""
        own = {"momentum": settings["momentum"], "size": -settings["lr"] * warm}
        return {**super().coefficients(settings, warm, taken), **own}

    def move(self, part: Part, now: Coefficients) -> None:
        """Velocity v ← μ v + g, then θ ← θ − lr · v (Nesterov: lr · (g + μ v))."""
        self.regularise(part, now)
        velocity = part.slots["momentum_buffer"].mul_(now["momentum"]).add_(part.gradient)
        if self.nesterov:
            velocity = part.gradient.addcmul_(velocity, now["momentum"])
        factor = part.lr_factor
        size = now["size"] if factor is None else now["size"] * factor
        part.theta.addcmul_(velocity, size)
