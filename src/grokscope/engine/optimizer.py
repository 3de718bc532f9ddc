"""What an optimizer is: settings of one network, and a step that moves a whole stack.

Every network has its own hyper-parameters and its own step count. They reach the step as tensors
with one row per network, so that the step can be recorded and a network can be held: with the
coefficients of `REST` and a gradient of 0 nothing moves.

A step works in this order: the gradient is taken at weights with `weight_noise`; noise is added to
it; Grokfast's filter amplifies its slow part; ⊥Grad takes away what only changes a tensor's norm;
penalties (L1, L2) are added; the kind of optimizer moves the weights; the norm is fixed.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from jaxtyping import Float
from torch import Tensor

from grokscope.core.errors import SettingError
from grokscope.core.patterns import factors_by_pattern
from grokscope.core.settings import check_types, require_at_least
from grokscope.engine.state import Flat, Part, State

Settings = Mapping[str, Float[Tensor, " model"]]
"""Numeric settings by name, in float64."""
Steps = Float[Tensor, "ahead model"]
"""One number for each network and each of its next steps, in float64."""
Coefficients = Mapping[str, Float[Tensor, "model 1"]]
Decay = Literal["decoupled", "l2", "to_init"]


@dataclass(frozen=True, kw_only=True)
class Optimizer(ABC):
    """Hyper-parameters of one network."""

    REST: ClassVar[Mapping[str, float]] = {"shrink": 0.0, "weight_decay": 0.0}
    """The coefficients that a step needs, with the values that leave a network as it is."""
    SHARED: ClassVar[tuple[str, ...]] = ("decay", "orthogonal", "grokfast", "grokfast_window")
    """Settings that networks share where they share a stack."""

    lr: float = 1e-3
    weight_decay: float = 0.0
    decay: Decay = "decoupled"
    """Weights shrink by lr · weight_decay a step (`decoupled`), come closer to their initial values
    by as much (`to_init`), or weight_decay · θ is added to the gradient (`l2`)."""
    l1: float = 0.0
    """l1 · sign(θ) is added to the gradient."""
    warmup_steps: int = 0
    """Step s uses lr · min(s / warmup_steps, 1), so that the first step is 0."""
    gradient_noise: float = 0.0
    """Standard deviation of Gaussian noise on every component of the gradient."""
    weight_noise: float = 0.0
    """Standard deviation of Gaussian noise on all weights while the gradient is computed."""
    orthogonal: bool = False
    """⊥Grad (arXiv 2501.04697): each tensor's gradient without its part along the weights,
    rescaled to its norm."""
    grokfast: Literal["none", "ema", "ma"] = "none"
    """Filter that amplifies the slow part of the gradient (arXiv 2405.20233): an exponential
    moving average or the mean over a window."""
    grokfast_alpha: float = 0.98
    """Of the exponential moving average."""
    grokfast_lamb: float = 2.0
    """How much of the average is added."""
    grokfast_window: int = 100
    """Gradients in the window, all of which are kept, in checkpoints too."""
    fixed_norm: float | None = None
    """After each step the trained weights are rescaled, so that their joint norm is this times its
    initial value (as in arXiv 2210.01117)."""
    frozen: str = ""
    """Parameters that are not trained: names or patterns such as `W_E ln*`."""
    undecayed: str = ""
    """Parameters without weight decay and L1."""
    lr_factors: str = ""
    """Parameters with another learning rate, by factors such as `W_E=10 W_U=0.5`."""

    def __post_init__(self) -> None:
        check_types(self)
        require_at_least(0, self, "lr", "weight_decay", "l1", "warmup_steps")
        require_at_least(0, self, "gradient_noise", "weight_noise", "grokfast_lamb")
        self.require_below_1("grokfast_alpha")
        require_at_least(1, self, "grokfast_window")
        if self.fixed_norm is not None and not self.fixed_norm > 0:
            raise SettingError("fixed_norm", "greater than 0", self.fixed_norm)
        if any(factor < 0 for _, factor in factors_by_pattern("lr_factors", self.lr_factors)):
            raise SettingError("lr_factors", "of factors of at least 0", self.lr_factors)

    def lr_at(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        return self.lr * min(step / self.warmup_steps, 1.0) if self.warmup_steps else self.lr

    @property
    def keeps_window(self) -> bool:
        """Whether the last gradients are kept."""
        return self.grokfast == "ma"

    @abstractmethod
    def begin(self, theta: Flat) -> State:
        """What is kept from step to step, for networks that are about to take their first."""

    @classmethod
    def coefficients(cls, settings: Settings, warm: Steps, taken: Steps) -> Mapping[str, Tensor]:
        """What the next steps need of the settings; each of shape (ahead, model), or (model,).

        Args:
            settings: of each network.
            warm: the factor of the warm-up.
            taken: each network's earlier steps, from 0.
        """
        weight_decay = settings["weight_decay"]
        return {"shrink": settings["lr"] * warm * weight_decay, "weight_decay": weight_decay}

    @abstractmethod
    def move(self, part: Part, now: Coefficients) -> None:
        """Move all parameters in place by one step."""

    def regularise(self, part: Part, now: Coefficients) -> None:
        """Add penalties to the gradient, and decay the weights."""
        theta, keep = part.theta, part.decay_factor
        if "l1" in now:
            rate = now["l1"] if keep is None else now["l1"] * keep
            part.gradient.addcmul_(theta.sign(), rate)
        if self.decay == "l2":
            rate = now["weight_decay"] if keep is None else now["weight_decay"] * keep
            part.gradient.addcmul_(theta, rate)
            return
        rate = now["shrink"] if keep is None else now["shrink"] * keep
        rate = rate if part.lr_factor is None else rate * part.lr_factor
        if self.decay == "to_init":
            theta.lerp_(part.slots["initial"], rate.expand_as(theta))
        else:
            theta.mul_(1 - rate)

    def require_below_1(self, *names: str) -> None:
        """Refuse settings outside of [0, 1).

        Raises:
            SettingError: naming the first of them.
        """
        for name in names:
            if not 0 <= getattr(self, name) < 1:
                raise SettingError(name, "in [0, 1)", getattr(self, name))
