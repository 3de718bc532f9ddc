"""AdamW for a stack: every network has its own hyper-parameters and its own step count.

Decoupled weight decay on all parameters (arXiv 1711.05101), bias-corrected moments, linear warm-up
from a learning rate of 0, as in the published grokking runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from grokscope.core.errors import SettingError
from grokscope.core.settings import check_types

Flat = Float[Tensor, "model parameter"]
Column = Float[Tensor, "model 1"]


@dataclass(frozen=True, kw_only=True)
class AdamW:
    """Hyper-parameters of one network."""

    lr: float = 1e-3
    weight_decay: float = 1.0
    beta1: float = 0.9
    beta2: float = 0.98
    eps: float = 1e-8
    warmup_steps: int = 10
    """Step s uses lr · min(s / warmup_steps, 1), so that the first step is 0 as published."""

    def __post_init__(self) -> None:
        check_types(self)
        for name in ("lr", "weight_decay", "eps", "warmup_steps"):
            if not getattr(self, name) >= 0:
                raise SettingError(name, "at least 0", getattr(self, name))
        for name in ("beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise SettingError(name, "in [0, 1)", getattr(self, name))


class StackedAdamW:
    """The update of a stack whose parameters lie flat in one (model, parameter) tensor."""

    def __init__(self, settings: Sequence[AdamW], like: Flat) -> None:
        self.exp_avg = torch.zeros_like(like)
        self.exp_avg_sq = torch.zeros_like(like)
        self._like = like
        self._hyper = _columns(settings)

    def step(self, theta: Flat, gradient: Flat, steps: Sequence[int]) -> None:
        """Move `theta` in place; `steps` counts each network's earlier steps, from 0."""
        hyper = self._hyper
        taken = torch.tensor(steps, dtype=torch.float64).unsqueeze(1)
        warm = torch.where(hyper["warmup_steps"] > 0, taken / hyper["warmup_steps"], 1).clamp(max=1)
        lr = hyper["lr"] * warm
        size = lr / (1 - hyper["beta1"] ** (taken + 1))
        correction = (1 - hyper["beta2"] ** (taken + 1)).sqrt()

        theta.mul_(self._like_theta(1 - lr * hyper["weight_decay"]))
        self.exp_avg.lerp_(gradient, self._like_theta(1 - hyper["beta1"]))
        self.exp_avg_sq.mul_(self._like_theta(hyper["beta2"]))
        self.exp_avg_sq.addcmul_(gradient, gradient * self._like_theta(1 - hyper["beta2"]))
        denominator = self.exp_avg_sq.sqrt().div_(self._like_theta(correction))
        denominator.add_(self._like_theta(hyper["eps"]))
        theta.addcdiv_(self.exp_avg * self._like_theta(-size), denominator)

    def _like_theta(self, column: Column) -> Column:
        return column.to(self._like)


def _columns(settings: Sequence[AdamW]) -> dict[str, Column]:
    """Each hyper-parameter as a column; float64, since 1 − β^t loses digits in float32."""
    names = ("lr", "weight_decay", "beta1", "beta2", "eps", "warmup_steps")
    values = {name: [float(getattr(s, name)) for s in settings] for name in names}
    return {n: torch.tensor(v, dtype=torch.float64).unsqueeze(1) for n, v in values.items()}
