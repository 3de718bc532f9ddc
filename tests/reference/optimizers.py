"""Optimizers of one network: torch's own, one parameter group per tensor, all else spelled out."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from unittest.mock import patch

import torch
from torch import Tensor, nn

from grokscope.engine import SGD, AdamW, Muon, Optimizer
from grokscope.engine.state import Shapes, views

Named = dict[str, Tensor]


def follow(own: Optimizer, shapes: Shapes, start: Tensor, slopes: Sequence[Tensor]) -> Tensor:
    """Flat weights after a step along each of some gradients, without any noise.

    Args:
        own: settings, whose patterns are plain names.
        shapes: of the parameters.
        start: flat weights.
        slopes: flat gradients.
    """
    given = views(start[None], shapes)
    named = {name: nn.Parameter(_turned(own, name, w[0]).clone()) for name, w in given.items()}
    initial = {name: w.detach().clone() for name, w in named.items()}
    words = [word.split("=") for word in own.lr_factors.split()]
    factors = dict.fromkeys(shapes, 1.0) | {name: float(factor) for name, factor in words}
    trained = [name for name in shapes if name not in own.frozen.split()]
    inner = {name: _inner(own, name, named[name]) for name in trained}
    filtered = _filtered(own, slopes)
    for step, slope in enumerate(filtered):
        warm = min(step / own.warmup_steps, 1.0) if own.warmup_steps else 1.0
        slopes_of = views(slope[None], shapes).items()
        gradients = {name: _turned(own, name, g[0]).clone() for name, g in slopes_of}
        for name in trained:
            _step(
                own, inner[name], named[name], gradients[name], initial[name], warm * factors[name]
            )
        if own.fixed_norm is not None:
            _rescale(
                {n: named[n] for n in trained}, {n: initial[n] for n in trained}, own.fixed_norm
            )
    return torch.cat([_turned(own, name, w.detach()).flatten() for name, w in named.items()])


def _turned(own: Optimizer, name: str, w: Tensor) -> Tensor:
    """From inputs × outputs to torch's outputs × inputs where it matters, and back."""
    return w.T if _is_hidden(own, name, w) else w


def _is_hidden(own: Optimizer, name: str, w: Tensor) -> bool:
    return isinstance(own, Muon) and w.dim() == 2 and name not in ("W_E", "W_pos", "W_U")


def _step(
    own: Optimizer, inner: torch.optim.Optimizer, w: Tensor, g: Tensor, initial: Tensor, warm: float
) -> None:
    """One tensor's step."""
    with torch.no_grad():
        if own.orthogonal:
            g = perp(g, w)
        group = inner.param_groups[0]
        decays = group["grok_decay"]
        if decays:
            g = g + own.l1 * w.sign()
        group["lr"] = group["grok_lr"] * warm
        wd = group["grok_wd"] if decays else 0.0
        if own.decay == "to_init":
            w += (initial - w) * group["lr"] * wd
        elif own.decay == "l2":
            g = g + wd * w
        else:
            w -= w * group["lr"] * wd
        w.grad = g
        inner.step()


def _inner(own: Optimizer, name: str, w: nn.Parameter) -> torch.optim.Optimizer:
    """Torch's optimizer of one tensor; decay is spelled out above."""
    lr, wd = own.lr, own.weight_decay
    if isinstance(own, Muon) and not _is_hidden(own, name, w):
        lr, wd = own.adam_lr, own.adam_weight_decay
        betas = (own.adam_beta1, own.adam_beta2)
        made = torch.optim.Adam([w], betas=betas, eps=own.adam_eps)
    elif isinstance(own, Muon):
        made = torch.optim.Muon([w], weight_decay=0.0, momentum=own.momentum)
    elif isinstance(own, SGD):
        made = torch.optim.SGD([w], momentum=own.momentum, nesterov=own.nesterov)
    else:
        assert isinstance(own, AdamW)
        made = torch.optim.Adam([w], betas=(own.beta1, own.beta2), eps=own.eps)
    decays = name not in own.undecayed.split()
    made.param_groups[0] |= {"grok_lr": lr, "grok_wd": wd, "grok_decay": decays}
    return made


def _rescale(named: Mapping[str, Tensor], initial: Named, factor: float) -> None:
    with torch.no_grad():
        before, now = (
            torch.cat([w.double().flatten() for w in some.values()]).norm()
            for some in (initial, named)
        )
        for w in named.values():
            w.mul_(factor * before / now)


def perp(gradient: Tensor, w: Tensor) -> Tensor:
    """⊥Grad of arXiv 2501.04697."""
    along = float((w * gradient).sum()) / (float((w * w).sum()) + 1e-30)
    rest = gradient - along * w
    return rest * (float(gradient.norm()) / (float(rest.norm()) + 1e-30))


def _filtered(own: Optimizer, slopes: Sequence[Tensor]) -> list[Tensor]:
    if own.grokfast == "ema":
        return exponential_filter(slopes, own.grokfast_alpha, own.grokfast_lamb)
    if own.grokfast == "ma":
        return window_filter(slopes, own.grokfast_window, own.grokfast_lamb)
    return list(slopes)


def exponential_filter(slopes: Sequence[Tensor], alpha: float, lamb: float) -> list[Tensor]:
    """Grokfast-EMA of arXiv 2405.20233."""
    average, found = slopes[0], [slopes[0] * (1 + lamb)]
    for g in islice(slopes, 1, None):
        average = alpha * average + (1 - alpha) * g
        found.append(g + lamb * average)
    return found


def window_filter(slopes: Sequence[Tensor], window: int, lamb: float) -> list[Tensor]:
    """Grokfast-MA of arXiv 2405.20233."""
    found: list[Tensor] = []
    for i, g in enumerate(slopes):
        last = list(slopes)[max(0, i + 1 - window) : i + 1]
        is_full = len(last) == window
        found.append(g + lamb * torch.stack(last).mean(0) if is_full else g)
    return found


@contextmanager
def muon_in_full_precision() -> Generator[None]:
    """Torch's Muon without its cast to bfloat16."""
    with patch.object(Tensor, "bfloat16", Tensor.clone):
        yield
