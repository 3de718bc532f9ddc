"""Sizes of weights and logits."""

import math
from collections.abc import Collection, Mapping

import torch
from jaxtyping import Float, Float64
from torch import Tensor


def weight_norm(
    params: Mapping[str, Float[Tensor, "model ..."]], names: Collection[str] | None = None
) -> Float64[Tensor, " model"]:
    """Euclidean norm of all parameters of each network together.

    Args:
        params: parameters by name, each with a leading model axis.
        names: those to count; all of them where None.
    """
    chosen = [params[name] for name in (params if names is None else names)]
    norms = [torch.linalg.vector_norm(p.flatten(1), dim=1, dtype=torch.float64) for p in chosen]
    return torch.linalg.vector_norm(torch.stack(norms), dim=0)


def logit_scale(logits: Float[Tensor, "model row n_outputs"]) -> Float64[Tensor, " model"]:
    """Root mean square of the logits, centred over the outputs of each row, over all rows.

    Adding a number to all logits of a row changes no probability, and does not change this.
    """
    centred = logits - logits.mean(2, keepdim=True)
    # several times faster than torch's variance along short rows
    length = torch.linalg.vector_norm(centred, dim=(1, 2), dtype=torch.float64)
    return length / math.sqrt(logits[0].numel())
