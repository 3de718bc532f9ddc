"""From a network to a verdict."""

from collections.abc import Iterator, Sequence

from grokscope.explanation.causal_test import CausalTest
from grokscope.explanation.examination import Examination
from grokscope.explanation.explanation import Explanation, Grade, LabelledCircle
from grokscope.explanation.group_explanation import explain_group
from grokscope.explanation.subject import Subject, accuracy
from grokscope.explanation.thresholds import FROZEN, Thresholds
from grokscope.explanation.trial import run_trials


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
    if not subject.symmetry.is_cyclic:
        return explain_group(subject, keys, thresholds)
    examination = Examination(subject, thresholds, keys)
    right = accuracy(subject, examination.trace.logits)
    if right < thresholds.accuracy:
        return Explanation(
            verdict="not_accurate",
            name=subject.name,
            group=subject.symmetry.name,
            accuracy=right,
            thresholds=thresholds,
        )
    tests = run_trials(examination)
    is_explained = all(test.passed for test in tests)
    agreement = examination.agreement
    return Explanation(
        verdict="explained" if is_explained else "unexplained",
        grade=_grade(examination) if is_explained else None,
        certified=is_explained and agreement.certified == 1,
        certified_share=agreement.certified,
        accuracy=right,
        name=subject.name,
        group=subject.symmetry.name,
        circles=tuple(_circles(examination)),
        tests=tests,
        free_parameters={
            "layers": examination.mechanism.n_parameters,
            "closed_form": examination.closed_form.n_parameters,
        },
        parts=examination.parts.shares,
        has_readout_table=examination.has_readout_table,
        is_sparse=_is_sparse(tests),
        thresholds=thresholds,
    )


def _grade(examination: Examination) -> Grade:
    reached = min(examination.mechanism.accuracy, examination.agreement.share)
    return "A" if reached >= examination.thresholds.grade_a else "B"


def _is_sparse(tests: Sequence[CausalTest]) -> bool:
    return next(test.passed for test in tests if test.name == "sparsity")


def _circles(examination: Examination) -> Iterator[LabelledCircle]:
    for circle in examination.circles:
        label = examination.labels[circle.frequency]
        _, *weaker = examination.hypotheses[circle.frequency]
        is_own = circle.main.k == circle.frequency
        yield LabelledCircle(
            frequency=circle.frequency,
            label=label,
            speaks=circle.main.k,
            shape=circle.main.shape.index if is_own else None,
            profile=circle.profile,
            offset=circle.offset,
            fraction=circle.main.shape.fraction if label == "mixture" else None,
            share=circle.power,
            alignment=circle.alignment,
            attention=circle.attention,
            necessary=examination.necessary[circle.frequency],
            also=tuple(hypothesis.name for hypothesis in weaker if hypothesis is not None),
        )
