"""The rule that gives the verdict, the same on every group."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from grokscope.explanation.examination import Examination
from grokscope.explanation.explanation import Explanation, Grade
from grokscope.explanation.trial import Trial

E = TypeVar("E", bound=Examination)


def judge(examination: E, trials: Sequence[Trial[E]]) -> Explanation:
    """Run every test that applies, in the order of the table; explained is what passes all.

    A network that is not accurate is not tested.
    """
    gated = Explanation(
        verdict="not_accurate",
        name=examination.subject.name,
        group=examination.subject.symmetry.name,
        accuracy=examination.accuracy,
        thresholds=examination.thresholds,
    )
    if examination.accuracy < examination.thresholds.accuracy:
        return gated
    tests = tuple(trial.run(examination) for trial in trials if trial.applies(examination))
    is_explained = all(test.passed for test in tests)
    return replace(
        gated,
        verdict="explained" if is_explained else "unexplained",
        grade=_grade(examination) if is_explained else None,
        tests=tests,
        is_sparse=next(test.passed for test in tests if test.name == "sparsity"),
    )


def _grade(examination: Examination) -> Grade:
    return "A" if examination.reached() >= examination.thresholds.grade_a else "B"
