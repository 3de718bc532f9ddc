"""From a network on a group that is not cyclic to a verdict."""

from collections.abc import Sequence

from grokscope.explanation.explanation import Explanation
from grokscope.explanation.group_examination import GroupExamination
from grokscope.explanation.group_trial import run_group_trials
from grokscope.explanation.subject import Subject, accuracy
from grokscope.explanation.thresholds import FROZEN, Thresholds


def explain_group(
    subject: Subject, keys: Sequence[int] | None = None, thresholds: Thresholds = FROZEN
) -> Explanation:
    """Say which irreps and cosets a network computes with, and test it.

    The same gate and the same rule as on cyclic groups: explained is what passes all that applies.

    Args:
        subject: the network.
        keys: irreps that somebody claims it computes with, by their place among `real_irreps`, the
            strongest first; found where none are given.
        thresholds: that the tests must reach.
    """
    examination = GroupExamination(subject, thresholds, keys)
    right = accuracy(subject, examination.trace.logits)
    if right < thresholds.accuracy:
        return Explanation(
            verdict="not_accurate",
            name=subject.name,
            group=subject.symmetry.name,
            accuracy=right,
            thresholds=thresholds,
        )
    tests = run_group_trials(examination)
    is_explained = all(test.passed for test in tests)
    return Explanation(
        verdict="explained" if is_explained else "unexplained",
        grade=("A" if examination.reached >= thresholds.grade_a else "B") if is_explained else None,
        accuracy=right,
        name=subject.name,
        group=subject.symmetry.name,
        components=examination.irreps,
        subgroups=examination.subgroups,
        neurons=examination.neurons,
        has_coset_circuits=examination.has_coset_circuits,
        tests=tests,
        free_parameters={
            "layers": examination.mechanism.n_parameters,
            "closed_form": examination.form.n_parameters,
        },
        parts=examination.form.shares,
        is_sparse=next(test.passed for test in tests if test.name == "sparsity"),
        thresholds=thresholds,
    )
