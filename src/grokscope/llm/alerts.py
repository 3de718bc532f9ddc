"""What somebody who trains would want to be woken for.

An alert is about the latest measurement and what came before; it is raised when it begins to hold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from grokscope.llm.measurement import Measurement

COLLAPSED = 0.25
"""Effective experts (exp of the entropy of the load) over experts, below which a layer has
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
        kind: `collapse`, `dead_experts`, `sharpening`, `not_finite`, or `scoring` where a router
            weighs its experts in another way than it is read.
        where: a group, a layer, or the model.
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
    problems = [_problem(problem, layers) for problem in reversed(latest.problems)]
    found = list({(alert.kind, alert.where): alert for alert in problems}.values())[::-1]
    found += _collapsed(latest, layers, experts)
    for name, dead in zip(layers, latest.dead.tolist(), strict=True):
        if dead:
            message = f"`{name}`: {dead} of {experts} experts get less than a tenth of a fair load."
            found.append(Alert(kind="dead_experts", where=name, message=message))
    return found + [alert for group in latest.groups for alert in _sharpening(history, group)]


def _problem(problem: str, layers: Sequence[str]) -> Alert:
    """What a reading complained of, by the layer that it names."""
    where = next((name for name in layers if problem.startswith(f"`{name}`")), "model")
    kind = "not_finite" if "not finite" in problem else "scoring"
    return Alert(kind=kind, where=where, message=problem)


def _collapsed(latest: Measurement, layers: Sequence[str], experts: int) -> list[Alert]:
    """Layers whose weight goes to few experts; those that were not read are left out."""
    share = latest.load
    effective = np.exp(-np.where(share > 0, share * np.log(share + 1e-30), 0.0).sum(1))
    known = np.isfinite(share.sum(1))
    return [
        Alert(
            kind="collapse",
            where=name,
            message=f"`{name}` spreads its load over {count:.1f} of {experts} experts.",
        )
        for name, count, is_known in zip(layers, effective, known, strict=True)
        if is_known and count < COLLAPSED * experts
    ]


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
    """Relative fall; 0 where it is not known."""
    start, end = before.get(name, np.nan), after.get(name, np.nan)
    return (start - end) / start if start > 0 and np.isfinite(end) else 0.0


def _or_zero(scalars: Mapping[str, float], name: str) -> float:
    value = scalars.get(name, 0.0)
    return value if np.isfinite(value) else 0.0
