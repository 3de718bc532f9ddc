"""Fourier spectra of a network's weights, and how few frequencies they use (arXiv 2301.05217)."""

import torch
from jaxtyping import Float
from torch import Tensor

from grokscope.algebra.cyclic import CyclicStructure
from grokscope.algebra.fourier import fourier_basis, frequency_rows, n_frequencies


def gini(values: Float[Tensor, "... entry"]) -> Float[Tensor, "..."]:
    """Gini coefficient of nonnegative numbers: 0 when equal, (n-1)/n when all but one are 0.

    With the n values sorted, it is the sum of (2i - n - 1) x_i over n times the sum of x_i, for
    i = 1 … n. NaN when every value is 0.
    """
    n = values.shape[-1]
    weights = 2 * torch.arange(1, n + 1, device=values.device) - n - 1
    ordered = values.sort(dim=-1).values
    return (ordered * weights).sum(-1) / (n * ordered.sum(-1))


def embedding_gini(
    embeddings: Float[Tensor, "model slot d_vocab d_model"], structure: CyclicStructure
) -> Float[Tensor, " model"]:
    """Gini coefficient of the norms of W_E along the Fourier basis, averaged over the slots.

    The norms are those of all n basis rows, the constant included; tokens outside the group are
    left out.
    """
    return gini(_embedding_norms(embeddings, structure)).mean(1)


def embedding_spectrum(
    embeddings: Float[Tensor, "model slot d_vocab d_model"], structure: CyclicStructure
) -> Float[Tensor, "model frequency"]:
    """Norm of W_E at each frequency 1 … n//2, cosine and sine together, averaged over the slots."""
    energy = _embedding_norms(embeddings, structure).square()
    n = structure.order
    blocks = [energy[..., frequency_rows(k, n)].sum(-1) for k in range(1, n_frequencies(n) + 1)]
    return torch.stack(blocks, -1).sqrt().mean(1)


def logit_map_gini(
    neuron_to_logit: Float[Tensor, "model neuron n_outputs"], structure: CyclicStructure
) -> Float[Tensor, " model"]:
    """Gini coefficient of the norms of W_L, the neuron-to-logit map, along the Fourier basis.

    The transform runs over the classes in the group's coordinates, the norm over the neurons; all
    n basis rows count, the constant included.
    """
    by_coordinate = neuron_to_logit[:, :, structure.answers().to(neuron_to_logit.device)]
    basis = fourier_basis(structure.order).to(by_coordinate)
    return gini((by_coordinate @ basis.T).norm(dim=1))


def coordinate_embeddings(
    embeddings: Float[Tensor, "model slot d_vocab d_model"], structure: CyclicStructure
) -> Float[Tensor, "model slot order d_model"]:
    """Embeddings in the order of the group's coordinates; tokens outside it are left out."""
    slots = range(structure.n_slots)
    return torch.stack([embeddings[:, i, structure.operands(i)] for i in slots], 1)


def _embedding_norms(
    embeddings: Float[Tensor, "model slot d_vocab d_model"], structure: CyclicStructure
) -> Float[Tensor, "model slot order"]:
    tables = coordinate_embeddings(embeddings, structure)
    return (fourier_basis(structure.order).to(tables) @ tables).norm(dim=-1)
