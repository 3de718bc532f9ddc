"""The causal tests of networks on cyclic groups, and which networks must pass which."""

import math
from collections.abc import Callable, Sequence

import torch

from grokscope.explanation.circle import Circle, constant_attention
from grokscope.explanation.cyclic_examination import UNLABELLED, CyclicExamination
from grokscope.explanation.form import Terms
from grokscope.explanation.intervention import (
    companions_rise,
    dependence_left,
    left_without_products,
    rectified_index,
    rotation_explained,
    shuffled_index,
)
from grokscope.explanation.shape import describe
from grokscope.explanation.shared_trial import (
    MECHANISM_LOSS,
    MECHANISM_PRINCIPAL,
    accuracy_resampled,
    chance,
    control,
    key_trials,
    mechanism,
    mechanism_random,
)
from grokscope.explanation.spectrum import effective_number, permutation_null
from grokscope.explanation.subject import Edit
from grokscope.explanation.trial import Trial

_MOST_CIRCLES = 4
"""Interventions on single circles are done on the strongest ones."""
_DRAWS = 200
_SWAPS = 3


def _has(label: str) -> Callable[[CyclicExamination], bool]:
    return lambda examination: bool(examination.labelled(label))


def _multiplies(examination: CyclicExamination) -> bool:
    """Networks with circles whose products attention makes, or something that nobody has named."""
    is_unnamed = examination.has_products and not examination.subject.attention
    return is_unnamed or bool(_multiplying(examination))


def _only_adds(examination: CyclicExamination) -> bool:
    """Networks with attention that changes none of their circles."""
    least = examination.bands.multiplied
    idle = all(circle.attention <= least for circle in examination.circles)
    return bool(examination.subject.attention) and idle


def _multiplying(examination: CyclicExamination) -> list[Circle]:
    """Circles whose neurons hold products, by label and by what constant attention does to them."""
    first = examination.forms[examination.subject.layers[0]].terms
    claimed = examination.labelled("clock", "mixture", "coset")
    return [c for c in claimed if first[c.frequency] >= Terms.SECOND]


def _by_phase(examination: CyclicExamination) -> list[Circle]:
    """Circles whose dependence on d the neurons' phases make: pizzas, mixtures without products."""
    multiplying = _multiplying(examination)
    return [c for c in examination.labelled("pizza", "mixture") if c not in multiplying]


def _partners(examination: CyclicExamination) -> dict[int, float]:
    """Frequencies of pizzas with companions that matter, and by how much they flatten the pizza.

    That is what the circles' own profiles say: ρ₁ of the pizza's against that of the sum.
    """
    companions, found = examination.labelled("companion"), dict[int, float]()
    for pizza in examination.labelled("pizza"):
        k = pizza.frequency
        profiles = [pizza.profile, *(c.profile for c in companions if c.main.k == k)]
        together = describe(torch.tensor(profiles, dtype=torch.float64).sum(0), k)
        if pizza.main.shape.index - together.index >= examination.thresholds.companion:
            found[k] = pizza.main.shape.index - together.index
    return found


def _has_partners(examination: CyclicExamination) -> bool:
    return bool(_partners(examination))


def _has_no_table(examination: CyclicExamination) -> bool:
    """Networks whose closed form has no table over the sum, which belongs to no circle."""
    return examination.read_out != "table"


def _is_relu(examination: CyclicExamination) -> bool:
    """ReLU networks of one layer with pizzas; others may pass on x as ReLU(x) − ReLU(−x)."""
    is_shallow = len(examination.subject.layers) == 1
    return is_shallow and bool(examination.labelled("pizza")) and examination.is_rectified


def _has_pruned_errors(examination: CyclicExamination) -> bool:
    """Networks of one layer that err without their weakest circles.

    One layer only: a form of low order leaves out what deep copies err by once pruned.
    """
    is_deep = len(examination.subject.layers) > 1
    return not is_deep and not math.isnan(examination.predicted_errors)


def _weighted(circles: Sequence[Circle], values: Sequence[float]) -> float:
    """Mean over circles by their power; NaN where there are none."""
    if not circles:
        return math.nan
    total = sum(circle.power for circle in circles)
    return sum(c.power * v for c, v in zip(circles, values, strict=True)) / total


def _smallest_of_random_orders(x: CyclicExamination) -> float:
    return float(permutation_null(x.subject.embeddings, x.subject.symmetry, _DRAWS).min())


def _labelled(x: CyclicExamination) -> float:
    total = sum(circle.power for circle in x.circles)
    unknown = sum(circle.power for circle in x.labelled(UNLABELLED))
    return 1 - unknown / total


def _rotation(x: CyclicExamination) -> float:
    return rotation_explained(x.subject, x.errors, x.closed_form, x.circles[:_MOST_CIRCLES])


def _companions(x: CyclicExamination) -> float:
    partners = _partners(x)
    rise = companions_rise(x.subject, x.trace.logits, x.labelled("companion"), list(partners))
    return rise / (sum(partners.values()) / len(partners))


def _phases_of_pizzas(x: CyclicExamination) -> float:
    circles = _by_phase(x)[:_MOST_CIRCLES]
    draws = _draws(circles)
    return _weighted(circles, [dependence_left(x.subject, c, draws) for c in circles])


def _phases_of_ensembles(x: CyclicExamination) -> float:
    circles = x.labelled("ensemble")[:_MOST_CIRCLES]
    draws = _draws(circles)
    return _weighted(circles, [shuffled_index(x.subject, c, draws) for c in circles])


def _draws(circles: Sequence[Circle]) -> Sequence[int]:
    """Seeds of shuffled phases: the fewer circles, the more draws of each."""
    return range(math.ceil(_MOST_CIRCLES / len(circles)))


