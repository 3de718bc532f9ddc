"""What the routers of a mixture-of-experts model did with a list of samples.

The unit is a sample (a sequence), not a token: in every layer the routing weights of a sample's
tokens are averaged, which is what arXiv 2506.21551 calls its pathway.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

Weights = Float[np.ndarray, "layer sample expert"]


@dataclass(frozen=True, kw_only=True)
class Pathways:
    """Routing weights by layer, sample and expert.

    Attributes:
        weights: mean over the tokens of each sample; every row sums to 1, and a sample of which
            no token was seen is NaN.
        tokens: how many tokens each sample's mean was taken over.
        layers: the names of the routers, in the order of the model.
    """

    weights: Weights
    tokens: Int[np.ndarray, " sample"]
    layers: tuple[str, ...]

    def of(self, samples: Sequence[int] | np.ndarray) -> "Pathways":
        """Of some samples, by index or by a boolean mask."""
        return Pathways(
            weights=self.weights[:, samples], tokens=self.tokens[samples], layers=self.layers
        )
