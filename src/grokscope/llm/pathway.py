"""Which experts a sample's pathway consists of, and the pathway as a string.

In every layer the experts are ranked by weight, and the shortest prefix is kept whose weights sum
to more than the threshold (arXiv 2506.21551, §4.1). The paper writes their numbers down in that
order, '3,1,5-2-9,1': digits of names. That string changes when experts are renamed (3 becomes 33),
and a distance between strings may align the 5 of one layer with that of another. The token form has
one character for each (layer, expert) instead, and no names.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from grokscope.core.errors import SettingError
from grokscope.llm.pathways import Weights
from grokscope.llm.per_layer import seen

THRESHOLD = 0.7
"""Of the paper, which also tries 0.5, 0.6 and 0.8."""
_FIRST = 1
"""The first code point of tokens. rapidfuzz has a table for those below 256, which is faster."""
_SURROGATES = 0xD800, 0x800
_CODE_POINTS = 0x110000

Kept = Bool[np.ndarray, "layer sample expert"]


def kept(weights: Weights, threshold: float = THRESHOLD) -> Kept:
    """Which experts are kept; none of a sample that was not seen.

    Args:
        weights: routing weights; rows sum to 1.
        threshold: at least 0 and below 1; what is kept weighs more than this. Where weights sum
            to the threshold itself, rounding decides.

    Raises:
        SettingError: the threshold is out of range.
    """
    order, ranks = _ranked(weights, threshold)
    found = np.empty(weights.shape, dtype=bool)
    np.put_along_axis(found, order, ranks, -1)
    return found


def length(weights: Weights, threshold: float = THRESHOLD) -> Float[np.ndarray, "layer sample"]:
    """Experts kept, in [1, experts]; NaN where the sample was not seen. Errors as in `kept`.

    A raw edit distance follows it: sharper routing means fewer experts and shorter strings, whether
    or not samples share more of them.
    """
    counts = _ranked(weights, threshold)[1].sum(-1).astype(np.float64)
    counts[:, ~seen(weights)] = np.nan
    return counts


def token_strings(weights: Weights, threshold: float = THRESHOLD) -> list[str]:
    """Each sample's pathway with one character for each kept (layer, expert), in order of layers.

    Experts that change names within a layer change characters one to one, so an edit distance
    between two such strings does not change. Empty for a sample that was not seen.

    Raises:
        SettingError: the threshold is out of range, or there are more pairs of layer and expert
            than characters (about 1.1 million).
    """
    layers, _, experts = weights.shape
    room = _CODE_POINTS - _FIRST - _SURROGATES[1]
    if layers * experts > room:
        raise SettingError("weights", f"of at most {room} layers × experts", layers * experts)
    codes = _FIRST + np.arange(layers * experts)
    codes[codes >= _SURROGATES[0]] += _SURROGATES[1]
    order, ranks = _ranked(weights, threshold)
    named = codes.reshape(layers, experts)[np.arange(layers)[:, None, None], order]
    return _joined(named, ranks)


def layer_strings(weights: Weights, threshold: float = THRESHOLD) -> list[list[str]]:
    """For each layer each sample's kept experts, one character each; errors as in `kept`."""
    order, ranks = _ranked(weights, threshold)
    return [
        _joined(order[layer : layer + 1] + 1, ranks[layer : layer + 1])
        for layer in range(len(weights))
    ]


def published_strings(weights: Weights, threshold: float = THRESHOLD) -> list[str]:
    """Each sample's pathway as the paper writes it: commas within a layer, '-' between layers.

    Empty for a sample that was not seen. Errors as in `kept`.
    """
    order, ranks = _ranked(weights, threshold)
    names = [str(expert) for expert in range(weights.shape[-1])]
    counts = ranks.sum(-1)
    return [
        "-".join(_names(names, order[:, sample], counts[:, sample])) if is_seen else ""
        for sample, is_seen in enumerate(seen(weights).tolist())
    ]


def _ranked(
    weights: Weights, threshold: float
) -> tuple[Int[np.ndarray, "layer sample rank"], Kept]:
    """Experts by falling weight, equal ones by number, and whether each rank is kept."""
    if not 0 <= threshold < 1:
        raise SettingError("threshold", "at least 0 and below 1", threshold)
    order = np.argsort(-weights, axis=-1, kind="stable")
    sums = np.take_along_axis(weights, order, -1).cumsum(-1, dtype=np.float64)
    # a rank is kept while what is before it does not yet exceed the threshold
    ranks = np.ones(weights.shape, dtype=bool)
    ranks[..., 1:] = sums[..., :-1] <= threshold
    ranks[:, ~seen(weights)] = False
    return order, ranks


def _joined(codes: Int[np.ndarray, "layer sample rank"], ranks: Kept) -> list[str]:
    """The characters of each sample's kept ranks, layer after layer."""
    by_sample = codes.astype("<u4").swapaxes(0, 1)
    kept_ranks = ranks.swapaxes(0, 1)
    characters = by_sample[kept_ranks].tobytes().decode("utf-32-le")
    ends = kept_ranks.sum((1, 2)).cumsum().tolist()
    return [characters[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _names(
    names: Sequence[str], order: Int[np.ndarray, "layer rank"], counts: Int[np.ndarray, " layer"]
) -> list[str]:
    return [
        ",".join(names[int(expert)] for expert in own[: int(count)])
        for own, count in zip(order, counts, strict=True)
    ]
