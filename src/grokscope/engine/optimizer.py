"""What an optimizer is: settings of one network, and a step that moves a whole stack.

Every network has its own hyper-parameters and its own step count. They reach the step as tensors
with one row per network, so that the step can be recorded and a network can be held: with the
coefficients of `REST` and a gradient of 0 nothing moves.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from grokscope.core.errors import SettingError
from grokscope.core.settings import check_types
from grokscope.engine.state import Flat, State

Settings = Mapping[str, Float[Tensor, " model"]]
"""Numeric settings by name, in float64."""
Steps = Float[Tensor, "ahead model"]
"""Steps that each network has taken before each of the next ones, in float64."""
Coefficients = Mapping[str, Float[Tensor, "model 1"]]


@dataclass(frozen=True, kw_only=True)
class Optimizer(ABC):
    """Hyper-parameters of one network."""

    REST: ClassVar[Mapping[str, float]] = {}
    """The coefficients that a step needs, with the values that leave a network as it is."""

    lr: float = 1e-3
    weight_decay: float = 0.0
    warmup_steps: int = 0
    """Step s uses lr · min(s / warmup_steps, 1), so that the first step is 0."""

    def __post_init__(self) -> None:
        check_types(self)
        self.require_at_least_0("lr", "weight_decay", "warmup_steps")

    def lr_at(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        return self.lr * min(step / self.warmup_steps, 1.0) if self.warmup_steps else self.lr

    @abstractmethod
    def begin(self, theta: Flat) -> State:
        """What is kept from step to step, for networks that are about to take their first."""

    @classmethod
    @abstractmethod
    def coefficients(cls, settings: Settings, warm: Steps, taken: Steps) -> Mapping[str, Tensor]:
        """What the next steps need of the settings; each of shape (ahead, model), or (model,).

        Args:
            settings: of each network.
            warm: the factor of the warm-up.
            taken: each network's earlier steps, from 0.
        """

    @abstractmethod
    def move(self, state: State, gradient: Flat, now: Coefficients) -> None:
        """Move `state` in place by one step; overwrites the gradient."""

    def require_at_least_0(self, *names: str) -> None:
        """Refuse negative settings.

        Raises:
            SettingError: naming the first of them.
        """
        for name in names:
            if not getattr(self, name) >= 0:
                raise SettingError(name, "at least 0", getattr(self, name))

    def require_below_1(self, *names: str) -> None:
        """Refuse settings outside of [0, 1).

        Raises:
            SettingError: naming the first of them.
        """
        for name in names:
            if not 0 <= getattr(self, name) < 1:
                raise SettingError(name, "in [0, 1)", getattr(self, name))
