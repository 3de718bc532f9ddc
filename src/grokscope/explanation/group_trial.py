"""The causal tests of networks off cyclic groups, and which networks must pass which.

Variance is reported and not required: off cyclic groups the logits are far from pure characters
(Chughtai et al., arXiv 2302.03025, explain clearly less than all of it).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from grokscope.explanation.causal_test import CausalTest, at_least, at_most
from grokscope.explanation.group_examination import DRAWS, GroupExamination
from grokscope.explanation.keys import only, resampled, without, without_at_full_norm
from grokscope.explanation.subject import cross_entropy

_SWAPS = 10


@dataclass(frozen=True, kw_only=True)
class GroupTrial:
    """A row of the applicability table."""

    name: str
    applies_to: str
    """Which networks must pass it, for people."""
    about: str
    """What is done, and what is predicted."""
    applies: Callable[[GroupExamination], bool]
    run: Callable[[GroupExamination, "GroupTrial"], CausalTest]


def run_group_trials(examination: GroupExamination) -> tuple[CausalTest, ...]:
    """Every test that applies, in the order of the table."""
    applicable = (trial for trial in GROUP_TRIALS if trial.applies(examination))
    return tuple(trial.run(examination, trial) for trial in applicable)


def _always(examination: GroupExamination) -> bool:
    return True


def _has_others(examination: GroupExamination) -> bool:
    return bool(examination.free)


def _has_no_others(examination: GroupExamination) -> bool:
    return not examination.free


def _chance(x: GroupExamination) -> float:
    return x.thresholds.chance / x.subject.order


def _sparsity(x: GroupExamination, trial: GroupTrial) -> CausalTest:
    return at_most(trial.name, x.luck, x.group_thresholds.sparsity, trial.about)


def _sufficiency(x: GroupExamination, trial: GroupTrial) -> CausalTest:
    value = x.accuracy_of(only(x.subject, x.keys))
    return at_least(trial.name, value, x.thresholds.grade_b, trial.about)


def _necessity(x: GroupExamination, trial: GroupTrial) -> CausalTest:
    value = x.accuracy_of(without(x.subject, x.keys))
    return at_most(trial.name, value, _chance(x), trial.about)


def _necessity_loss(x: GroupExamination, trial: GroupTrial) -> CausalTest:
    loss = cross_entropy(x.subject, x.subject.run(without(x.subject, x.keys)).logits)
    return at_least(trial.name, loss, 0.5 * math.log(x.subject.order), trial.about)


def _necessity_norm(x: GroupExamination, trial: GroupTrial) -> CausalTest:
    value = x.accuracy_of(without_at_full_norm(x.subject, x.keys))
    return at_most(trial.name, value, _chance(x), trial.about)


def _necessity_resampled(x: GroupExamination, trial: GroupTrial) -> CausalTest:
    draws = [x.accuracy_of(resampled(x.subject, x.keys, seed)) for seed in range(_SWAPS)]
    limit = x.group_thresholds.resampled / x.subject.order
    return at_most(trial.name, sum(draws) / len(draws), limit, trial.about)


def _control(x: GroupExamination, trial: GroupTrial) -> CausalTest:
    value = x.accuracy_of(without(x.subject, x.free[: len(x.keys)]))
    return at_least(trial.name, value, x.thresholds.control, trial.about)


def _mechanism(x: GroupExamination, trial: GroupTrial) -> CausalTest:
    return at_least(trial.name, x.mechanism.accuracy, x.thresholds.grade_b, trial.about)


def _mechanism_loss(x: GroupExamination, trial: GroupTrial) -> CausalTest:
    rise = x.mechanism.cross_entropy_rise
    return at_most(trial.name, rise, x.thresholds.cross_entropy, trial.about)


def _mechanism_random(x: GroupExamination, trial: GroupTrial) -> CausalTest:
    return at_most(trial.name, x.mechanism.random, x.thresholds.random_form, trial.about)


def _mechanism_principal(x: GroupExamination, trial: GroupTrial) -> CausalTest:
    gain = x.mechanism.accuracy - x.mechanism.principal
    return at_least(trial.name, gain, 1 / x.subject.order**2, trial.about)


def _mechanism_cosets(x: GroupExamination, trial: GroupTrial) -> CausalTest:
    return at_least(trial.name, x.coset_accuracy, x.group_thresholds.coset, trial.about)


def _scrambled_cosets(x: GroupExamination, trial: GroupTrial) -> CausalTest:
    limit = x.group_thresholds.scrambled
    return at_most(trial.name, x.scrambled_accuracy, limit, trial.about)


def _coset_neurons_gone(x: GroupExamination, trial: GroupTrial) -> CausalTest:
    return at_most(trial.name, x.without_coset_neurons, x.group_thresholds.gone, trial.about)


def _principal_cosets(x: GroupExamination, trial: GroupTrial) -> CausalTest:
    return at_least(trial.name, x.coset_gain, 1 / x.subject.order**2, trial.about)


def _agreement(x: GroupExamination, trial: GroupTrial) -> CausalTest:
    limit = x.group_thresholds.agreement
    return at_least(trial.name, x.form.agreement, limit, trial.about)


GROUP_TRIALS: tuple[GroupTrial, ...] = (
    GroupTrial(
        name="sparsity",
        applies_to="all",
        about="share of random orders of the tokens that use as few irreps, weighed by energy, of "
        f"{DRAWS}; groups of order 6 cannot pass it",
        applies=_always,
        run=_sparsity,
    ),
    GroupTrial(
        name="sufficiency",
        applies_to="all",
        about="accuracy with the key irreps of the embedding alone",
        applies=_always,
        run=_sufficiency,
    ),
    GroupTrial(
        name="necessity",
        applies_to="all",
        about="accuracy without the key irreps: chance",
        applies=_always,
        run=_necessity,
    ),
    GroupTrial(
        name="necessity_loss",
        applies_to="all",
        about="cross-entropy without the key irreps, in nats: at least half that of guessing",
        applies=_always,
        run=_necessity_loss,
    ),
    GroupTrial(
        name="necessity_norm",
        applies_to="all",
        about="the same with what is left scaled to the embedding's norm: chance",
        applies=_always,
        run=_necessity_norm,
    ),
    GroupTrial(
        name="necessity_resampled",
        applies_to="all",
        about=f"accuracy with the key irreps of other tokens, mean of {_SWAPS} draws: chance",
        applies=_always,
        run=_necessity_resampled,
    ),
    GroupTrial(
        name="control",
        applies_to="networks that do not use every irrep",
        about="accuracy without as many other irreps, or all there are: unharmed",
        applies=_has_others,
        run=_control,
    ),
    GroupTrial(
        name="mechanism",
        applies_to="all",
        about="accuracy with every layer's pre-activations replaced by functions of x plus "
        "functions of y in the key irreps (products too behind attention or another layer)",
        applies=_always,
        run=_mechanism,
    ),
    GroupTrial(
        name="mechanism_loss",
        applies_to="all",
        about="rise of the cross-entropy under that replacement, in nats",
        applies=_always,
        run=_mechanism_loss,
    ),
    GroupTrial(
        name="mechanism_random",
        applies_to="networks that do not use every irrep",
        about="accuracy with the same form over other irreps, best of three draws",
        applies=_has_others,
        run=_mechanism_random,
    ),
    GroupTrial(
        name="mechanism_principal",
        applies_to="all",
        about="accuracy of that replacement above that of principal components with as many "
        "numbers: at least one row",
        applies=_always,
        run=_mechanism_principal,
    ),
    GroupTrial(
        name="mechanism_cosets",
        applies_to="networks that use every irrep, whose irreps therefore say nothing",
        about="accuracy of those neurons alone that are constant on cosets, made exactly so",
        applies=_has_no_others,
        run=_mechanism_cosets,
    ),
    GroupTrial(
        name="scrambled_cosets",
        applies_to="networks that use every irrep",
        about="the same, found anew with the elements in a random order: best of three draws",
        applies=_has_no_others,
        run=_scrambled_cosets,
    ),
    GroupTrial(
        name="principal_cosets",
        applies_to="networks that use every irrep",
        about="accuracy of these neurons above that of principal components with as many numbers: "
        "at least one row",
        applies=_has_no_others,
        run=_principal_cosets,
    ),
    GroupTrial(
        name="coset_neurons_gone",
        applies_to="networks that use every irrep",
        about="accuracy without these neurons: little is left",
        applies=_has_no_others,
        run=_coset_neurons_gone,
    ),
    GroupTrial(
        name="form_agreement",
        applies_to="all",
        about="rows on which the key irreps' part of the mean logits over c⁻¹∘x∘y and the network "
        "have the same largest logit",
        applies=_always,
        run=_agreement,
    ),
)
"""The applicability table."""
