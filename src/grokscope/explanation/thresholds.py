"""The numbers that decide, versioned: they are fixed before the networks that they judge."""

from dataclasses import dataclass

VERSION = "explain/1"


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """What a causal test must reach; grade A is the stricter of two where there are two."""

    accuracy: float = 0.999
    """The gate: below it no algorithm is named."""
    grade_a: float = 0.999
    grade_b: float = 0.99
    """Accuracy after chained replacement, and agreement of the closed form with the network."""
    chance: float = 2.0
    """Accuracy that counts as chance, in units of 1/n."""
    control: float = 0.99
    """Accuracy without as many other frequencies."""
    labelled: float = 0.95
    """Share of the key circles' power that a hypothesis must claim."""
    cross_entropy: float = 0.05
    """Rise in nats that chained replacement may cost."""
    random_form: float = 0.5
    """Accuracy that the same form over other frequencies may reach at most."""
    variance: float = 0.85
    """Share of the centred logits' variance that the closed form explains."""
    errors: float = 0.5
    """Overlap of a pruned copy's errors with those of its written-back copy."""
    rotation: float = 0.7
    """Share of a rotation's effect on the logits that the closed form predicts."""
    companion: float = 0.1
    """Rise of the shape index once companions are removed."""
    shuffled: float = 0.4
    """Shape index that may be left once phases are shuffled."""
    floor: float = 0.5
    """Share of a clock's smallest A_k(d) that may be left once nothing multiplies its operands."""
    attention: float = 0.99
    """Accuracy with constant attention of what does not multiply."""
    rectifier: float = 0.9
    """Accuracy with |x|/2 in the place of ReLU."""


FROZEN = Thresholds()
