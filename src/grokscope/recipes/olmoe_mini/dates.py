"""When things happened in a run: a loss converged, a domain generalised, a layer turned.

All rules were fixed before an evaluation seed was trained.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from grokscope.measures.curve import Curve
from grokscope.measures.grokdef import Verdict, judge
from grokscope.recipes.olmoe_mini.record import Points, Record
from grokscope.statistics.wait import Wait

CONVERGED = 0.05
"""A loss has converged when it stays within this part of its whole fall of its last value."""
LEAST_FALL = 0.02
"""Fall of a normalised distance, of at most 1, below which no layer has turned."""


@dataclass(frozen=True, kw_only=True)
class Dates:
    """Of a domain in a run.

    Attributes:
        converged: since when the loss of its seen documents has converged.
        turned: when normalised accuracy on held-out questions reached a half, or beyond the last
            step.
        verdict: of `grokdef/1` on its questions.
    """

    converged: float
    turned: Wait
    verdict: Verdict


def dates_of(record: Record, domain: str, questions: int) -> Dates:
    """The dates of a domain.

    Args:
        record: of the run.
        domain: one with questions.
        questions: held-out ones that accuracy was taken on.
    """
    curve = Curve(
        step=record.steps.astype(np.int64),
        train_acc=record.series(f"{domain}/train", "accuracy"),
        test_acc=record.series(f"{domain}/test", "accuracy"),
        n_test=questions,
        chance=record.chances[domain],
    )
    verdict = judge(curve)
    step = verdict.step("grokked_50")
    return Dates(
        converged=converged_step(record.steps, record.series(domain, "loss")),
        turned=Wait.beyond(float(record.steps[-1])) if step is None else Wait.of(max(step, 1)),
        verdict=verdict,
    )


def converged_step(steps: Points, loss: Points) -> float:
    """The earliest measurement from which the loss stays near its last value.

    Near: within `CONVERGED` of the difference between its first and its last value. At least 1.
    """
    near = np.abs(loss - loss[-1]) <= CONVERGED * abs(loss[0] - loss[-1])
    holds = np.logical_and.accumulate(near[::-1])[::-1]
    return max(1.0, float(steps[int(holds.argmax())]))


def layer_turns(
    steps: Points, distances: Float64[np.ndarray, "layer point"]
) -> Float64[np.ndarray, " layer"]:
    """The step at which each layer's distance has made half of its fall.

    The fall is from its highest to its last value; NaN for a layer in which it is less than
    `LEAST_FALL`.
    """
    turns = np.full(len(distances), np.nan)
    for layer, own in enumerate(distances):
        top = int(np.nanargmax(own))
        fall = own[top] - own[-1]
        if fall >= LEAST_FALL:
            halved = own[top:] <= own[top] - fall / 2
            turns[layer] = steps[top + int(halved.argmax())]
    return turns
