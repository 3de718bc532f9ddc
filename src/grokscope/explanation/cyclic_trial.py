"""The causal tests of networks on cyclic groups, and which networks must pass which."""

import math
from collections.abc import Callable, Sequence

from grokscope.explanation.circle import Circle, constant_attention
from grokscope.explanation.cyclic_examination import UNLABELLED, CyclicExamination
from grokscope.explanation.form import Terms
from grokscope.explanation.intervention import (
    companions_rise,
    floor_without_products,
    rotation_explained,
    shuffled_index,
    third_of_a_turn,
)
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
    """Networks with circles whose products attention makes."""
    return bool(_multiplying(examination))


def _only_adds(examination: CyclicExamination) -> bool:
    """Networks with attention whose circles need no products."""
    return bool(examination.subject.attention) and not _multiplies(examination)


def _multiplying(examination: CyclicExamination) -> list[Circle]:
    """Circles whose neurons hold products, by label and by what constant attention does to them."""
    first = examination.forms[examination.subject.layers[0]].terms
    claimed = examination.labelled("clock", "mixture", "coset")
    return [c for c in claimed if first[c.frequency] >= Terms.SECOND]


def _partners(examination: CyclicExamination) -> list[int]:
    """Frequencies of the logits at which a pizza has a companion."""
    pizzas = {circle.frequency for circle in examination.labelled("pizza")}
    return sorted({circle.main.k for circle in examination.labelled("companion")} & pizzas)


def _has_partners(examination: CyclicExamination) -> bool:
    return bool(_partners(examination))


def _is_relu(examination: CyclicExamination) -> bool:
    """ReLU networks of one layer whose circles need no products."""
    subject = examination.subject
    is_shallow = len(subject.layers) == 1
    return is_shallow and subject.activation == "relu" and not _multiplies(examination)


def _has_no_table(examination: CyclicExamination) -> bool:
    """Networks whose closed form has no table over the sum."""
    return not examination.has_readout_table


def _has_pruned_errors(examination: CyclicExamination) -> bool:
    """Networks of one layer that err without their weakest circles.

    One layer only: a form of low order leaves out what deep copies err by once pruned.
    """
    is_deep = len(examination.subject.layers) > 1
    return not is_deep and not math.isnan(examination.mechanism.errors_reproduced)


def _weighted(circles: Sequence[Circle], values: Sequence[float]) -> float:
    """Mean over circles by their power."""
    total = sum(circle.power for circle in circles)
    return sum(c.power * v for c, v in zip(circles, values, strict=True)) / total


def _smallest_of_random_orders(x: CyclicExamination) -> float:
    return float(permutation_null(x.subject.embeddings, x.subject.symmetry, _DRAWS).min())


def _labelled(x: CyclicExamination) -> float:
    total = sum(circle.power for circle in x.circles)
    unknown = sum(circle.power for circle in x.labelled(UNLABELLED))
    return 1 - unknown / total


def _rotation(x: CyclicExamination) -> float:
    circles = x.circles[:_MOST_CIRCLES]
    steps = [third_of_a_turn(circle.frequency, x.subject.order) for circle in circles]
    values = [
        rotation_explained(x.subject, x.errors, x.closed_form, circle, step)
        for circle, step in zip(circles, steps, strict=True)
    ]
    return _weighted(circles, values)


def _companions(x: CyclicExamination) -> float:
    return companions_rise(x.subject, x.trace.logits, x.labelled("companion"), _partners(x))


def _phases(label: str) -> Callable[[CyclicExamination], float]:
    def measure(x: CyclicExamination) -> float:
        circles = x.labelled(label)[:_MOST_CIRCLES]
        left = [shuffled_index(x.subject, circle, circle.frequency) for circle in circles]
        return _weighted(circles, left)

    return measure


def _flat_by_attention(x: CyclicExamination) -> float:
    circles = _multiplying(x)
    left = _weighted(circles, [max(circle.constant_floor, 0.0) for circle in circles])
    return left / _floor(circles)


def _flat_by_products(x: CyclicExamination) -> float:
    circles = _multiplying(x)[:_MOST_CIRCLES]
    left = _weighted(circles, [max(floor_without_products(x.subject, c), 0.0) for c in circles])
    return left / _floor(circles)


def _floor(circles: Sequence[Circle]) -> float:
    """What circles keep at their weakest difference; NaN where they keep nothing."""
    floor = _weighted(circles, [max(circle.floor, 0.0) for circle in circles])
    return floor if floor > 0 else math.nan


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
        about="overlap of the rows that a pruned copy and its written-back copy get wrong",
        measure=lambda x: x.mechanism.errors_reproduced,
        side="at least",
        limit=lambda x: x.thresholds.errors,
        applies=_has_pruned_errors,
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
        name="rotation",
        about="share of the effect of turning one operand's circle that the closed form predicts, "
        "over the strongest circles",
        measure=_rotation,
        side="at least",
        limit=lambda x: x.thresholds.rotation,
        applies=_has_no_table,
    ),
    Trial(
        name="companions",
        about="rise of the pizzas' shape index in the whole network without companions",
        measure=_companions,
        side="at least",
        limit=lambda x: x.thresholds.companion,
        applies=_has_partners,
    ),
    Trial(
        name="pizza_phases",
        about="|shape index| once the operands' phases are shuffled: the pizza is gone",
        measure=_phases("pizza"),
        side="at most",
        limit=lambda x: x.thresholds.shuffled,
        applies=_has("pizza"),
    ),
    Trial(
        name="ensemble_phases",
        about="|shape index| once the operands' phases are shuffled: as flat as before",
        measure=_phases("ensemble"),
        side="at most",
        limit=lambda x: x.thresholds.shuffled,
        applies=_has("ensemble"),
    ),
    Trial(
        name="attention_makes_flat",
        about="what is left of A_k(d) at its smallest with constant attention: clocks lose it",
        measure=_flat_by_attention,
        side="at most",
        limit=lambda x: x.thresholds.floor,
        applies=_multiplies,
    ),
    Trial(
        name="products_make_flat",
        about="the same without products in the neurons: clocks lose it",
        measure=_flat_by_products,
        side="at most",
        limit=lambda x: x.thresholds.floor,
        applies=_multiplies,
    ),
    Trial(
        name="attention_idle",
        about="accuracy with constant attention: unharmed",
        measure=_attention_idle,
        side="at least",
        limit=lambda x: x.thresholds.attention,
        applies=_only_adds,
    ),
    Trial(
        name="rectifier",
        about="accuracy with |x|/2 in the place of ReLU: most is left",
        measure=lambda x: x.accuracy_of(Edit(is_rectified=True)),
        side="at least",
        limit=lambda x: x.thresholds.rectifier,
        applies=_is_relu,
    ),
)
"""The applicability table."""
