"""All pathway measures of one group of samples at one step.

Which numbers stand side by side matters more than each: the raw distance beside the length that it
follows, the published consistency beside the plain cosine that it is made of, weights of samples
beside those of their mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from grokscope.core.errors import UsageError
from grokscope.llm.balance import load_of, routing_entropy, saturation
from grokscope.llm.consistency import (
    centred,
    gain_folded,
    mean_cos,
    neighbour_cosines,
    path_consistency,
    path_inconsistency,
)
from grokscope.llm.edit_distance import layer_distances, pair_distances
from grokscope.llm.pairs import Pairs
from grokscope.llm.pathway import THRESHOLD, kept, length
from grokscope.llm.pathways import Weights
from grokscope.llm.per_layer import seen
from grokscope.llm.reading import float_mean
from grokscope.llm.router import Router
from grokscope.llm.sharing import effective_dimension, mean_cosine, mean_overlap, weighted_jaccard

RIDGE = 1.0
"""λ of the effective dimension: that of a lone sample with a single expert."""
DEFAULT_TOP_K = 8

Scalars = dict[str, float]
Layers = dict[str, Float[np.ndarray, " layer"]]


@dataclass(frozen=True, kw_only=True)
class Experts:
    """What is known of the experts beside their weights.

    Attributes:
        rows: expert embeddings; None where the routers have none.
        gain: of the norms in front of the routers; None where they are not known.
        top_k: experts of a token, for saturation.
    """

    rows: Float[np.ndarray, "layer expert d_model"] | None
    gain: Float[np.ndarray, "layer d_model"] | None
    top_k: int


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Numbers of a group, and numbers by layer (`DICTIONARY` says what they are)."""

    scalars: Scalars
    layers: Layers


def experts_of(routers: Sequence[Router]) -> Experts:
    """Embeddings and gains of the experts, as they are now; where routers have none, None."""
    try:
        rows = torch.stack([router.rows() for router in routers]).cpu().numpy()
    except (UsageError, RuntimeError):  # no matrix, or one that is sharded over processes
        return Experts(rows=None, gain=None, top_k=_top_k(routers))
    gains = [router.gain() for router in routers]
    gain = None
    if all(one is not None for one in gains):
        gain = np.stack([one.cpu().numpy() for one in gains if one is not None])
    return Experts(rows=rows, gain=gain, top_k=_top_k(routers))


def _top_k(routers: Sequence[Router]) -> int:
    return min(routers[0].top_k or DEFAULT_TOP_K, routers[0].experts)


def panel_of(
    weights: Weights,
    pairs: Pairs,
    experts: Experts,
    *,
    before: Weights | None = None,
    threshold: float = THRESHOLD,
) -> Panel:
    """The measures of a group.

    Args:
        weights: its routing weights.
        pairs: the pairs of its samples that are compared, the same at every step.
        experts: their embeddings.
        before: its weights at the measurement before.
        threshold: of the experts that are kept.
    """
    scalars, layers = _distances(weights, pairs, threshold)
    for more in (_sharing(weights, pairs), _balance(weights, threshold)):
        scalars |= more[0]
        layers |= more[1]
    if experts.rows is not None:
        scalars |= _smoothness(weights, experts)
    if before is not None:
        same = saturation(before, weights, experts.top_k)
        scalars |= {"saturation": same.mean, "change": _change(before, weights)}
        layers["saturation"] = same.values
    return Panel(scalars=scalars, layers=layers)


def _distances(weights: Weights, pairs: Pairs, threshold: float) -> tuple[Scalars, Layers]:
    tokens = pair_distances(weights, pairs, threshold)
    published = pair_distances(weights, pairs, threshold, "published")
    by_layer = layer_distances(weights, pairs, threshold)
    lengths = length(weights, threshold)
    scalars = {
        "distance": float_mean(tokens.raw),
        "distance_normalized": float_mean(tokens.normalized),
        "distance_published": float_mean(published.raw),
        "path_length": float_mean(lengths.sum(0)),
    }
    layers = {
        "distance": _row_means(by_layer.raw),
        "distance_normalized": _row_means(by_layer.normalized),
        "path_length": _row_means(lengths),
    }
    return scalars, layers


def _sharing(weights: Weights, pairs: Pairs) -> tuple[Scalars, Layers]:
    overlap, cosine = mean_overlap(weights), mean_cosine(weights)
    scalars = {
        "overlap": overlap.mean,
        "cosine": cosine.mean,
        "jaccard": float_mean(weighted_jaccard(weights, pairs)),
        "effective_dimension": effective_dimension(weights, RIDGE),
    }
    return scalars, {"overlap": overlap.values, "cosine": cosine.values}


def _balance(weights: Weights, threshold: float) -> tuple[Scalars, Layers]:
    entropy, load = routing_entropy(weights), load_of(weights, kept(weights, threshold))
    dead = load.dead().sum(1).astype(np.float64)
    scalars = {
        "entropy": entropy.of_samples.mean,
        "entropy_of_mean": entropy.of_mean.mean,
        "load_variation": float(load.variation.mean()),
        "max_violation": float(load.max_violation.max()),
        "dead_experts": float(dead.sum()),
    }
    layers = {
        "entropy": entropy.of_samples.values,
        "entropy_of_mean": entropy.of_mean.values,
        "load_variation": load.variation,
        "dead_experts": dead,
    }
    return scalars, layers


def _smoothness(weights: Weights, experts: Experts) -> Scalars:
    """Published and plain, with rows as they are, centred, and with the gain folded in."""
    assert experts.rows is not None
    plain = neighbour_cosines(weights, experts.rows)
    return {
        "path_inconsistency": float_mean(path_inconsistency(plain)),
        "path_consistency": float_mean(path_consistency(plain)),
        "mean_cos": float_mean(mean_cos(plain)),
        "mean_cos_centred": float_mean(mean_cos(neighbour_cosines(weights, centred(experts.rows)))),
        "mean_cos_folded": float_mean(
            mean_cos(neighbour_cosines(weights, gain_folded(experts.rows, experts.gain)))
        ),
    }


def _change(before: Weights, weights: Weights) -> float:
    """Half of the absolute change of a sample's weights in a layer: the share that moved."""
    both = seen(before) & seen(weights)
    if not both.any():
        return float("nan")
    return float(np.abs(weights[:, both] - before[:, both]).sum(-1).mean() / 2)


def _row_means(values: Float[np.ndarray, "layer _"]) -> Float[np.ndarray, " layer"]:
    return np.array([float_mean(row) for row in values])
