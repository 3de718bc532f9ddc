"""How the experts share the work: entropy, load, dead experts, and when choices settle.

All are of samples' mean weights, not of single tokens, so that they are comparable with the
pathways that they stand beside. Largest violation: arXiv 2408.15664; saturation: arXiv 2409.02060,
where it is of tokens' top-k choices.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64

from grokscope.core.errors import SettingError
from grokscope.llm.pathway import Kept
from grokscope.llm.pathways import Weights
from grokscope.llm.per_layer import PerLayer, seen, seen_weights

DEAD = 0.1
"""An expert with less than this share of its fair load counts as dead."""


@dataclass(frozen=True, kw_only=True)
class Entropy:
    """Entropies of routing in nats, in [0, ln(experts)].

    Attributes:
        of_samples: of each sample's weights, mean over samples: low where routing is sharp.
        of_mean: of the weights' mean over samples: low where load is uneven. At least `of_samples`;
            the difference is what a sample and its experts say about each other.
    """

    of_samples: PerLayer
    of_mean: PerLayer


@dataclass(frozen=True, kw_only=True)
class Load:
    """How the load is shared.

    Attributes:
        share: of each expert; sums to 1 over a layer, NaN where nothing was seen.
        samples: that were seen and counted.
        left_out: samples that were not.
    """

    share: Float64[np.ndarray, "layer expert"]
    samples: int
    left_out: int

    @property
    def variation(self) -> Float64[np.ndarray, " layer"]:
        """Coefficient of variation over experts; from 0 to √(experts − 1)."""
        return self.share.std(1) * self.share.shape[1]

    @property
    def max_violation(self) -> Float64[np.ndarray, " layer"]:
        """Largest load over the fair one, less 1; from 0 to experts − 1."""
        return self.share.max(1) * self.share.shape[1] - 1

    def dead(self, fraction: float = DEAD) -> Bool[np.ndarray, "layer expert"]:
        """Which experts have less than `fraction` of the fair load, 1/experts."""
        return self.share < fraction / self.share.shape[1]


def routing_entropy(weights: Weights) -> Entropy:
    """−Σ w ln w of samples and of their mean, in each layer; NaN where no sample was seen."""
    own = seen_weights(weights)
    if not own.shape[1]:
        nothing = PerLayer.over(weights, np.full(len(own), np.nan))
        return Entropy(of_samples=nothing, of_mean=nothing)
    return Entropy(
        of_samples=PerLayer.over(weights, _entropy(own).mean(1)),
        of_mean=PerLayer.over(weights, _entropy(own.mean(1))),
    )


def load_of(weights: Weights, kept: Kept | None = None) -> Load:
    """Each expert's share of the total weight, or of all kept places.

    Args:
        weights: routing weights.
        kept: which experts a pathway consists of, from `pathway.kept`; without it, by weight.
    """
    is_seen = seen(weights)
    parts = weights if kept is None else kept
    total = parts[:, is_seen].astype(np.float64).sum(1)
    samples = int(is_seen.sum())
    share = total / total.sum(1, keepdims=True) if samples else np.full(total.shape, np.nan)
    return Load(share=share, samples=samples, left_out=len(is_seen) - samples)


def saturation(earlier: Weights, later: Float[np.ndarray, "_ _ _"], top_k: int) -> PerLayer:
    """Share of a sample's top-k experts that are the same in two snapshots, in [0, 1], by layer.

    Unrelated snapshots share k/experts of them. Samples count that both have seen. Equal weights
    are ranked by the expert's number.

    Raises:
        SettingError: the snapshots differ in shape, or k is not between 1 and the experts.
    """
    if earlier.shape != later.shape:
        raise SettingError("later", f"of shape {earlier.shape}, as the earlier one", later.shape)
    experts = earlier.shape[-1]
    if not 1 <= top_k <= experts:
        raise SettingError("top_k", f"between 1 and {experts}", top_k)
    both = _top(earlier, top_k) & _top(later, top_k)
    is_seen = seen(earlier) & seen(later)
    samples = int(is_seen.sum())
    values = np.full(len(earlier), np.nan)
    if samples:
        values = both[:, is_seen].sum(-1).mean(1) / top_k
    return PerLayer(values=values, samples=samples, left_out=len(is_seen) - samples)


def _entropy(shares: Float[np.ndarray, "*rows expert"]) -> Float64[np.ndarray, "*rows"]:
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return -(shares * logs).sum(-1)


def _top(weights: Weights, top_k: int) -> Kept:
    order = np.argsort(-weights, axis=-1, kind="stable")[..., :top_k]
    found = np.zeros(weights.shape, dtype=bool)
    np.put_along_axis(found, order, values=True, axis=-1)
    return found
