"""How much of their routing weights samples share, without strings and thresholds.

Mean overlap and cosine have closed forms over all pairs. The kernel here is
H(i, j) = 1/L Σ_l Σ_k w_l(i, k) w_l(j, k): the routing part alone. The kernel of arXiv 2506.21551
(§4.4) is Θ_route(x, x') = Σ_j g_j(x) g_j(x') K_f_j(x, x') of one layer, where K_f_j is the tangent
kernel of expert j; ours is that with every K_f_j equal to 1, averaged over layers. It says which
samples share experts, not what the experts would make of it.

Weighted Jaccard as a similarity of routing: arXiv 2606.22798.
"""

import numpy as np
from jaxtyping import Float, Float64

from grokscope.core.errors import SettingError
from grokscope.llm.pairs import Pairs
from grokscope.llm.pathways import Weights
from grokscope.llm.per_layer import PerLayer, seen_weights

_CELLS = 2_000_000

SeenWeights = Float64[np.ndarray, "layer seen expert"]


def mean_overlap(weights: Weights) -> PerLayer:
    """Mean of w(i)·w(j) over all pairs of samples i ≠ j, in each layer; in [0, 1].

    From 1/experts where all weights are flat, to 1 where every sample has the same single expert.
    It rises with sharpness as well as with sharing; `mean_cosine` does not.
    """
    return PerLayer.over(weights, _mean_product(seen_weights(weights)))


def mean_cosine(weights: Weights) -> PerLayer:
    """Mean of the cosine between w(i) and w(j) over all pairs i ≠ j, in each layer; in [0, 1]."""
    own = seen_weights(weights)
    norms = np.linalg.norm(own, axis=-1, keepdims=True)
    return PerLayer.over(weights, _mean_product(own / norms))


def cross_overlap(first: Weights, second: Float[np.ndarray, "_ _ _"]) -> PerLayer:
    """Mean of w(i)·w(j) with i of one group of samples and j of another, in each layer; in [0, 1].

    The control of `mean_overlap`: what domains share with each other. `samples` and `left_out` are
    those of both groups together.

    Raises:
        SettingError: the groups were not routed by the same layers and experts.
    """
    if first.shape[::2] != second.shape[::2]:
        raise SettingError("second", f"of layers and experts {first.shape[::2]}", second.shape[::2])
    both = seen_weights(first), seen_weights(second)
    values = np.full(len(first), np.nan)
    if all(own.shape[1] for own in both):
        values = (both[0].mean(1) * both[1].mean(1)).sum(-1)
    return PerLayer.over(np.concatenate([first, second], 1), values)


def weighted_jaccard(weights: Weights, pairs: Pairs) -> Float[np.ndarray, " pair"]:
    """Σ min(w(i), w(j)) / Σ max(w(i), w(j)) over layers and experts, for each pair; in [0, 1].

    1 is the same routing, 0 no expert in common; NaN where a sample was not seen. One layer's is
    that of `weights[[layer]]`; the mean with its interval is `pairs.pair_mean`.
    """
    layers, samples, experts = weights.shape
    flat = weights.swapaxes(0, 1).reshape(samples, layers * experts)
    found = np.empty(len(pairs))
    step = max(1, _CELLS // max(flat.shape[1], 1))
    for start in range(0, len(pairs), step):
        first, second = (flat[column] for column in pairs[start : start + step].T)
        shared = np.minimum(first, second).sum(1, dtype=np.float64)
        found[start : start + step] = shared / np.maximum(first, second).sum(1, dtype=np.float64)
    return found


def effective_dimension(weights: Weights, ridge: float) -> float:
    """Tr(H (H + λ)⁻¹) of the routing kernel H over the seen samples; NaN of fewer than two.

    The number of directions in which samples are routed differently by more than λ; in
    [0, min(samples, layers · experts)]. H is a plain Gram matrix, so its eigenvalues grow with the
    number of samples: compare values of the same number of samples only.

    Args:
        weights: routing weights.
        ridge: λ, above 0, in units of H: a lone sample with single experts has H = 1.

    Raises:
        SettingError: λ is not above 0.
    """
    if not ridge > 0:
        raise SettingError("ridge", "above 0", ridge)
    own = seen_weights(weights)
    samples = own.shape[1]
    if samples < 2:
        return float("nan")
    flat = own.swapaxes(0, 1).reshape(samples, -1) / np.sqrt(len(own))
    # both sides have the same eigenvalues but for zeros, which count for nothing
    smaller = flat @ flat.T if samples <= flat.shape[1] else flat.T @ flat
    eigenvalues = np.maximum(np.linalg.eigvalsh(smaller), 0)
    return float((eigenvalues / (eigenvalues + ridge)).sum())


def _mean_product(own: SeenWeights) -> Float64[np.ndarray, " layer"]:
    """(|Σ w|² − Σ |w|²) / (n (n − 1)): all products less those of samples with themselves."""
    samples = own.shape[1]
    if samples < 2:
        return np.full(len(own), np.nan)
    both = (own.sum(1) ** 2).sum(-1) - (own**2).sum((1, 2))
    return both / (samples * (samples - 1))
