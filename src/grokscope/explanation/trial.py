"""The causal tests, and the table that says which networks must pass which.

A test that applies must be run: there is no other way to pass it. Its prediction and threshold were
fixed on planted and development networks before the networks that it judges.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from grokscope.explanation.causal_test import CausalTest, at_least, at_most
from grokscope.explanation.circle import Circle, constant_attention
from grokscope.explanation.examination import UNLABELLED, Examination
from grokscope.explanation.form import Terms
from grokscope.explanation.intervention import (
    companions_rise,
    floor_without_products,
    rotation_explained,
    shuffled_index,
    third_of_a_turn,
)
from grokscope.explanation.keys import only, others, resampled, without, without_at_full_norm
from grokscope.explanation.spectrum import effective_number, permutation_null
from grokscope.explanation.subject import Edit, cross_entropy

_MOST_CIRCLES = 4
"""Interventions on single circles are done on the strongest ones."""
_DRAWS = 200


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A row of the applicability table."""

    name: str
    applies_to: str
    """Which networks must pass it, for people."""
    about: str
    """What is done, and what is predicted."""
    applies: Callable[[Examination], bool]
    run: Callable[[Examination, "Trial"], CausalTest]


def run_trials(examination: Examination) -> tuple[CausalTest, ...]:
    """Every test that applies, in the order of the table."""
    return tuple(trial.run(examination, trial) for trial in TRIALS if trial.applies(examination))


def _always(examination: Examination) -> bool:
    return True


def _has(*labels: str) -> Callable[[Examination], bool]:
    return lambda examination: bool(examination.labelled(*labels))


def _multiplies(examination: Examination) -> bool:
    return bool(_multiplying(examination))


def _only_adds(examination: Examination) -> bool:
    return bool(examination.subject.attention) and not _multiplies(examination)


def _multiplying(examination: Examination) -> list[Circle]:
    """Circles whose neurons hold products, by label and by what constant attention does to them."""
    first = examination.forms[examination.subject.layers[0]].terms
    claimed = examination.labelled("clock", "mixture", "coset")
    return [c for c in claimed if first[c.frequency] >= Terms.SECOND]


def _partners(examination: Examination) -> list[int]:
    """Frequencies of the logits at which a pizza has a companion."""
    pizzas = {circle.frequency for circle in examination.labelled("pizza")}
    return sorted({circle.main.k for circle in examination.labelled("companion")} & pizzas)


def _has_partners(examination: Examination) -> bool:
    return bool(_partners(examination))


def _is_relu(examination: Examination) -> bool:
    subject = examination.subject
    is_shallow = len(subject.layers) == 1
    return is_shallow and subject.activation == "relu" and not _multiplies(examination)


def _has_no_table(examination: Examination) -> bool:
    return not examination.has_readout_table


def _has_pruned_errors(examination: Examination) -> bool:
    """One layer only: a form of low order leaves out what deep copies err by once pruned."""
    is_deep = len(examination.subject.layers) > 1
    return not is_deep and not math.isnan(examination.mechanism.errors_reproduced)


def _weighted(circles: Sequence[Circle], values: Sequence[float]) -> float:
    """Mean over circles by their power."""
    total = sum(circle.power for circle in circles)
    return sum(c.power * v for c, v in zip(circles, values, strict=True)) / total


def _sparsity(x: Examination, trial: Trial) -> CausalTest:
    null = permutation_null(x.subject.embeddings, x.subject.symmetry, _DRAWS)
    return at_most(trial.name, float(effective_number(x.power)), float(null.min()), trial.about)


def _sufficiency(x: Examination, trial: Trial) -> CausalTest:
    value = x.accuracy_of(only(x.subject, x.keys))
    return at_least(trial.name, value, x.thresholds.grade_b, trial.about)


def _chance(x: Examination) -> float:
    return x.thresholds.chance / x.subject.order


def _necessity(x: Examination, trial: Trial) -> CausalTest:
    value = x.accuracy_of(without(x.subject, x.keys))
    return at_most(trial.name, value, _chance(x), trial.about)


def _necessity_loss(x: Examination, trial: Trial) -> CausalTest:
    loss = cross_entropy(x.subject, x.subject.run(without(x.subject, x.keys)).logits)
    return at_least(trial.name, loss, 0.5 * math.log(x.subject.order), trial.about)


def _necessity_norm(x: Examination, trial: Trial) -> CausalTest:
    value = x.accuracy_of(without_at_full_norm(x.subject, x.keys))
    return at_most(trial.name, value, _chance(x), trial.about)


