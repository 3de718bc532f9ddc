"""Expert embeddings: the rows of a router's weight, and the gain in front of it.

The pathway consistency of arXiv 2506.21551 takes the row of the router's weight that belongs to an
expert as the expert's embedding. The router reads hidden states that a norm has scaled with a gain
of its own, by layer; the row times the gain is what the expert looks for in the stream that the
layers share.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

_WEIGHTS = (
    "weight",
    "layer.weight",
    "proj.weight",
    "classifier.weight",
    "wg.weight",
    "gate.weight",
)
_NORMS = ("pre_ff_layernorm", "ffn_norm", "ff_layer_norm", "pre_feedforward_layernorm")
_NORM_BEHIND_ATTENTION = "post_attention_layernorm"


def router_weight(module: nn.Module) -> Tensor | None:
    """The matrix (expert, d_model) that makes a router's logits, if it has one by a known name."""
    for path in _WEIGHTS:
        found: Any = module
        for name in path.split("."):
            found = getattr(found, name, None)
        if isinstance(found, Tensor) and found.dim() == 2:
            return found
    return None


def norm_before(router: nn.Module, around: list[nn.Module]) -> nn.Module | None:
    """The norm that a router reads through, by its name; None where that is not sure.

    Args:
        router: the module.
        around: the modules it is in, innermost first.
    """
    if isinstance(getattr(router, "norm", None), nn.Module):
        return None  # it has its own, and reads the stream itself
    for layer in around:
        name = _name_of_norm(layer)
        if name is not None:
            return getattr(layer, name)
    return None


def _name_of_norm(layer: nn.Module) -> str | None:
    children = {name for name, _ in layer.named_children()}
    for name in _NORMS:
        if name in children:
            return name
    # behind attention and before the experts only where attention has a norm in front of it too;
    # otherwise (FlexOlmo) it scales what attention adds
    if {"input_layernorm", _NORM_BEHIND_ATTENTION} <= children:
        return _NORM_BEHIND_ATTENTION
    if children - {"dropout"} == {"layer_norm", "mlp"}:  # the T5 family's feed-forward part
        return "layer_norm"
    return None


def gain_of(norm: nn.Module, d_model: int) -> Float[Tensor, " d_model"]:
    """By what a norm multiplies each coordinate of a normalised vector.

    It is measured, since a weight w means w in some families and 1 + w in others. The vector used
    has mean 0 and mean square 1, so that nothing else happens to it.
    """
    weight = next(norm.parameters())
    signs = torch.ones(d_model, dtype=weight.dtype, device=weight.device)
    signs[1::2] = -1
    with torch.no_grad():
        return (norm.forward(signs) - norm.forward(-signs)).float() / 2 * signs.float()