def _rectified(x: CyclicExamination) -> float:
    circles = x.labelled("pizza")[:_MOST_CIRCLES]
    moved = [abs(rectified_index(x.subject, c) - c.main.shape.index) for c in circles]
    return _weighted(circles, moved)


def _left_by_attention(x: CyclicExamination) -> float:
    circles = _multiplying(x) if x.subject.attention else []
    return _weighted(circles, [circle.constant_left for circle in circles])


def _left_by_products(x: CyclicExamination) -> float:
    circles = _multiplying(x)[:_MOST_CIRCLES]
    return _weighted(circles, [left_without_products(x.subject, c) for c in circles])


def _attention_idle(x: CyclicExamination) -> float:
    return x.accuracy_of(Edit(patterns=constant_attention(x.trace)))


CYCLIC_TRIALS: tuple[Trial[CyclicExamination], ...] = (
    Trial(
        name="sparsity",
        about="effective number of frequencies in the embedding, below that of every one of "
        f"{_DRAWS} random orders of its tokens",
        measure=lambda x: float(effective_number(x.power)),
        side="at most",
        limit=_smallest_of_random_orders,
    ),
    *key_trials("frequencies"),
    Trial(
        name="necessity_resampled",
        about="accuracy with the key frequencies of other tokens, mean of three draws: chance",
        measure=lambda x: accuracy_resampled(x, _SWAPS),
        side="at most",
        limit=chance,
    ),
    control("frequencies"),
    Trial(
        name="labelled",
        about="share of the key frequencies' power that a hypothesis claims",
        measure=_labelled,
        side="at least",
        limit=lambda x: x.thresholds.labelled,
    ),
    mechanism("the hypotheses' form"),
    MECHANISM_LOSS,
    mechanism_random("frequencies"),
    MECHANISM_PRINCIPAL,
    Trial(
        name="pruned_errors",
        about="how well the margins of a pruned and written-back copy tell the rows that the "
        "pruned copy gets wrong: area under the curve",
        measure=lambda x: x.predicted_errors,
        side="at least",
        limit=lambda x: x.thresholds.errors,
        applies=_has_pruned_errors,
        applies_to="networks of one layer that err without their weakest circles",
    ),
    Trial(
        name="form_agreement",
        about="rows on which the closed form and the network have the same largest logit",
        measure=lambda x: x.agreement.share,
        side="at least",
        limit=lambda x: x.thresholds.grade_b,
    ),
    Trial(
        name="form_variance",
        about="share of the logits' variance that the closed form explains",
        measure=lambda x: x.agreement.variance,
        side="at least",
        limit=lambda x: x.thresholds.variance,
    ),
    Trial(
        name="form_gap",
        about="how far closed form and network put each other's answer below their own where they "
        "differ, in standard deviations of their logits: near ties only",
        measure=lambda x: x.agreement.gap,
        side="at most",
        limit=lambda x: x.thresholds.gap,
    ),
    Trial(
        name="rotation",
        about="share of the effect of turning one operand's circle that the closed form predicts, "
        "over the strongest circles",
        measure=_rotation,
        side="at least",
        limit=lambda x: x.thresholds.rotation,
        applies=_has_no_table,
        applies_to="networks without a table over the sum, which belongs to no circle",
    ),
    Trial(
        name="companions",
        about="rise of the pizzas' shape index in the whole network without companions, over what "
        "the circles' own profiles predict",
        measure=_companions,
        side="at least",
        limit=lambda x: x.thresholds.rise,
        applies=_has_partners,
        applies_to="pizzas with companions that flatten them",
    ),
    Trial(
        name="pizza_phases",
        about="what is left of the dependence on d once the operands' phases are shuffled: little",
        measure=_phases_of_pizzas,
        side="at most",
        limit=lambda x: x.thresholds.shuffled,
        applies=lambda x: bool(_by_phase(x)),
        applies_to="pizzas, and mixtures without products",
    ),
    Trial(
        name="ensemble_phases",
        about="|shape index| once the operands' phases are shuffled: as flat as before",
        measure=_phases_of_ensembles,
        side="at most",
        limit=lambda x: x.thresholds.ensemble,
        applies=_has("ensemble"),
        applies_to="independent-phase ensembles",
    ),
    Trial(
        name="attention_makes_flat",
        about="what is left of A_k(d) with constant attention, at its smallest or, where that is "
        "zero, in all: clocks lose it",
        measure=_left_by_attention,
        side="at most",
        limit=lambda x: x.thresholds.products,
        applies=_multiplies,
        applies_to="circles whose products attention makes: clocks, mixtures, cosets; fails where "
        "something else multiplies, or attention that is not named",
    ),
    Trial(
        name="products_make_flat",
        about="the same without products in the neurons: clocks lose it",
        measure=_left_by_products,
        side="at most",
        limit=lambda x: x.thresholds.products,
        applies=lambda x: bool(_multiplying(x)),
        applies_to="circles whose products attention makes: clocks, mixtures, cosets",
    ),
    Trial(
        name="attention_idle",
        about="accuracy with constant attention: unharmed",
        measure=_attention_idle,
        side="at least",
        limit=lambda x: x.thresholds.attention,
        applies=_only_adds,
        applies_to="networks with attention that changes none of their circles",
    ),
    Trial(
        name="rectifier",
        about="change of the pizzas' shape index with |x|/2 in the place of ReLU: none",
        measure=_rectified,
        side="at most",
        limit=lambda x: x.thresholds.rectifier,
        applies=_is_relu,
        applies_to="ReLU networks of one layer with pizzas",
    ),
)
"""The applicability table."""
