"""How many directions an embedding uses."""

import torch
from jaxtyping import Float, Float64
from torch import Tensor


def effective_rank(
    tables: Float[Tensor, "model slot token d_model"],
) -> Float64[Tensor, " model"]:
    """Effective rank of the embeddings, averaged over the operands.

    Formula: exp(−Σ p_i ln p_i) with p_i = σ_i/Σ_j σ_j, the singular values (not their squares) of
    the tokens' embeddings, centred over the tokens.

    Unit: directions. Range: [1, min(tokens − 1, d_model)]. Source: Roy & Vetterli, "The effective
    rank", EUSIPCO 2007. NaN where all embeddings are equal.
    """
    centred = tables.double()
    centred = centred - centred.mean(2, keepdim=True)
    values = torch.linalg.svdvals(centred)
    shares = values / values.sum(2, keepdim=True)
    return torch.special.entr(shares).sum(2).exp().mean(1)
