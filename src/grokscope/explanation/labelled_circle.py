"""What an explanation says about one circle."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LabelledCircle:
    """One circle of the answer.

    Attributes:
        frequency: in the embedding.
        label: a hypothesis, or `unlabelled`.
        speaks: frequency of the logits that it feeds.
        shape: index ρ₁ of A_k(d): 0 flat, 2/3 pizza; `None` for a companion, which has no constant.
        shape_interval: its 95 % bootstrap interval over the sums.
        profile: A_k(d) of the circle alone, for d = 0 … n − 1, in logits.
        offset: d₀ in tokens.
        fraction: the pizza's share of a mixture, `None` elsewhere.
        share: of the embedding's energy.
        alignment: of the two operands' phases over the neurons, 0 … 1.
        alignment_halves: the same in two random halves of the neurons.
        attention: relative change of its profile under constant attention.
        necessary: whether the network errs without it; the others are redundant.
        inner: what the layers before the last make of it: a hypothesis, `unlabelled`, or `idle`
            where the sum is left to the last layer; `None` with one layer.
        also: labels of its weaker roles.
    """

    frequency: int
    label: str
    speaks: int
    shape: float | None
    shape_interval: tuple[float, float] | None
    profile: tuple[float, ...]
    offset: float
    fraction: float | None
    share: float
    alignment: float
    alignment_halves: tuple[float, float]
    attention: float
    necessary: bool
    inner: str | None = None
    also: tuple[str, ...] = ()
