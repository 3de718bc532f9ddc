"""Pairs of samples that are compared at every checkpoint, and means over them.

All pairs of a probe set are too many for an edit distance. A fixed list makes checkpoints
comparable pair by pair: the change of a mean is the mean of changes.
"""

import numpy as np
from jaxtyping import Float, Int

from grokscope.core.errors import SettingError
from grokscope.core.seeds import stream_seed
from grokscope.statistics.bootstrap import Counts, Values, bootstrap
from grokscope.statistics.interval import Interval

Pairs = Int[np.ndarray, "pair 2"]
_CELLS = 2_000_000


def sampled_pairs(samples: int, count: int, seed: int) -> Pairs:
    """Different unordered pairs (i, j) with i < j, rising; all of them where `count` asks for more.

    Every pair is equally likely, and the list is the same for the same arguments.

    Raises:
        SettingError: a number is below 0.
    """
    for name, value in (("samples", samples), ("count", count)):
        if value < 0:
            raise SettingError(name, "at least 0", value)
    total = samples * (samples - 1) // 2
    stream = np.random.default_rng(stream_seed(seed, "pairs of samples"))
    chosen = (
        np.arange(total)
        if count >= total
        else np.sort(stream.choice(total, count, replace=False, shuffle=False))
    )
    starts = np.cumsum(np.arange(samples - 1, 0, -1)) if samples > 1 else np.zeros(0, dtype=int)
    first = np.searchsorted(starts, chosen, side="right")
    before = np.concatenate([[0], starts])[first]
    return np.stack([first, first + 1 + chosen - before], 1).astype(np.int64)


def crossed_pairs(
    first: Int[np.ndarray, " one"], second: Int[np.ndarray, " other"], count: int, seed: int
) -> Pairs:
    """Different pairs with one sample of each of two groups; all where `count` asks for more.

    The distance between samples of two domains is the control of the one within a domain: a drop
    that both show says nothing about sharing.

    Args:
        first: indices of one group's samples.
        second: of another's; no sample is in both.
        count: of pairs.
        seed: of the draw.

    Raises:
        SettingError: the groups overlap, or the count is below 0.
    """
    if count < 0:
        raise SettingError("count", "at least 0", count)
    both = np.intersect1d(first, second)
    if len(both):
        raise SettingError("groups", "without a sample that is in both", both.tolist())
    total = len(first) * len(second)
    stream = np.random.default_rng(stream_seed(seed, "crossed pairs of samples"))
    chosen = np.arange(total)
    if count < total:
        chosen = np.sort(stream.choice(total, count, replace=False, shuffle=False))
    rows, columns = np.divmod(chosen, max(len(second), 1))
    return np.stack([first[rows], second[columns]], 1).astype(np.int64)


def pair_mean(values: Float[np.ndarray, " pair"], pairs: Pairs) -> Interval:
    """Mean over pairs, with its interval by resampling samples, not pairs.

    Pairs that share a sample are alike, so an interval over pairs would be too narrow. A resample
    draws samples with replacement, and a pair counts as often as the product of both its samples'
    numbers. Where samples are in one or two pairs only, that is too wide, by √3 at most.

    Args:
        values: of each pair; NaN pairs are left out.
        pairs: the samples of each.
    """
    known = np.isfinite(values)
    names, places = np.unique(pairs[known], return_inverse=True)
    first, second = places.reshape(-1, 2).T
    own = values[known].astype(np.float64)

    def mean(counts: Counts) -> Values:
        blocks = np.array_split(counts, -(-len(counts) * len(own) // _CELLS))
        return np.concatenate(
            [_weighted(block[:, first] * block[:, second], own) for block in blocks]
        )

    return bootstrap(len(names), mean, "samples of pairs")


def _weighted(
    weights: Float[np.ndarray, "resample pair"], own: Float[np.ndarray, " pair"]
) -> Values:
    total = weights.sum(1)
    return np.divide(weights @ own, total, out=np.full(len(total), np.nan), where=total > 0)
