"""Where a network first stopped being finite."""

from collections.abc import Mapping

import torch
from jaxtyping import Shaped
from torch import Tensor

from grokscope.models import Model, Parameters


def first_bad_tensor(
    model: Model,
    params: Parameters,
    inputs: Shaped[Tensor, "model row slot"],
    gradients: Mapping[str, Tensor],
) -> str:
    """Name the first non-finite tensor: a weight, else an activation, else the loss or a gradient.

    Masked attention scores are −inf by design and do not count.
    """
    for name, value in params.items():
        if not torch.isfinite(value).all():
            return name
    bad: list[str] = []

    def look(name: str, value: Tensor) -> None:
        is_score = name.startswith("attn_scores")
        masked = value == -torch.inf if is_score else torch.zeros_like(value).bool()
        if not (torch.isfinite(value) | masked).all():
            bad.append(name)

    with torch.no_grad():
        model.forward(params, inputs, look)
    gradient_names = (f"gradient of {n}" for n, g in gradients.items() if not g.isfinite().all())
    return bad[0] if bad else next(gradient_names, "loss")
