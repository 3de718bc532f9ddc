"""The rules of memorisation, measurement by measurement."""

import math


def slow_memorized(losses, steps, exposed, eps: float, delta: float) -> float:
    """Of one sample, retrospectively: its step, or infinity."""
    for t, step in enumerate(steps):
        later = losses[t:]
        is_stable = all(abs(loss - losses[-1]) <= delta for loss in later)
        if step >= exposed and losses[t] <= eps and is_stable:
            return float(step)
    return math.inf


def slow_online(losses, steps, exposed, eps, delta, window) -> tuple[float, float]:
    """The retrospective rule on every stretch of `window` measurements, in turn."""
    for end in range(window, len(steps) + 1):
        own = losses[end - window : end]
        since = steps[end - window]
        if slow_memorized(own, steps[end - window : end], exposed, eps, delta) == since:
            return float(since), float(steps[end - 1])
    return math.inf, math.inf


def slow_choose_eps(curves, steps, exposed, delta: float) -> tuple[float, float]:
    """Every multiple of 0.1 up to the largest loss: the first whose share is nearest the range."""
    top = max(max(own) for own in curves)
    best = None
    for k in range(1, math.ceil(10 * top) + 2):
        dates = [
            slow_memorized(own, steps, seen, k / 10, delta)
            for own, seen in zip(curves, exposed, strict=True)
        ]
        share = sum(date < steps[-1] for date in dates) / len(dates)
        off = max(0.2 - share, share - 0.25, 0)
        if best is None or off < best[0]:
            best = off, k / 10, share
    return best[1:]


def slow_generalized(correct, steps) -> float:
    """Of one item."""
    for t, step in enumerate(steps):
        rest = correct[t:]
        if rest[0] and rest.count(False) <= 1 and rest.count(True) / len(rest) > 0.8:
            return float(step)
    return math.inf
