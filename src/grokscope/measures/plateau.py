"""Plateaus of the test accuracy: the stretch before grokking, and that of a partial rise."""

import numpy as np

from grokscope.measures.curve import Curve
from grokscope.measures.thresholds import Thresholds


def plateau_share(curve: Curve, memorized_step: int, grokked_step: int, band: float) -> float:
    """Share of the delay, in log-steps, on which test q stays where it was at memorisation.

    A stretch between two evaluations counts when test q is within `band` of its value at
    memorisation at both ends. Steps are counted from 1 here, since step 0 has no logarithm.

    Args:
        curve: the network's record; both steps are evaluations of it.
        memorized_step: start of the delay.
        grokked_step: end of the delay, later than its start.
        band: greatest distance in test q.

    Returns:
        A number in [0, 1].
    """
    q = curve.test_q()
    first, last = np.searchsorted(curve.step, (memorized_step, grokked_step))
    position = np.log(np.maximum(curve.step[first : last + 1], 1))
    near = np.abs(q[first : last + 1] - q[first]) <= band
    flat = near[:-1] & near[1:]
    delay = position[-1] - position[0]
    return float(np.diff(position)[flat].sum() / delay) if delay > 0 else 0.0


def settled_at(curve: Curve, memorized_step: int, thresholds: Thresholds) -> float | None:
    """Test q at which a partial rise has come to rest, or None.

    The record's final `semi_decades` must have at least `held` + 1 evaluations, a mean test q
    between `semi_low` and `semi_high` that is at least `semi_rise` above the one at memorisation,
    and a least-squares slope below `semi_slope` per decade of steps.
    """
    position = np.log10(np.maximum(curve.step, 1))
    final = position >= position[-1] - thresholds.semi_decades
    final &= curve.step > memorized_step
    q = curve.test_q()
    if final.sum() < max(thresholds.held + 1, 2) or not np.isfinite(q[final]).all():
        return None
    level = float(q[final].mean())
    risen = level - float(q[np.searchsorted(curve.step, memorized_step)])
    between = thresholds.semi_low <= level <= thresholds.semi_high
    slope = float(np.polynomial.polynomial.polyfit(position[final], q[final], 1)[1])
    flat = abs(slope) < thresholds.semi_slope
    return level if between and flat and risen >= thresholds.semi_rise else None
