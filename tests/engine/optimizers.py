"""Optimizers to be tested, and their steps along given gradients."""

from dataclasses import replace

import torch

from grokscope.engine import SGD, AdamW, Muon, Optimizer
from grokscope.engine.state import Shapes
from grokscope.engine.update import Update

_EVERYTHING = Muon(
    decay="to_init",
    warmup_steps=3,
    l1=0.1,
    orthogonal=True,
    grokfast="ema",
    grokfast_alpha=0.7,
    grokfast_lamb=0.5,
    fixed_norm=0.9,
    frozen="W_E",
    undecayed="W_U",
    lr_factors="W_in=0.5",
)
VARIANTS: dict[str, Optimizer] = {
    "adamw": AdamW(warmup_steps=3),
    "adam, l2": AdamW(decay="l2", beta1=0.8),
    "adamw, to init": AdamW(decay="to_init", warmup_steps=0, lr=0.03),
    "adamw, orthogonal": AdamW(orthogonal=True, beta2=0.9, eps=1e-4),
    "adamw, ema": AdamW(grokfast="ema", grokfast_alpha=0.9),
    "adamw, window": AdamW(grokfast="ma", grokfast_window=4, grokfast_lamb=5.0),
    "adamw, fixed norm": AdamW(fixed_norm=0.8, weight_decay=0.0, frozen="W_U"),
    "adamw, by parameter": AdamW(frozen="W_in", lr_factors="W_U=0.3 W_E=10", undecayed="W_E"),
    "adamw, gradient noise": AdamW(gradient_noise=0.1),
    "adamw, weight noise": AdamW(weight_noise=0.01),
    "sgd": SGD(lr=0.01, weight_decay=0.1),
    "sgd, nesterov": SGD(lr=0.01, nesterov=True, decay="decoupled", weight_decay=0.3),
    "sgd, l1": SGD(lr=0.01, momentum=0.0, l1=0.2, undecayed="W_U", frozen="W_E"),
    "muon": Muon(),
    "muon, l2": Muon(decay="l2", weight_decay=0.2, warmup_steps=4),
    "muon, everything": _EVERYTHING,
    "muon, all noise": replace(
        _EVERYTHING, gradient_noise=0.1, weight_noise=0.01, grokfast="ma", grokfast_window=3
    ),
}


def of_three(own: Optimizer) -> list[Optimizer]:
    """Three networks whose settings differ wherever they may."""
    return [
        own,
        replace(own, lr=own.lr * 2, weight_decay=0.7, l1=own.l1 * 2, warmup_steps=5),
        replace(own, lr=own.lr / 2, grokfast_lamb=0.3, frozen="", lr_factors="W_U=2"),
    ]


def follow_all(
    settings: list[Optimizer], shapes: Shapes, start: torch.Tensor, slopes: torch.Tensor
) -> torch.Tensor:
    """Weights of a stack after a step along each of some gradients."""
    update = Update(settings, shapes)
    state = update.begin(start.clone(), settings)
    own = update.own(settings, [0] * len(settings), start)
    upcoming = update.coefficients(settings, [0] * len(settings), len(slopes)).to(start)
    for now, slope in zip(upcoming, slopes, strict=True):
        update.move(state, slope.clone(), now, own)
    return state["theta"]
