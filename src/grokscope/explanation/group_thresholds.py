"""The numbers that decide off cyclic groups, beside the shared ones in `thresholds.py`."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class GroupThresholds:
    """What the tests of irreps and cosets must reach."""

    sparsity: float = 0.05
    """Share of random orders of the tokens that may be as concentrated on few irreps."""
    resampled: float = 3.0
    """Accuracy with swapped tokens, in units of 1/n: in small groups some rows survive by luck."""
    agreement: float = 0.99
    """Rows on which the sum over key irreps and the network have the same largest logit."""
    coset: float = 0.99
    """Accuracy of the neurons alone that are constant on cosets, made exactly so."""
    scrambled: float = 0.5
    """Accuracy that the same may reach with the elements in a random order."""
    gone: float = 0.25
    """Accuracy that may be left without the neurons that are constant on cosets."""
    constant: float = 0.05
    """Variance within cosets, of the whole, below which a neuron is constant on them."""
    concentrated: float = 0.5
    """The same for neurons that favour cosets without being constant on them."""
