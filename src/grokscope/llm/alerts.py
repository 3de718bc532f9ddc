"""What somebody who trains would want to be woken for.

An alert is about the latest measurement and what came before; it is raised when it begins to hold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from grokscope.llm.measurement import Measurement

COLLAPSED = 0.25
"""Effective experts (exp of the entropy of the mean weights) over experts, below which a layer has
collapsed."""
FALL = 0.03
"""Relative fall of a raw distance from its highest value that is worth a word; the published falls
after memorisation are of 5 %."""
EXPLAINED = 2 / 3
"""Part of a fall of the raw distance that shorter pathways explain, from which it is sharpening."""


@dataclass(frozen=True, kw_only=True)
class Alert:
    """Something to look at.

    Attributes:
        kind: `collapse`, `dead_experts`, `sharpening` or `not_finite`.
        where: a group, or a layer.
        message: one sentence.
    """

    kind: str
    where: str
    message: str


def alerts_of(history: Sequence[Measurement], layers: Sequence[str], experts: int) -> list[Alert]:
    """All that hold at the latest of some measurements.

    Args:
        history: rising in step; at least one.
        layers: names of the routers.
        experts: of a layer.
    """
    latest = history[-1]
    found = [
        Alert(kind="not_finite", where="routing", message=problem) for problem in latest.problems
    ]
    whole = latest.load
    effective = np.exp(-np.sum(np.where(whole > 0, whole * np.log(whole + 1e-30), 0.0), 1))
    for name, count in zip(layers, effective, strict=True):
        if count < COLLAPSED * experts:
            message = f"`{name}` spreads its weight over {count:.1f} of {experts} experts."
            found.append(Alert(kind="collapse", where=name, message=message))
    for name, dead in zip(layers, latest.dead, strict=True):
        if dead:
            message = f"`{name}`: {dead} of {experts} experts get less than a tenth of a fair load."
            found.append(Alert(kind="dead_experts", where=name, message=message))
    return found + [alert for group in latest.groups for alert in _sharpening(history, group)]


def _sharpening(history: Sequence[Measurement], group: str) -> list[Alert]:
    """Whether the raw distance fell because pathways got shorter, not more alike."""
    known = [m.groups[group].scalars for m in history if group in m.groups]
    highest = max(known, key=lambda scalars: _or_zero(scalars, "distance"))
    latest = known[-1]
    fallen = _fall(highest, latest, "distance")
    normalized = _fall(highest, latest, "distance_normalized")
    if fallen < FALL or normalized > (1 - EXPLAINED) * fallen:
        return []
    shorter = _fall(highest, latest, "path_length")
    if shorter < EXPLAINED * fallen:
        return []
    message = (
        f"{group}: the distance between pathways fell by {fallen:.0%} because routing sharpens "
        f"(pathways are {shorter:.0%} shorter); normalised it fell by {max(normalized, 0.0):.0%}."
    )
    return [Alert(kind="sharpening", where=group, message=message)]


def _fall(before: Mapping[str, float], after: Mapping[str, float], name: str) -> float:
    """Relative fall, 0 where nothing is known."""
    start, end = _or_zero(before, name), _or_zero(after, name)
    return (start - end) / start if start > 0 else 0.0


def _or_zero(scalars: Mapping[str, float], name: str) -> float:
    value = scalars.get(name, 0.0)
    return value if np.isfinite(value) else 0.0