def _necessity_resampled(x: Examination, trial: Trial) -> CausalTest:
    draws = [x.accuracy_of(resampled(x.subject, x.keys, seed)) for seed in range(3)]
    return at_most(trial.name, sum(draws) / len(draws), _chance(x), trial.about)


def _control(x: Examination, trial: Trial) -> CausalTest:
    free = others(x.subject.symmetry, x.keys)
    value = x.accuracy_of(without(x.subject, free[: len(x.keys)])) if free else math.nan
    return at_least(trial.name, value, x.thresholds.control, trial.about)


def _labelled(x: Examination, trial: Trial) -> CausalTest:
    total = sum(circle.power for circle in x.circles)
    unknown = sum(circle.power for circle in x.labelled(UNLABELLED))
    return at_least(trial.name, 1 - unknown / total, x.thresholds.labelled, trial.about)


def _mechanism(x: Examination, trial: Trial) -> CausalTest:
    return at_least(trial.name, x.mechanism.accuracy, x.thresholds.grade_b, trial.about)


def _mechanism_loss(x: Examination, trial: Trial) -> CausalTest:
    rise = x.mechanism.cross_entropy_rise
    return at_most(trial.name, rise, x.thresholds.cross_entropy, trial.about)


def _mechanism_random(x: Examination, trial: Trial) -> CausalTest:
    return at_most(trial.name, x.mechanism.random, x.thresholds.random_form, trial.about)


def _mechanism_principal(x: Examination, trial: Trial) -> CausalTest:
    gain = x.mechanism.accuracy - x.mechanism.principal
    return at_least(trial.name, gain, 1 / x.subject.order**2, trial.about)


def _pruned(x: Examination, trial: Trial) -> CausalTest:
    return at_least(trial.name, x.mechanism.errors_reproduced, x.thresholds.errors, trial.about)


def _agreement(x: Examination, trial: Trial) -> CausalTest:
    return at_least(trial.name, x.agreement.share, x.thresholds.grade_b, trial.about)


def _variance(x: Examination, trial: Trial) -> CausalTest:
    return at_least(trial.name, x.agreement.variance, x.thresholds.variance, trial.about)


def _rotation(x: Examination, trial: Trial) -> CausalTest:
    circles = x.circles[:_MOST_CIRCLES]
    steps = [third_of_a_turn(circle.frequency, x.subject.order) for circle in circles]
    values = [
        rotation_explained(x.subject, x.errors, x.closed_form, circle, step)
        for circle, step in zip(circles, steps, strict=True)
    ]
    return at_least(trial.name, _weighted(circles, values), x.thresholds.rotation, trial.about)


def _companions(x: Examination, trial: Trial) -> CausalTest:
    partners = _partners(x)
    rise = companions_rise(x.subject, x.trace.logits, x.labelled("companion"), partners)
    return at_least(trial.name, rise, x.thresholds.companion, trial.about)


def _phases(label: str) -> Callable[[Examination, Trial], CausalTest]:
    def run(x: Examination, trial: Trial) -> CausalTest:
        circles = x.labelled(label)[:_MOST_CIRCLES]
        left = [shuffled_index(x.subject, circle, circle.frequency) for circle in circles]
        return at_most(trial.name, _weighted(circles, left), x.thresholds.shuffled, trial.about)

    return run


def _attention_makes_flat(x: Examination, trial: Trial) -> CausalTest:
    circles = _multiplying(x)
    left = _weighted(circles, [max(circle.constant_floor, 0.0) for circle in circles])
    return at_most(trial.name, left / _floor(circles), x.thresholds.floor, trial.about)


def _products_make_flat(x: Examination, trial: Trial) -> CausalTest:
    circles = _multiplying(x)[:_MOST_CIRCLES]
    left = _weighted(circles, [max(floor_without_products(x.subject, c), 0.0) for c in circles])
    return at_most(trial.name, left / _floor(circles), x.thresholds.floor, trial.about)


def _floor(circles: Sequence[Circle]) -> float:
    """What circles keep at their weakest difference; NaN where they keep nothing."""
    floor = _weighted(circles, [max(circle.floor, 0.0) for circle in circles])
    return floor if floor > 0 else math.nan


def _attention_idle(x: Examination, trial: Trial) -> CausalTest:
    value = x.accuracy_of(Edit(patterns=constant_attention(x.trace)))
    return at_least(trial.name, value, x.thresholds.attention, trial.about)


def _rectifier(x: Examination, trial: Trial) -> CausalTest:
    value = x.accuracy_of(Edit(is_rectified=True))
    return at_least(trial.name, value, x.thresholds.rectifier, trial.about)


