"""The verdict on a network on a cyclic group: its circles."""

from collections.abc import Iterator
from dataclasses import replace

from grokscope.explanation.cyclic_examination import CyclicExamination
from grokscope.explanation.cyclic_trial import CYCLIC_TRIALS
from grokscope.explanation.explanation import Explanation
from grokscope.explanation.judge import judge
from grokscope.explanation.labelled_circle import LabelledCircle


def explain_cyclic(examination: CyclicExamination) -> Explanation:
    """Say which algorithm each circle is part of, and test it."""
    judged = judge(examination, CYCLIC_TRIALS)
    if judged.verdict == "not_accurate":
        return judged
    agreement = examination.agreement
    return replace(
        judged,
        certified=judged.verdict == "explained" and agreement.certified == 1,
        certified_share=agreement.certified,
        circles=tuple(_circles(examination)),
        free_parameters={
            "layers": examination.mechanism.n_parameters,
            "closed_form": examination.closed_form.n_parameters,
        },
        parts=examination.parts,
        orders=examination.orders,
        read_out=examination.read_out,
    )


def _circles(examination: CyclicExamination) -> Iterator[LabelledCircle]:
    for circle in examination.circles:
        label = examination.labels[circle.frequency]
        _, *weaker = examination.hypotheses[circle.frequency]
        is_own = circle.main.k == circle.frequency
        yield LabelledCircle(
            frequency=circle.frequency,
            label=label,
            speaks=circle.main.k,
            shape=circle.main.shape.index if is_own else None,
            shape_interval=circle.index_interval if is_own else None,
            profile=circle.profile,
            offset=circle.offset,
            fraction=circle.main.shape.fraction if label == "mixture" else None,
            share=circle.power,
            alignment=circle.alignment,
            alignment_halves=circle.alignment_halves,
            attention=circle.attention,
            necessary=examination.necessary[circle.frequency],
            inner=examination.inner_label(circle),
            also=tuple(hypothesis.name for hypothesis in weaker if hypothesis is not None),
        )
