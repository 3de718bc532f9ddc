"""AdamW for a stack: every network has its own hyper-parameters and its own step count.

Decoupled weight decay on all parameters (arXiv 1711.05101), bias-corrected moments, linear warm-up
from a learning rate of 0, as in the published grokking runs.

The update is written twice. `Moments.update` has one coefficient per network in tensors, so that
it can be part of a CUDA graph and held by a mask. `Moments.update_alike` is torch's fused kernel,
which moves all networks of equal hyper-parameters in one pass over memory: four times faster on a
CPU.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from grokscope.core.errors import SettingError
from grokscope.core.settings import check_types

Flat = Float[Tensor, "model parameter"]
STANDSTILL = (1.0, 0.0, 0.0, 0.0, 1.0)
"""Coefficients that leave the weights of a network as they are."""


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

    def lr_at(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        return self.lr * min(step / self.warmup_steps, 1.0) if self.warmup_steps else self.lr


Alike = Mapping[tuple[AdamW, float], Sequence[int]]
"""Networks by hyper-parameters and present learning rate."""


def alike(settings: Sequence[AdamW | None], steps: Sequence[int]) -> Alike:
    """Which networks share hyper-parameters and learning rate at these steps; None is nobody."""
    found: dict[tuple[AdamW, float], list[int]] = {}
    for i, (own, step) in enumerate(zip(settings, steps, strict=True)):
        if own is not None:
            found.setdefault((own, own.lr_at(step)), []).append(i)
    return found


def coefficients(
    settings: Sequence[AdamW], steps: Sequence[int], ahead: int
) -> Float[Tensor, "ahead model coefficient"]:
    """What the update needs of the hyper-parameters, for the next `ahead` steps of each network.

    In float64, since 1 − β^t loses digits in float32.

    Args:
        settings: of each network.
        steps: each network's earlier steps, from 0.
        ahead: for how many steps.
    """
    names = ("lr", "weight_decay", "beta1", "beta2", "eps", "warmup_steps")
    values = torch.tensor(
        [[float(getattr(s, name)) for name in names] for s in settings], dtype=torch.float64
    )
    lr, weight_decay, beta1, beta2, eps, warmup = values.T
    taken = torch.tensor(steps) + torch.arange(ahead, dtype=torch.float64).unsqueeze(1)
    lr = lr * torch.where(warmup > 0, taken / warmup, 1).clamp(max=1)
    correction = (1 - beta2 ** (taken + 1)).sqrt()
    size = lr * correction / (1 - beta1 ** (taken + 1))
    columns = [1 - lr * weight_decay, 1 - beta1, 1 - beta2, -size, eps * correction]
    return torch.stack(torch.broadcast_tensors(*columns), 2)


class Moments:
    """The moving averages of a stack whose parameters lie flat in one (model, parameter) tensor."""

    def __init__(self, exp_avg: Flat, exp_avg_sq: Flat) -> None:
        self.exp_avg, self.exp_avg_sq = exp_avg, exp_avg_sq

    def update(self, theta: Flat, gradient: Flat, now: Float[Tensor, "model coefficient"]) -> None:
        """Move `theta` in place by one step, with `coefficients` of now; overwrites the gradient.

        θ ← (1 − lr · decay) θ − lr / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε), with both sides of the
        fraction multiplied by √(1 − β₂ᵗ).
        """
        decay, rate1, rate2, size, eps = now.unsqueeze(2).unbind(1)
        theta.mul_(decay)
        self.exp_avg.lerp_(gradient, rate1)
        self.exp_avg_sq.lerp_(gradient.square_(), rate2)
        denominator = self.exp_avg_sq.sqrt().add_(eps)
        theta.addcdiv_(torch.mul(self.exp_avg, size, out=gradient), denominator)

    def update_alike(
        self, theta: Flat, gradient: Flat, taken: Float[Tensor, " model"], networks: Alike
    ) -> None:
        """The same for the networks that are named, after `taken` steps with the present one."""
        parts = (theta, gradient, self.exp_avg, self.exp_avg_sq, taken)
        rows = [part.unbind() for part in parts]
        for (own, lr), chosen in networks.items():
            params, grads, exp_avgs, exp_avg_sqs, steps = ([row[i] for i in chosen] for row in rows)
            torch.ops.aten._fused_adamw_.default(
                params,
                grads,
                exp_avgs,
                exp_avg_sqs,
                [],
                steps,
                lr=lr,
                beta1=own.beta1,
                beta2=own.beta2,
                weight_decay=own.weight_decay,
                eps=own.eps,
                amsgrad=False,
                maximize=False,
            )