TRIALS: tuple[Trial, ...] = (
    Trial(
        name="sparsity",
        applies_to="all",
        about="effective number of frequencies in the embedding, below that of every one of "
        f"{_DRAWS} random orders of its tokens",
        applies=_always,
        run=_sparsity,
    ),
    Trial(
        name="sufficiency",
        applies_to="all",
        about="accuracy with the key frequencies of the embedding alone",
        applies=_always,
        run=_sufficiency,
    ),
    Trial(
        name="necessity",
        applies_to="all",
        about="accuracy without the key frequencies: chance",
        applies=_always,
        run=_necessity,
    ),
    Trial(
        name="necessity_loss",
        applies_to="all",
        about="cross-entropy without the key frequencies, in nats: at least half that of guessing",
        applies=_always,
        run=_necessity_loss,
    ),
    Trial(
        name="necessity_norm",
        applies_to="all",
        about="the same with what is left scaled to the embedding's norm: chance",
        applies=_always,
        run=_necessity_norm,
    ),
    Trial(
        name="necessity_resampled",
        applies_to="all",
        about="accuracy with the key frequencies of other tokens, mean of three draws: chance",
        applies=_always,
        run=_necessity_resampled,
    ),
    Trial(
        name="control",
        applies_to="all",
        about="accuracy without as many other frequencies, or all there are: unharmed",
        applies=_always,
        run=_control,
    ),
    Trial(
        name="labelled",
        applies_to="all",
        about="share of the key frequencies' power that a hypothesis claims",
        applies=_always,
        run=_labelled,
    ),
    Trial(
        name="mechanism",
        applies_to="all",
        about="accuracy with every layer's pre-activations replaced by the hypotheses' form",
        applies=_always,
        run=_mechanism,
    ),
    Trial(
        name="mechanism_loss",
        applies_to="all",
        about="rise of the cross-entropy under that replacement, in nats",
        applies=_always,
        run=_mechanism_loss,
    ),
    Trial(
        name="mechanism_random",
        applies_to="all",
        about="accuracy with the same form over other frequencies, best of three draws",
        applies=_always,
        run=_mechanism_random,
    ),
    Trial(
        name="mechanism_principal",
        applies_to="all",
        about="accuracy of that replacement above that of principal components with as many "
        "numbers: at least one row",
        applies=_always,
        run=_mechanism_principal,
    ),
    Trial(
        name="pruned_errors",
        applies_to="networks of one layer that err without their weakest circles",
        about="overlap of the rows that a pruned copy and its written-back copy get wrong",
        applies=_has_pruned_errors,
        run=_pruned,
    ),
    Trial(
        name="form_agreement",
        applies_to="all",
        about="rows on which the closed form and the network have the same largest logit",
        applies=_always,
        run=_agreement,
    ),
    Trial(
        name="form_variance",
        applies_to="all",
        about="share of the logits' variance that the closed form explains",
        applies=_always,
        run=_variance,
    ),
    Trial(
        name="rotation",
        applies_to="networks whose closed form has no table over the sum",
        about="share of the effect of turning one operand's circle that the closed form predicts, "
        "over the strongest circles",
        applies=_has_no_table,
        run=_rotation,
    ),
    Trial(
        name="companions",
        applies_to="pizzas with companions",
        about="rise of the pizzas' shape index in the whole network without companions",
        applies=_has_partners,
        run=_companions,
    ),
    Trial(
        name="pizza_phases",
        applies_to="pizza",
        about="|shape index| once the operands' phases are shuffled: the pizza is gone",
        applies=_has("pizza"),
        run=_phases("pizza"),
    ),
    Trial(
        name="ensemble_phases",
        applies_to="ensemble",
        about="|shape index| once the operands' phases are shuffled: as flat as before",
        applies=_has("ensemble"),
        run=_phases("ensemble"),
    ),
    Trial(
        name="attention_makes_flat",
        applies_to="circles whose products attention makes",
        about="what is left of A_k(d) at its smallest with constant attention: clocks lose it",
        applies=_multiplies,
        run=_attention_makes_flat,
    ),
    Trial(
        name="products_make_flat",
        applies_to="circles whose products attention makes",
        about="the same without products in the neurons: clocks lose it",
        applies=_multiplies,
        run=_products_make_flat,
    ),
    Trial(
        name="attention_idle",
        applies_to="networks with attention whose circles need no products",
        about="accuracy with constant attention: unharmed",
        applies=_only_adds,
        run=_attention_idle,
    ),
    Trial(
        name="rectifier",
        applies_to="ReLU networks of one layer whose circles need no products",
        about="accuracy with |x|/2 in the place of ReLU: most is left",
        applies=_is_relu,
        run=_rectifier,
    ),
)
"""The applicability table."""
