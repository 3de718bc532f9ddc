"""Edit distances between the pathways of pairs of samples (arXiv 2506.21551, §4.1).

Levenshtein's distance: the fewest insertions, deletions and substitutions that make one string of
the other. The paper does not normalise it. A raw distance cannot be larger than the longer string
and for unrelated pathways is a fixed share of it, so it falls when routing merely gets sharper and
fewer experts are kept. The normalised distance (over the longer string) and the mean number of
experts kept stand beside it for that reason: sharing shows in the former, sharpening in the latter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from grokscope.core.errors import MissingExtraError
from grokscope.llm.pairs import Pairs
from grokscope.llm.pathway import (
    THRESHOLD,
    layer_strings,
    length,
    published_strings,
    token_strings,
)
from grokscope.llm.pathways import Weights

Form = Literal["tokens", "published"]
Distances = Float[np.ndarray, " pair"]


@dataclass(frozen=True, kw_only=True)
class PairDistances:
    """Distances of a list of pairs; NaN where a sample of the pair was not seen.

    Attributes:
        raw: in characters of the form that was asked for; from 0 to the longer string's length.
        normalized: over the longer string's length, in [0, 1].
        length: experts kept of a layer, mean over layers, samples and both ends of the pairs.
        left_out: how many pairs are NaN.
    """

    raw: Distances
    normalized: Distances
    length: float
    left_out: int


@dataclass(frozen=True, kw_only=True)
class LayerDistances:
    """The same for each layer by itself, in experts.

    Attributes:
        raw: from 0 to the number of experts.
        normalized: over the longer of both, in [0, 1].
        length: experts kept, mean over both ends of the pairs.
        left_out: how many pairs are NaN.
    """

    raw: Float[np.ndarray, "layer pair"]
    normalized: Float[np.ndarray, "layer pair"]
    length: Float[np.ndarray, " layer"]
    left_out: int


def pair_distances(
    weights: Weights, pairs: Pairs, threshold: float = THRESHOLD, form: Form = "tokens"
) -> PairDistances:
    """Distances between whole pathways; their mean with its interval is `pairs.pair_mean`.

    Args:
        weights: routing weights.
        pairs: the two samples of each.
        threshold: of the experts that are kept, see `pathway.kept`.
        form: `tokens` has one character for each (layer, expert); `published` is the paper's
            string of digits, commas and dashes, whose distance depends on the experts' names.

    Raises:
        SettingError: the threshold is out of range.
        MissingExtraError: rapidfuzz is not installed.
    """
    strings = {"tokens": token_strings, "published": published_strings}[form](weights, threshold)
    raw, normalized = _distances(strings, pairs)
    return PairDistances(
        raw=raw,
        normalized=normalized,
        length=float(_mean_length(weights, pairs, threshold).mean()),
        left_out=int(np.isnan(raw).sum()),
    )


def layer_distances(weights: Weights, pairs: Pairs, threshold: float = THRESHOLD) -> LayerDistances:
    """Distances between the experts kept in one layer, for every layer.

    Their sum over layers is at least the distance between whole pathways in token form, which may
    shift a place from one layer to the next. Arguments and errors as in `pair_distances`.
    """
    shape = len(weights), len(pairs)
    raw, normalized = np.empty(shape), np.empty(shape)
    for layer, strings in enumerate(layer_strings(weights, threshold)):
        raw[layer], normalized[layer] = _distances(strings, pairs)
    return LayerDistances(
        raw=raw,
        normalized=normalized,
        length=_mean_length(weights, pairs, threshold),
        left_out=int(np.isnan(raw[0]).sum()) if len(raw) else 0,
    )


def _distances(strings: Sequence[str], pairs: Pairs) -> tuple[Distances, Distances]:
    """Raw and over the longer string; no kept expert at all means that a sample was not seen."""
    try:
        from rapidfuzz import process
        from rapidfuzz.distance import Levenshtein
    except ImportError as error:
        raise MissingExtraError("rapidfuzz", "llm") from error
    first, second = ([strings[i] for i in column] for column in pairs.T.tolist())
    found = process.cpdist(first, second, scorer=Levenshtein.distance, dtype=np.int64)
    lengths = np.array([len(string) for string in strings], dtype=np.float64)
    ends = lengths[pairs]
    raw = np.where((ends > 0).all(1), found.astype(np.float64), np.nan)
    return raw, raw / np.maximum(ends.max(1), 1)


def _mean_length(weights: Weights, pairs: Pairs, threshold: float) -> Float[np.ndarray, " layer"]:
    ends = length(weights, threshold)[:, pairs]
    known = np.isfinite(ends).all((0, 2))
    if not known.any():
        return np.full(len(weights), np.nan)
    return ends[:, known].mean((1, 2))
