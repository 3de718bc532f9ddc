"""What happens to the gradient of a stack before an optimizer sees it, and to the norm behind it.

A network whose `moves` is 0 has a gradient of 0 and keeps its state.
"""

import torch
from torch import Tensor

from grokscope.engine.optimizer import Coefficients
from grokscope.engine.state import Flat, Part, Shapes, State

_TINY = 1e-30  # as published


def remove_radial(gradient: Flat, theta: Flat, shapes: Shapes) -> None:
    """⊥Grad: g − (w·g / w·w) w for each tensor w of each network, rescaled to the norm of g."""
    sizes = [torch.Size(shape).numel() for shape in shapes.values()]
    for g, w in zip(gradient.split(sizes, 1), theta.split(sizes, 1), strict=True):
        norm = _norm(g)
        along = (w * g).sum(1, keepdim=True) / ((w * w).sum(1, keepdim=True) + _TINY)
        g.addcmul_(w, -along)
        g.mul_(norm / (_norm(g) + _TINY))


def filter_slots(kind: str, window: int, theta: Flat) -> State:
    """What Grokfast's filter keeps: an average, or a window of gradients and their sum."""
    if kind == "none":
        return {}
    seen = torch.zeros(len(theta), dtype=torch.int64, device=theta.device)
    if kind == "ema":
        return {"grokfast_ema": torch.zeros_like(theta), "grokfast_seen": seen}
    return {
        "grokfast_queue": theta.new_zeros(len(theta), window, theta.shape[1]),
        # as large gradients come and go, their rounding errors must not stay
        "grokfast_sum": torch.zeros_like(theta, dtype=torch.float64),
        "grokfast_seen": seen,
    }


def amplify_by_average(gradient: Flat, slots: State, now: Coefficients) -> None:
    """Average h ← α h + (1 − α) g from h₀ = g, then g ← g + λ h."""
    average, seen = slots["grokfast_ema"], slots["grokfast_seen"]
    is_first = (seen == 0).unsqueeze(1)
    rate = torch.where(is_first, now["moves"], now["grokfast_rate"])
    average.lerp_(gradient, rate.expand_as(gradient))
    seen += now["moves"].squeeze(1) > 0
    gradient.addcmul_(average, now["grokfast_lamb"])


def amplify_by_window(gradient: Flat, slots: State, now: Coefficients) -> None:
    """Gradient g ← g + λ · mean of the last ones, once there are as many as the window holds."""
    queue, total, seen = (slots[f"grokfast_{name}"] for name in ("queue", "sum", "seen"))
    window, rows = queue.shape[1], queue.flatten(0, 1)
    place = seen % window + window * torch.arange(len(seen), device=seen.device)
    oldest = rows.index_select(0, place)
    newest = torch.where(now["moves"] > 0, gradient, oldest)
    rows.index_copy_(0, place, newest)
    total.add_(newest).sub_(oldest)
    seen += now["moves"].squeeze(1) > 0
    is_full = (seen >= window).unsqueeze(1)
    share = torch.where(is_full, now["grokfast_lamb"], 0) / window
    gradient.addcmul_(total.to(gradient), share)


def trained_norm(theta: Flat, lr_factor: Tensor | None) -> Tensor:
    """The joint norm of each network's trained weights, of shape (model, 1)."""
    return _norm(theta if lr_factor is None else theta * (lr_factor != 0))


def fix_norm(part: Part, now: Coefficients) -> None:
    """Rescale the trained weights of each network for which a norm is set."""
    before = trained_norm(part.theta, part.lr_factor)
    wanted = now["fixed_norm"] * part.slots["initial_norm"].unsqueeze(1)
    scale = torch.where(wanted > 0, wanted / before, 1).to(part.theta)
    if part.lr_factor is not None:
        scale = torch.where(part.lr_factor != 0, scale, 1)
    part.theta.mul_(scale)


def _norm(some: Tensor) -> Tensor:
    return torch.linalg.vector_norm(some, dim=1, keepdim=True)
