"""The causal tests of networks off cyclic groups, and which networks must pass which.

Variance is reported and not required: off cyclic groups the logits are far from pure characters
(Chughtai et al., arXiv 2302.03025, explain clearly less than all of it).
"""

from dataclasses import replace

from grokscope.explanation.group_examination import DRAWS, GroupExamination
from grokscope.explanation.shared_trial import (
    MECHANISM_LOSS,
    MECHANISM_PRINCIPAL,
    accuracy_resampled,
    control,
    key_trials,
    mechanism,
    mechanism_random,
)
from grokscope.explanation.trial import Trial

_SWAPS = 10


def _has_others(examination: GroupExamination) -> bool:
    """Networks that do not use every irrep."""
    return bool(examination.free)


def _has_no_others(examination: GroupExamination) -> bool:
    """Networks that use every irrep, whose irreps therefore say nothing."""
    return not examination.free


_SOME_IRREPS = "networks that do not use every irrep"
_ALL_IRREPS = "networks that use every irrep, whose irreps therefore say nothing"

GROUP_TRIALS: tuple[Trial[GroupExamination], ...] = (
    Trial(
        name="sparsity",
        about="share of random orders of the tokens that use as few irreps, weighed by energy, of "
        f"{DRAWS}; groups of order 6 cannot pass it",
        measure=lambda x: x.luck,
        side="at most",
        limit=lambda x: x.thresholds.group.sparsity,
    ),
    *key_trials("irreps"),
    Trial(
        name="necessity_resampled",
        about=f"accuracy with the key irreps of other tokens, mean of {_SWAPS} draws: chance",
        measure=lambda x: accuracy_resampled(x, _SWAPS),
        side="at most",
        limit=lambda x: x.thresholds.group.resampled / x.subject.order,
    ),
    replace(control("irreps"), applies=_has_others, applies_to=_SOME_IRREPS),
    mechanism(
        "functions of x plus functions of y in the key irreps (products too behind attention or "
        "another layer)"
    ),
    MECHANISM_LOSS,
    replace(mechanism_random("irreps"), applies=_has_others, applies_to=_SOME_IRREPS),
    MECHANISM_PRINCIPAL,
    Trial(
        name="mechanism_cosets",
        about="accuracy of those neurons alone that are constant on cosets, made exactly so",
        measure=lambda x: x.coset_accuracy,
        side="at least",
        limit=lambda x: x.thresholds.group.coset,
        applies=_has_no_others,
        applies_to=_ALL_IRREPS,
    ),
    Trial(
        name="scrambled_cosets",
        about="the same, found anew with the elements in a random order: best of three draws",
        measure=lambda x: x.scrambled_accuracy,
        side="at most",
        limit=lambda x: x.thresholds.group.scrambled,
        applies=_has_no_others,
        applies_to=_ALL_IRREPS,
    ),
    Trial(
        name="principal_cosets",
        about="accuracy of these neurons above that of principal components with as many numbers: "
        "at least one row",
        measure=lambda x: x.coset_gain,
        side="at least",
        limit=lambda x: 1 / x.subject.order**2,
        applies=_has_no_others,
        applies_to=_ALL_IRREPS,
    ),
    Trial(
        name="coset_neurons_gone",
        about="accuracy without these neurons: little is left",
        measure=lambda x: x.without_coset_neurons,
        side="at most",
        limit=lambda x: x.thresholds.group.gone,
        applies=_has_no_others,
        applies_to=_ALL_IRREPS,
    ),
    Trial(
        name="form_agreement",
        about="rows on which the key irreps' part of the mean logits over c⁻¹∘x∘y and the network "
        "have the same largest logit",
        measure=lambda x: x.form.agreement,
        side="at least",
        limit=lambda x: x.thresholds.group.agreement,
    ),
)
"""The applicability table."""
