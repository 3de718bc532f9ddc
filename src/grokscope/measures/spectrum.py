"""Fourier spectra of a network's weights, and how few frequencies they use (arXiv 2301.05217)."""

import torch
from jaxtyping import Float
from torch import Tensor

from grokscope.algebra.cyclic import CyclicStructure
from grokscope.algebra.fourier import basis_on, by_frequency


def gini(values: Float[Tensor, "... entry"]) -> Float[Tensor, "..."]:
    """Gini coefficient of nonnegative numbers: 0 when equal, (n-1)/n when all but one are 0.

    With the n values sorted, it is the sum of (2i - n - 1) x_i over n times the sum of x_i, for
    i = 1 … n. NaN when every value is 0.
    """
    n = values.shape[-1]
    weights = torch.arange(1 - n, n, 2, device=values.device)
    ordered = values.sort(dim=-1).values
    return (ordered * weights).sum(-1) / (n * ordered.sum(-1))


def embedding_gini(norms: Float[Tensor, "model slot order"]) -> Float[Tensor, " model"]:
    """Gini coefficient of the norms of W_E along the Fourier basis, averaged over the slots.

    Args:
        norms: those of all n basis rows, see `embedding_norms`.
    """
    return gini(norms).mean(1)


def embedding_spectrum(
    norms: Float[Tensor, "model slot order"],
) -> Float[Tensor, "model frequency"]:
    """Norm of W_E at each frequency 1 … n//2, cosine and sine together, averaged over the slots.

    Args:
        norms: those of all n basis rows, see `embedding_norms`.
    """
    return by_frequency(norms.square()).sqrt().mean(1)


def embedding_norms(
    embeddings: Float[Tensor, "model slot d_vocab d_model"], structure: CyclicStructure
) -> Float[Tensor, "model slot order"]:
    """Norm of W_E along each row of the Fourier basis, the constant included, for each slot.

    Tokens outside the group are left out.
    """
    tables = coordinate_embeddings(embeddings, structure)
    return (basis_on(structure.order, tables.dtype, tables.device) @ tables).norm(dim=-1)


def logit_map_gini(
    neuron_to_logit: Float[Tensor, "model neuron n_outputs"], structure: CyclicStructure
) -> Float[Tensor, " model"]:
    """Gini coefficient of the norms of W_L, the neuron-to-logit map, along the Fourier basis.

    The transform runs over the classes in the group's coordinates, the norm over the neurons; all
    n basis rows count, the constant included.
    """
    answers = structure.on(neuron_to_logit.device).answers
    by_coordinate = neuron_to_logit.index_select(2, answers)
    basis = basis_on(structure.order, by_coordinate.dtype, by_coordinate.device)
    return gini((by_coordinate @ basis.T).norm(dim=1))


def coordinate_embeddings(
    embeddings: Float[Tensor, "model slot d_vocab d_model"], structure: CyclicStructure
) -> Float[Tensor, "model slot order d_model"]:
    """Embeddings in the order of the group's coordinates; tokens outside it are left out."""
    slots = structure.on(embeddings.device).operands
    pairs = zip(embeddings.unbind(1), slots, strict=True)
    return torch.stack([table.index_select(1, tokens) for table, tokens in pairs], 1)
