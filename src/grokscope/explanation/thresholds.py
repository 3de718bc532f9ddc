"""The numbers that decide, versioned: they are fixed before the networks that they judge."""

from dataclasses import dataclass

from grokscope.explanation.group_thresholds import GroupThresholds

VERSION = "explain/6"


@dataclass(frozen=True, kw_only=True)
class Bands:
    """By what a circle is recognised as part of an algorithm; a test has still to confirm it."""

    aligned: float = 0.5
    """Alignment from which a flat profile may be a clock, and below which it is an ensemble."""
    same_phase: float = 0.99
    """Share of the neurons' waves that one phase and one amplitude for both operands must explain
    for the layers' form to have one."""
    multiplied: float = 0.05
    """Relative change under constant attention above which attention multiplies the operands."""
    unmultiplied: float = 0.3
    """The same up to which a pizza does not need products."""
    by_chance: float = 0.6
    """Share of a mixture's dependence on d that is left once phases are shuffled above which it is
    an ensemble: few neurons with independent phases depend on d by chance."""
    flat: float = 0.15
    """|shape index| up to which a profile is flat."""
    pizza: tuple[float, float] = (0.5, 1.1)
    """Shape indices of a pizza: 2/3 for |cos|, 1 for cos², which a line comes near to."""
    pizza_r2: float = 0.95
    """Share of a pizza's profile that |cos| must explain."""
    r2: float = 0.97
    """Share of a profile that its closed form must explain."""
    companion_r2: float = 0.9
    """The same for a companion's first harmonic."""
    line: float = 0.3
    """Ratio of the embedding's two directions below which a circle is a line."""
    quotient: int = 6
    """Largest n/gcd(f, n) of a coset circle."""
    products: tuple[float, ...] = (1e-3, 3e-4, 1e-4, 3e-5)
    """Shares of a layer's variance from which products of two frequencies are let into its form:
    the first with which the network is as good as before."""
    faint: tuple[float, ...] = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 1e-4, 1e-5, 1e-6)
    """Shares of a layer's coefficients' energy that the directions left out of its form may hold:
    the first with which the network is as good as before."""
    collapsed: float = 0.05
    """Share of the logits' variance in (s, u) above which the read-out favours some answers."""
    form_variance: float = 0.95
    """Share of it that a smaller closed form must explain to be preferred to a larger one."""


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
    variance: float = 0.88
    """Share of the centred logits' variance that the closed form explains."""
    gap: float = 2.1
    """How far closed form and network may put each other's answer below their own, in all, each in
    standard deviations of its logits."""
    errors: float = 0.85
    """Area under the curve with which the form's margins tell a pruned copy's errors."""
    rotation: float = 0.7
    """Share of the rotations' effect on the logits that the closed form predicts."""
    companion: float = 0.1
    """Fall of a pizza's shape index from which its companions are tested."""
    rise: float = 0.5
    """Share of that fall by which the index rises once they are removed."""
    shuffled: float = 0.75
    """Share of the dependence on d that may be left of a pizza once phases are shuffled."""
    ensemble: float = 0.5
    """|Shape index| that an ensemble may have once phases are shuffled."""
    products: float = 0.5
    """Share of A_k(d) that may be left of a clock once nothing multiplies its operands."""
    attention: float = 0.99
    """Accuracy with constant attention of what does not multiply."""
    rectifier: float = 0.2
    """Change of a pizza's shape index with |x|/2 in the place of ReLU."""
    gain: float = 0.1
    """By what share a form must leave less of the logits' variance than principal components."""
    bands: Bands = Bands()
    """By what circles are recognised before they are tested."""
    group: GroupThresholds = GroupThresholds()  # noqa: RUF009 (frozen)
    """Those off cyclic groups."""


FROZEN = Thresholds()
