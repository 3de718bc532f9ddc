"""Memory as a difference in loss between samples that were trained on and twins that were not.

A twin is made as its sample was (the same template, other random content; or another sample of the
same source), so that what the model has learned in general serves both alike. Canaries with known
numbers of exposures give a dose-response: arXiv 1802.08232.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int

from grokscope.core.errors import SettingError
from grokscope.statistics.bootstrap import counts_of, interval_of_resamples
from grokscope.statistics.interval import Interval

Losses = Float[np.ndarray, "step sample"]


@dataclass(frozen=True, kw_only=True)
class TwinGap:
    """Seen less twin, in nats, at each measurement; below 0 where the seen are remembered.

    Attributes:
        gaps: mean over samples, with its interval by resampling samples (a sample with its twin).
            It is about samples like these in *this* network; other seeds may differ by more.
        samples: that were counted.
        left_out: those with a loss that is not finite, or whose twin has one.
    """

    gaps: tuple[Interval, ...]
    samples: int
    left_out: int


def twin_gap(seen: Losses, twins: Float[np.ndarray, "_ _"]) -> TwinGap:
    """Mean loss of seen samples less that of their twins, in the same order, at each step.

    Raises:
        SettingError: there is not one twin for each sample, or not at each step.
    """
    if seen.shape != twins.shape:
        raise SettingError("twins", f"of as many steps and samples, {seen.shape}", twins.shape)
    gaps = (seen - twins).astype(np.float64)
    known = np.isfinite(gaps).all(0)
    own = gaps[:, known]
    return TwinGap(gaps=tuple(_intervals(own)), samples=own.shape[1], left_out=int((~known).sum()))


def gap_by_exposures(
    seen: Losses, twins: Losses, exposures: Int[np.ndarray, " sample"]
) -> dict[int, TwinGap]:
    """The same for each number of exposures, rising: what one more costs to forget.

    Args:
        seen: losses of samples, canaries usually.
        twins: of their twins, which were never seen.
        exposures: how often each sample is in the training data.

    Raises:
        SettingError: a number of exposures is below 1.
    """
    if (exposures < 1).any():
        raise SettingError("exposures", "at least 1", int(exposures.min()))
    return {
        int(count): twin_gap(seen[:, exposures == count], twins[:, exposures == count])
        for count in np.unique(exposures)
    }


def _intervals(own: Float64[np.ndarray, "step sample"]) -> list[Interval]:
    samples = own.shape[1]
    if samples < 2:
        values = own[:, 0].tolist() if samples else [None] * len(own)
        return [Interval(value=value, low=None, high=None) for value in values]
    blocks = [counts @ own.T / samples for counts in counts_of(samples, "samples and twins")]
    return [interval_of_resamples(found, samples) for found in np.concatenate(blocks).T]
