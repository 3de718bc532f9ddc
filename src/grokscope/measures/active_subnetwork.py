"""The few neurons that do a network's work (arXiv 2303.11873)."""

import torch
from jaxtyping import Bool, Float, Int, Int64
from torch import Tensor


def active_subnetwork(
    neurons: Float[Tensor, "model row neuron"],
    to_logits: Float[Tensor, "model neuron n_outputs"],
    rest: Float[Tensor, "model row n_outputs"],
    rows: Bool[Tensor, "model row"],
) -> Bool[Tensor, "model neuron"]:
    """Which neurons suffice to give a network's own answers on some rows.

    Neurons are ranked by the size of what they add to the logits, ‖activation‖ · ‖weights out‖
    (both over the chosen rows and outputs, the weights centred over the outputs). Of the leading
    ones as few are taken as give every row the network's answer, the others being silenced; then,
    from the smallest on and until none can, each is left out if the answers stay. The set is
    minimal (no neuron of it can be spared), which does not mean that there is none smaller.

    The answer is the largest logit, or its sign where there is one output.

    Range of the number of neurons: [0, width]. Source: arXiv 2303.11873, which ranks by norm.

    Args:
        neurons: activations of a layer that the logits are linear in.
        to_logits: the linear map.
        rest: logits without these neurons.
        rows: those on which the answers must stay.
    """
    parts = zip(neurons, to_logits, rest, rows, strict=True)
    return torch.stack([_active(n[r], w, b[r]) for n, w, b, r in parts])


def subnetwork_size(active: Bool[Tensor, "model neuron"]) -> Int64[Tensor, " model"]:
    """Number of neurons in each network's active subnetwork."""
    return active.sum(1)


def _active(
    neurons: Float[Tensor, "row neuron"],
    to_logits: Float[Tensor, "neuron n_outputs"],
    rest: Float[Tensor, "row n_outputs"],
) -> Bool[Tensor, " neuron"]:
    neurons, to_logits, rest = neurons.double(), to_logits.double(), rest.double()
    wanted = _answers(rest + neurons @ to_logits)
    order = _by_size(neurons, to_logits)
    active = torch.zeros(neurons.shape[1], dtype=torch.bool)
    logits = rest.clone()
    for i in order.tolist():
        if torch.equal(_answers(logits), wanted):
            break
        active[i] = True
        logits += neurons[:, i : i + 1] * to_logits[i]
    before = -1
    # what could not be spared may be spared once others are gone
    while before != (before := int(active.sum())):
        for i in order.flip(0)[active[order.flip(0)]].tolist():
            without = logits - neurons[:, i : i + 1] * to_logits[i]
            if torch.equal(_answers(without), wanted):
                active[i], logits = False, without
    return active


def _by_size(
    neurons: Float[Tensor, "row neuron"], to_logits: Float[Tensor, "neuron n_outputs"]
) -> Int[Tensor, " neuron"]:
    many = to_logits.shape[1] > 1
    weights = to_logits - to_logits.mean(1, keepdim=True) if many else to_logits
    return (neurons.norm(dim=0) * weights.norm(dim=1)).argsort(descending=True, stable=True)


def _answers(logits: Float[Tensor, "row n_outputs"]) -> Int[Tensor, " row"]:
    return logits.argmax(1) if logits.shape[1] > 1 else (logits[:, 0] > 0).long()
