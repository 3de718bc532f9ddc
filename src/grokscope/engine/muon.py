"""Muon for a stack: hidden matrices move along their orthogonalised momentum, the rest by AdamW.

Orthogonalised by five steps of a Newton–Schulz iteration, which bring all singular values near 1
(K. Jordan et al. 2024, kellerjordan.github.io/posts/muon; arXiv 2504.16041 for grokking). It runs
in the weights' own precision; public code casts to bfloat16 first, which changes single components
of a step by about a hundredth.

Hidden are all matrices but embeddings and unembeddings (`W_E`, `W_pos`, `W_U`). The heads of an
attention layer count as one matrix, as in layers that compute all heads in one product: `W_Q`,
`W_K` and `W_V` are d_model × (head · d_head), `W_O` is (head · d_head) × d_model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from grokscope.core.settings import require_at_least
from grokscope.engine.adamw import adam_coefficients, adam_step
from grokscope.engine.optimizer import Coefficients, Optimizer, Settings, Steps
from grokscope.engine.state import Flat, Part, State, views

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5
_EPS = 1e-7
_OUTER = ("W_E", "W_pos", "W_U")

Matrices = Float[Tensor, "model d_in d_out"]


@dataclass(frozen=True, kw_only=True)
class Muon(Optimizer):
    """Muon for hidden matrices, with AdamW of its own settings for all else."""

    REST: ClassVar[Mapping[str, float]] = {
        **Optimizer.REST,
        "rate": 0.0,
        "momentum": 0.0,
        "size": 0.0,
        "adam_shrink": 0.0,
        "adam_weight_decay": 0.0,
        "adam_rate1": 0.0,
        "adam_rate2": 0.0,
        "adam_size": 0.0,
        "adam_eps": 1.0,
    }

    lr: float = 0.02
    """Of the hidden matrices, times √max(1, d_out / d_in)."""
    weight_decay: float = 0.1
    """Of the hidden matrices."""
    momentum: float = 0.95
    """Nesterov's."""
    adam_lr: float = 1e-3
    adam_weight_decay: float = 1.0
    adam_beta1: float = 0.9
    adam_beta2: float = 0.98
    adam_eps: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        require_at_least(0, self, "adam_lr", "adam_weight_decay", "adam_eps")
        self.require_below_1("momentum", "adam_beta1", "adam_beta2")

    def begin(self, theta: Flat) -> State:
        """Averages of 0; hidden matrices have no second moment, and theirs stays 0."""
        return {"exp_avg": torch.zeros_like(theta), "exp_avg_sq": torch.zeros_like(theta)}

    @classmethod
    def coefficients(cls, settings: Settings, warm: Steps, taken: Steps) -> Mapping[str, Tensor]:
        """Muon's own, and AdamW's with `adam_` before their names."""
        rest = {n.removeprefix("adam_"): v for n, v in settings.items() if n.startswith("adam_")}
        adam = {
            **super().coefficients(rest, warm, taken),
            **adam_coefficients(rest, warm, taken),
        }
        momentum = settings["momentum"]
        return {
            **super().coefficients(settings, warm, taken),
            "rate": 1 - momentum,
            "momentum": momentum,
            "size": -settings["lr"] * warm,
            **{f"adam_{name}": value for name, value in adam.items()},
        }

    def move(self, part: Part, now: Coefficients) -> None:
        """Each stretch of parameters of the same sort by its own rule."""
        rest = {n.removeprefix("adam_"): v for n, v in now.items() if n.startswith("adam_")}
        rest = {**now, **rest}
        for hidden, names in groupby(part.shapes, lambda name: is_hidden(name, part.shapes[name])):
            stretch = part.only(list(names))
            self.regularise(stretch, now if hidden else rest)
            if hidden:
                _orthogonal_step(stretch, now)
            else:
                adam_step(stretch, rest)


def is_hidden(name: str, shape: tuple[int, ...]) -> bool:
    """Whether a parameter is a hidden matrix."""
    return len(shape) > 1 and not name.startswith(_OUTER)


def _orthogonal_step(part: Part, now: Coefficients) -> None:
    average = part.slots["exp_avg"]
    average.lerp_(part.gradient, now["rate"])
    part.gradient.lerp_(average, now["momentum"].expand_as(average))
    names = {"theta": part.theta, "step": part.gradient, "factor": part.lr_factor}
    named = {n: views(flat, part.shapes) for n, flat in names.items() if flat is not None}
    for name in part.shapes:
        matrices = as_matrices(name, named["step"][name])
        ratio = max(1.0, matrices.shape[2] / matrices.shape[1]) ** 0.5
        step = like_parameter(name, orthogonalised(matrices), named["step"][name])
        size = now["size"].view(-1, *[1] * (step.dim() - 1)) * ratio
        factor = named["factor"][name] if "factor" in named else None
        named["theta"][name].addcmul_(step, size if factor is None else size * factor)


def as_matrices(name: str, value: Float[Tensor, "model ..."]) -> Matrices:
    """Parameters as matrices from inputs to outputs, all heads in one."""
    if value.dim() == 3:
        return value
    return value.flatten(1, 2) if name.startswith("W_O") else value.transpose(1, 2).flatten(2)


def like_parameter(
    name: str, matrices: Matrices, like: Float[Tensor, "model ..."]
) -> Float[Tensor, "model ..."]:
    """The inverse of `as_matrices`."""
    if like.dim() == 3 or name.startswith("W_O"):
        return matrices.view(like.shape)
    n_heads, d_model, d_head = like.shape[1:]
    return matrices.view(-1, d_model, n_heads, d_head).transpose(1, 2)


def orthogonalised(matrices: Matrices) -> Matrices:
    """U V' of a singular value decomposition U S V', roughly: singular values of .7 to 1.2."""
    a, b, c = _COEFFICIENTS
    is_tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.transpose(1, 2) if is_tall else matrices
    x = x / torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True).clamp(min=_EPS)
    for _ in range(_ITERATIONS):
        gram = torch.bmm(x, x.transpose(1, 2))
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.transpose(1, 2) if is_tall else x).contiguous()
