"""From a network to a verdict."""

from collections.abc import Sequence

from grokscope.explanation.cyclic_examination import CyclicExamination
from grokscope.explanation.cyclic_explanation import explain_cyclic
from grokscope.explanation.explanation import Explanation
from grokscope.explanation.group_examination import GroupExamination
from grokscope.explanation.group_explanation import explain_group
from grokscope.explanation.subject import Subject
from grokscope.explanation.thresholds import FROZEN, Thresholds


def explain(
    subject: Subject, keys: Sequence[int] | None = None, thresholds: Thresholds = FROZEN
) -> Explanation:
    """Say which algorithm a network runs, circle by circle, and test it.

    A network that is not accurate is not explained, and no algorithm is named. Everything is
    deterministic.

    Args:
        subject: the network.
        keys: frequencies that somebody claims it computes with, the strongest first; found where
            none are given. Off cyclic groups they are irreps, by their place among `real_irreps`.
        thresholds: that the tests must reach.
    """
    if subject.symmetry.is_cyclic:
        return explain_cyclic(CyclicExamination(subject, thresholds, keys))
    return explain_group(GroupExamination(subject, thresholds, keys))
