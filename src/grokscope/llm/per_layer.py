"""A number for each layer, and over how many samples it was taken."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from grokscope.llm.pathways import Weights


@dataclass(frozen=True, kw_only=True)
class PerLayer:
    """One number a layer.

    Attributes:
        values: of each layer; NaN where too few samples were seen.
        samples: that were seen and counted.
        left_out: samples of which no token was seen, or whose routing was NaN.
    """

    values: Float[np.ndarray, " layer"]
    samples: int
    left_out: int

    @property
    def mean(self) -> float:
        """Over layers."""
        return float(self.values.mean())

    @classmethod
    def over(cls, weights: Weights, values: Float[np.ndarray, " layer"]) -> "PerLayer":
        """Values that were taken over the seen samples of `weights`."""
        samples = int(seen(weights).sum())
        return cls(values=values, samples=samples, left_out=weights.shape[1] - samples)


def seen(weights: Weights) -> Bool[np.ndarray, " sample"]:
    """Which samples have numbers in every layer."""
    return np.logical_and.reduce(np.isfinite(weights), axis=(0, 2))


def seen_weights(weights: Weights) -> Float[np.ndarray, "layer seen expert"]:
    """Without the samples that have a NaN, in float64."""
    return weights[:, seen(weights)].astype(np.float64)
