"""What happened to a network, and between which two evaluations: the events of `grokdef/1`."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from grokscope.measures.crossing import sustained_fall, sustained_rise
from grokscope.measures.curve import Curve
from grokscope.measures.thresholds import HYSTERESIS, Thresholds

EVENTS = {
    "memorized": "train q reached `memorized`",
    "memorized_loss": "1 - train loss / L0 reached `memorized`",
    "onset": "test q rose above chance by more than noise",
    "grokked_50": "test q reached .5",
    "grokked_90": "test q reached .9",
    "grokked": "test q reached `grokked`",
    "grokked_loss": "1 - test loss / L0 reached `grokked`",
    "grokked_99": "test q reached .99",
    "test_fell": "test q fell to `fall` after `grokked`",
    "test_recovered": "test q reached `grokked` again",
    "train_fell": "train q fell to `fall` after `memorized`",
    "train_recovered": "train q reached `memorized` again",
    "diverged": "the loss was not finite, or stayed far above its start",
}
"""Every event by name; those at the same step are listed in this order."""

ORDER = tuple(EVENTS)


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened after the evaluation at step `after` and by the one at `step`.

    Attributes:
        name: one of `EVENTS`.
        step: evaluation at which it was first seen.
        after: the evaluation before, None when it was seen at the first one.
        value: the quantity at `step` that its threshold is about, None when it is not finite.
    """

    name: str
    step: int
    after: int | None
    value: float | None


def events_of(curve: Curve, thresholds: Thresholds) -> list[Event]:
    """All events of a network, sorted by step.

    Evaluations at and after a divergence are not read.
    """
    diverged = divergence(curve, thresholds)
    events = [] if diverged is None else [diverged]
    curve = curve if diverged is None else curve.until(diverged.step)
    events += _rises(curve, thresholds)
    events += _falls_and_recoveries(curve, thresholds, events)
    return sorted(events, key=lambda event: (event.step, ORDER.index(event.name)))


def divergence(curve: Curve, thresholds: Thresholds) -> Event | None:
    """The divergence of a network, or None.

    It is the step that training reported, or else the first train loss that is not finite, or else
    the start of the final stretch, of two evaluations or more, in which the train loss is above
    `diverged_loss` times the larger of L0 and its first value. Losses that come back down, as in a
    slingshot, are no divergence, nor is the large first loss of a network with a large init.
    """
    if curve.diverged_step is not None:
        before = curve.step[curve.step < curve.diverged_step]
        after = int(before[-1]) if len(before) else None
        return Event(name="diverged", step=curve.diverged_step, after=after, value=None)
    loss = curve.train_loss
    if loss is None or not len(loss):
        return None
    broken = np.flatnonzero(~np.isfinite(loss))
    if len(broken):
        return _event("diverged", curve, loss, int(broken[0]))
    limit = thresholds.diverged_loss * max(curve.loss_scale or 0.0, float(loss[0]))
    low = np.flatnonzero(loss <= limit)
    start = int(low[-1]) + 1 if len(low) else 0
    return _event("diverged", curve, loss, start) if len(loss) - start >= 2 else None


def onset_threshold(curve: Curve, thresholds: Thresholds) -> float:
    """Test q above which a rise is more than noise: `onset` plus standard errors of chance."""
    return onset_reach(curve.n_test, curve.chance, curve.ceiling, thresholds)


def onset_reach(n_test: int, chance: float, ceiling: float, thresholds: Thresholds) -> float:
    """`onset_threshold` of a network with so many test rows."""
    error = math.sqrt(chance * (1 - chance) / max(n_test, 1))
    return thresholds.onset + thresholds.onset_errors * error / (ceiling - chance)


def _rises(curve: Curve, thresholds: Thresholds) -> list[Event]:
    train, test = curve.train_q(), curve.test_q()
    memorized = (thresholds.memorized, thresholds.memorized_hold)
    grokked = (thresholds.grokked, thresholds.grokked_hold)
    wanted = [
        ("memorized", train, *memorized),
        ("onset", test, onset_threshold(curve, thresholds), thresholds.onset),
        ("grokked_50", test, 0.5, 0.5 - HYSTERESIS),
        ("grokked_90", test, 0.9, 0.9 - HYSTERESIS),
        ("grokked", test, *grokked),
        ("grokked_99", test, 0.99, 0.99 - HYSTERESIS),
        ("memorized_loss", _loss_q(curve, curve.train_loss), *memorized),
        ("grokked_loss", _loss_q(curve, curve.test_loss), *grokked),
    ]
    found = ((n, q, sustained_rise(q, hi, lo, thresholds.held)) for n, q, hi, lo in wanted)
    return [_event(name, curve, q, index) for name, q, index in found if index is not None]


def _loss_q(
    curve: Curve, loss: Float[np.ndarray, " evaluation"] | None
) -> Float[np.ndarray, " evaluation"]:
    """1 - L/L0: 0 for a constant prediction, 1 for a perfect one; NaN where there is no loss."""
    if loss is None or not len(loss):
        return np.full(len(curve.step), np.nan)
    return 1.0 - loss / (curve.loss_scale or float(loss[0]))


def _falls_and_recoveries(curve: Curve, thresholds: Thresholds, events: list[Event]) -> list[Event]:
    steps = {event.name: event.step for event in events}
    test = ("test", curve.test_q(), thresholds.grokked, thresholds.grokked_hold)
    train = ("train", curve.train_q(), thresholds.memorized, thresholds.memorized_hold)
    found: list[Event] = []
    if "grokked" in steps:
        found += _alternation(curve, thresholds, test, steps["grokked"])
    if "memorized" in steps:
        found += _alternation(curve, thresholds, train, steps["memorized"])
    return found


def _alternation(
    curve: Curve,
    thresholds: Thresholds,
    subject: tuple[str, Float[np.ndarray, " evaluation"], float, float],
    since: int,
) -> list[Event]:
    """Falls and recoveries by turns, from the evaluation after step `since` on."""
    name, q, reach, hold = subject
    fall, held = thresholds.fall, thresholds.held
    found: list[Event] = []
    start = int(np.searchsorted(curve.step, since)) + 1
    while True:
        index = sustained_fall(q, fall, fall + HYSTERESIS, held, start=start)
        if index is None:
            return found
        found.append(_event(f"{name}_fell", curve, q, index))
        index = sustained_rise(q, reach, hold, held, start=index + 1)
        if index is None:
            return found
        found.append(_event(f"{name}_recovered", curve, q, index))
        start = index + 1


def _event(name: str, curve: Curve, values: Float[np.ndarray, " evaluation"], index: int) -> Event:
    after = int(curve.step[index - 1]) if index else None
    value = float(values[index])
    finite = value if math.isfinite(value) else None
    return Event(name=name, step=int(curve.step[index]), after=after, value=finite)
