"""Dropout whose masks are functions of a network's key, so that a step can be taken again.

A step's key comes with the parameters, as `noise_key`; where there is none, as in a look at a
network, nothing is dropped.
"""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from grokscope.models.noise import uniform

_FIRST_STREAM = 1000
"""Streams of a key below are others' to use."""


@dataclass(frozen=True)
class Dropout:
    """Sets a share of the numbers to 0 and makes the others as much larger."""

    rate: float
    key: Int[Tensor, " model"] | None

    def __call__(self, x: Float[Tensor, "model ..."], site: int) -> Float[Tensor, "model ..."]:
        """A mask of its own for each site of a network."""
        if self.key is None or self.rate == 0:
            return x
        drawn = uniform(self.key, x[0].numel(), _FIRST_STREAM + site)
        kept = (drawn >= self.rate).view(x.shape)
        return x * (kept.to(x.dtype) / (1 - self.rate))
