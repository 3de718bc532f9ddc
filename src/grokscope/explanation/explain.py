"""From a network to a verdict."""

from collections.abc import Sequence

from grokscope.core.errors import MemoryExceededError, SettingError, UsageError
from grokscope.explanation.cyclic_examination import CyclicExamination
from grokscope.explanation.cyclic_explanation import explain_cyclic
from grokscope.explanation.explanation import Explanation
from grokscope.explanation.group_examination import GroupExamination
from grokscope.explanation.group_explanation import explain_group
from grokscope.explanation.subject import Subject
from grokscope.explanation.thresholds import FROZEN, Thresholds

MEMORY_LIMIT = 8e9
"""Bytes that the logits of a table may take, with the copies that are made of them."""
_COPIES = 6


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

    Raises:
        SettingError: what is given is no subject.
        UsageError: the subject has no pre-activations.
        MemoryExceededError: the table is too large.
    """
    if not isinstance(subject, Subject):  # pyright: ignore[reportUnnecessaryIsInstance]
        rule = "a subject: `run.subject(0)` of a run, or `ModuleSubject(…)` of a module"
        raise SettingError("subject", rule, type(subject).__name__)
    if not subject.layers:
        raise UsageError("`pre`: name the submodules whose output is pre-activations.")
    _require_memory(subject)
    if subject.symmetry.is_cyclic:
        return explain_cyclic(CyclicExamination(subject, thresholds, keys))
    return explain_group(GroupExamination(subject, thresholds, keys))


def _require_memory(subject: Subject) -> None:
    n = subject.order
    size = 8.0 * _COPIES * n**3
    if size > MEMORY_LIMIT:
        largest = int((MEMORY_LIMIT / 8 / _COPIES) ** (1 / 3))
        raise MemoryExceededError(
            f"The table of {subject.symmetry.name} is too large to explain: its {n}³ logits take "
            f"{size / 1e9:.1f} GB with their copies, at most {MEMORY_LIMIT / 1e9:g} GB "
            f"(a group of order {largest}) are allowed."
        )
