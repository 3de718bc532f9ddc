"""How smoothly a sample's routing goes from layer to layer (arXiv 2506.21551, §4.2).

An expert's embedding v is its row of the router's weight, and a sample's in a layer is
e_l = Σ_k g_l(k) v_lk over all experts. The published quantity, called pathway consistency, is

    C = 1 − 1/(L−1) Σ_l cos(e_l, e_l+1) / (max_l cos(e_l, e_l+1) + 1e-8).

Three traps:

- Sign. By its formula C is *larger* for more erratic paths, and the text below it says so; the
  name, a caption and a table of the same paper mean the opposite. Here it is `path_inconsistency`,
  and `path_consistency` is 1 − C.
- Scale. The division by the largest cosine makes C a measure of *unevenness* between layers:
  cosines that are all .01 and all .99 give the same 0. Where the largest is near 0 or negative, as
  in a fresh network, C is unstable and has no bounds. `mean_cos` has neither fault.
- Gauge. Adding one vector to all rows of a router shifts all logits alike: routing stays, all
  cosines change. And the router reads what a normalisation with a gain γ gives it, so that its rows
  are worth v γ in units of the stream. `centred` and `gain_folded` rows take out both.

>>> cosines = neighbour_cosines(weights, centred(gain_folded(experts, gain)))  # doctest: +SKIP
>>> path_inconsistency(cosines)  # doctest: +SKIP
"""

import numpy as np
from jaxtyping import Float, Float64

from grokscope.core.errors import SettingError
from grokscope.llm.pathways import Weights

Experts = Float[np.ndarray, "layer expert d_model"]
Cosines = Float64[np.ndarray, "gap sample"]
BySample = Float64[np.ndarray, " sample"]

_PUBLISHED = 1e-8
_NOTHING = 1e-12
"""A sum that is smaller than its terms by this is rounding, and has no direction."""


def centred(experts: Experts) -> Float64[np.ndarray, "layer expert d_model"]:
    """Rows less the mean row of their layer: no vector that is common to all is left in them."""
    own = experts.astype(np.float64)
    return own - own.mean(1, keepdims=True)


def gain_folded(
    experts: Experts, gain: Float[np.ndarray, "layer d_model"] | None
) -> Float64[np.ndarray, "layer expert d_model"]:
    """Rows times the gain of the normalisation before the router; without a gain as they are."""
    own = experts.astype(np.float64)
    return own if gain is None else own * gain[:, None].astype(np.float64)


def neighbour_cosines(weights: Weights, experts: Float[np.ndarray, "_ _ d_model"]) -> Cosines:
    """Cosines between a sample's routing embeddings of each layer and the next; in [−1, 1].

    NaN where the sample was not seen or an embedding is 0 (centred rows under flat routing).

    Raises:
        SettingError: there is not one row for each layer and expert.
    """
    if experts.shape[:2] != weights.shape[::2]:
        raise SettingError("experts", f"of layers and experts {weights.shape[::2]}", experts.shape)
    layers, samples, _ = weights.shape
    found = np.empty((max(layers - 1, 0), samples))
    before = _directions(weights[0], experts[0]) if layers else None
    for layer in range(1, layers):
        after = _directions(weights[layer], experts[layer])
        found[layer - 1] = (before * after).sum(-1)
        before = after
    return np.clip(found, -1, 1)


def path_inconsistency(cosines: Cosines) -> BySample:
    """The published C of each sample: larger means a more uneven path.

    At least 0 where the largest cosine is positive (but for 1e-8), and of any size where it is not;
    NaN where a cosine is, or with fewer than two layers.
    """
    return 1 - path_consistency(cosines)


def path_consistency(cosines: Cosines) -> BySample:
    """1 − C of each sample: mean over the largest of its cosines; at most 1 where that is positive.

    NaN as in `path_inconsistency`.
    """
    if not len(cosines):
        return np.full(cosines.shape[1], np.nan)
    return (cosines / (cosines.max(0) + _PUBLISHED)).mean(0)


def mean_cos(cosines: Cosines) -> BySample:
    """Mean cosine of each sample between neighbouring layers; in [−1, 1], larger is smoother.

    NaN as in `path_inconsistency`.
    """
    return cosines.mean(0) if len(cosines) else np.full(cosines.shape[1], np.nan)


def _directions(
    weights: Float[np.ndarray, "sample expert"], experts: Float[np.ndarray, "expert d_model"]
) -> Float64[np.ndarray, "sample d_model"]:
    """Unit vectors of the routing embeddings; NaN where there is none."""
    own, rows = weights.astype(np.float64), experts.astype(np.float64)
    sums = own @ rows
    norms = np.linalg.norm(sums, axis=-1)
    norms[norms <= _NOTHING * (own @ np.linalg.norm(rows, axis=-1))] = np.nan
    return sums / norms[:, None]
