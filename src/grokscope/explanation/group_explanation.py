"""The verdict on a network on a group that is not cyclic: its irreps and cosets."""

from dataclasses import replace

from grokscope.explanation.explanation import Explanation
from grokscope.explanation.group_examination import GroupExamination
from grokscope.explanation.group_trial import GROUP_TRIALS
from grokscope.explanation.judge import judge


def explain_group(examination: GroupExamination) -> Explanation:
    """Say which irreps and cosets a network computes with, and test it."""
    judged = judge(examination, GROUP_TRIALS)
    if judged.verdict == "not_accurate":
        return judged
    certified = examination.form.certified
    return replace(
        judged,
        certified=judged.verdict == "explained" and certified == 1,
        certified_share=certified,
        components=examination.irreps,
        subgroups=examination.subgroups,
        neurons=examination.neurons,
        has_coset_circuits=examination.has_coset_circuits,
        free_parameters={
            "layers": examination.mechanism.n_parameters,
            "closed_form": examination.form.n_parameters,
        },
        parts=examination.form.shares,
    )
