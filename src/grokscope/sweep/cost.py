"""What a sweep will take, from trial steps of a few of its shapes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from grokscope.experiment import Plan, estimate
from grokscope.sweep.cohort import Shape

_PROBE_SECONDS = 0.3
_SECONDS_OF_A_COHORT = 1.0
"""Beside its steps: recording them, looks, files, verification. More on a slow disk."""
_MOST_PROBES = 5


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What is left to do.

    Attributes:
        runs: networks to train.
        cohorts: in which they train.
        shapes: kinds of cohorts: runs of one kind can share a stack.
        seconds: about, if every network uses its whole budget and cohorts train one by one.
    """

    runs: int
    cohorts: int
    shapes: int
    seconds: float


def cost_of(shapes: Sequence[Shape]) -> Cost:
    """Step cohorts of some shapes for a moment each; the others are put in proportion.

    Raises:
        MemoryExceededError: a cohort does not fit.
    """
    probed = _spread(sorted(shapes, key=lambda shape: shape.nominal_seconds))
    seconds = [_seconds(shape) for shape in probed]
    nominal = math.fsum(shape.nominal_seconds for shape in probed)
    share = math.fsum(seconds) / nominal if nominal else 0.0
    known = dict(zip(map(id, probed), seconds, strict=True))
    total = math.fsum(known.get(id(s), share * s.nominal_seconds) for s in shapes)
    cohorts = sum(len(shape.cohorts()) for shape in shapes)
    return Cost(
        runs=sum(len(shape.runs) for shape in shapes),
        cohorts=cohorts,
        shapes=len(shapes),
        seconds=total + _SECONDS_OF_A_COHORT * cohorts,
    )


def _seconds(shape: Shape) -> float:
    cohorts = shape.cohorts()
    first = shape.runs[: len(cohorts[0].members)]
    plan = Plan(recipe="", networks=tuple(run.config for run in first))
    return estimate(plan, _PROBE_SECONDS).seconds_at_most * len(shape.runs) / len(first)


def _spread(shapes: Sequence[Shape]) -> list[Shape]:
    """A few from the cheapest to the dearest."""
    if len(shapes) <= _MOST_PROBES:
        return list(shapes)
    last = len(shapes) - 1
    return [shapes[round(i * last / (_MOST_PROBES - 1))] for i in range(_MOST_PROBES)]
