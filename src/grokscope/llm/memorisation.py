"""Since when a sample is memorised, and a test item answered (arXiv 2506.21551, §3.1).

The published rule looks back from the last checkpoint T: a sample is memorised since the earliest
t* at which its loss is at most ε and from which on it stays within δ of its final loss. It is
retrospective, and at T it asks nothing of stability. The online rule uses a window of the last m
measurements in the place of the future, so that a monitor can apply it while training goes on.

A low loss is not memory. The paper grants that a sample's loss can converge before the sample was
seen: it was easy, or its like had been learned. So both rules take the exposure log, and a sample
that has not been trained on cannot be memorised; and `twins` measures memory as the difference
between samples that were seen and twins that were not.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Real

from grokscope.core.errors import SettingError

Steps = Real[np.ndarray, " step"]
Since = Float64[np.ndarray, " sample"]
"""A step; infinite where it did not happen, NaN where it cannot be said."""
Exposed = Real[np.ndarray, " sample"]
"""The first step after whose update a sample has been trained on; infinite where it never was."""

_SHARE = 0.2, 0.25
_GRID = 10


@dataclass(frozen=True, kw_only=True)
class LossCurves:
    """Losses of samples at a list of measurements.

    Attributes:
        steps: of the measurements, rising; a measurement comes after the update of its step.
        losses: mean over each sample's tokens, in nats. A sample with a NaN is left out: what is
            found of it is NaN.
    """

    steps: Steps
    losses: Float[np.ndarray, "_ sample"]

    def __post_init__(self) -> None:
        require_steps(self.steps, len(self.losses))


@dataclass(frozen=True, kw_only=True)
class ChosenEps:
    """The bound on the loss that a scan found.

    Attributes:
        eps: a multiple of 0.1.
        share: of the samples that are then memorised before the last measurement.
        in_range: whether that is between 20 and 25 %; otherwise it is the nearest that there is.
    """

    eps: float
    share: float
    in_range: bool


@dataclass(frozen=True, kw_only=True)
class OnlineMemorization:
    """What a monitor knows.

    Attributes:
        since: first step of the earliest window that fulfils the rule.
        known: its last step, at which the monitor could say so.
    """

    since: Since
    known: Since


def require_steps(steps: Steps, count: int) -> None:
    """Refuse steps that do not go with so many measurements.

    Raises:
        SettingError: there are none, their number is another, or they do not rise.
    """
    if not len(steps) or len(steps) != count:
        raise SettingError(
            "steps", f"one for each of at least one measurement, {count}", len(steps)
        )
    if not (np.diff(steps) > 0).all():
        raise SettingError("steps", "rising", steps.tolist())


def memorized_since(
    curves: LossCurves, exposed: Exposed | None, *, eps: float, delta: float = 0.05
) -> Since:
    """The earliest measurement with loss ≤ ε from which on |loss − last loss| ≤ δ.

    Args:
        curves: losses.
        exposed: since when each sample has been seen. None is the published rule, without
            control of exposure.
        eps: ε, in nats.
        delta: δ, in nats; 0.05 in the paper.
    """
    meets = _stable(curves, exposed, delta) & (curves.losses <= eps)
    return _first(curves, meets, curves.steps)


def memorized_online(
    curves: LossCurves, exposed: Exposed | None, *, eps: float, delta: float = 0.05, window: int = 3
) -> OnlineMemorization:
    """The earliest window of measurements that `memorized_since` would accept as a whole.

    Within it the first loss is at most ε and all are within δ of the last one. Later measurements
    are not looked at, so that a sample that is forgotten again stays in the list.

    Args:
        curves: losses.
        exposed: as in `memorized_since`.
        eps: ε, in nats.
        delta: δ, in nats.
        window: measurements in a window, at least 1. With as many as there are from `since` to the
            last one, the rule is the retrospective one.

    Raises:
        SettingError: the window is below 1.
    """
    if window < 1:
        raise SettingError("window", "at least 1", window)
    losses, steps = curves.losses, curves.steps
    count = max(len(steps) - window + 1, 0)
    meets = (losses <= eps) & _seen(curves, exposed)
    for ahead in range(window - 1):
        distance = np.abs(losses[ahead : ahead + count] - losses[window - 1 :])
        meets[:count] &= distance <= delta
    return OnlineMemorization(
        since=_first(curves, meets[:count], steps[:count]),
        known=_first(curves, meets[:count], steps[window - 1 :]),
    )


def choose_eps(curves: LossCurves, exposed: Exposed | None, *, delta: float = 0.05) -> ChosenEps:
    """The least multiple of 0.1 with which 20 to 25 % are memorised before the last measurement.

    The last measurement does not count because the rule asks for no stability there. Where no
    multiple of 0.1 gives such a share, it is the least one whose share is nearest to it. NaN if
    no sample was measured.
    """
    known = np.isfinite(curves.losses).all(0)
    stable = _stable(curves, exposed, delta)[:-1, known]
    # the least ε with which a sample is memorised: its lowest loss among stable measurements
    least = np.where(stable, curves.losses[:-1, known], np.inf).min(0, initial=np.inf)
    if not known.any():
        return ChosenEps(eps=float("nan"), share=float("nan"), in_range=False)
    largest = float(least[np.isfinite(least)].max(initial=0))
    grid = np.arange(1, int(np.ceil(largest * _GRID)) + 2) / _GRID
    shares = np.searchsorted(np.sort(least), grid, side="right") / len(least)
    off = np.maximum(_SHARE[0] - shares, shares - _SHARE[1])
    best = int(np.argmin(np.maximum(off, 0)))
    return ChosenEps(
        eps=float(grid[best]), share=float(shares[best]), in_range=bool(off[best] <= 0)
    )


def generalized_since(correct: Bool[np.ndarray, "step sample"], steps: Steps) -> Since:
    """The earliest measurement with a right answer from which on the item counts as solved.

    That is: more than 80 % of the remaining answers are right, and at most one is wrong. One error
    is thus forgiven with six answers or more; with fewer, none. Of the last measurement alone a
    right answer is enough.

    Args:
        correct: whether each item was answered right at each measurement.
        steps: of the measurements, rising.
    """
    require_steps(steps, len(correct))
    wrong = (~correct[::-1]).cumsum(0)[::-1]
    remaining = np.arange(len(steps), 0, -1)[:, None]
    solved = correct & (wrong <= 1) & (5 * wrong < remaining)
    return _at_first(solved, steps)


def _stable(
    curves: LossCurves, exposed: Exposed | None, delta: float
) -> Bool[np.ndarray, "step sample"]:
    """Whether from here on the loss is near its last, of samples that were seen."""
    near = np.abs(curves.losses - curves.losses[-1]) <= delta
    return np.logical_and.accumulate(near[::-1])[::-1] & _seen(curves, exposed)


def _seen(curves: LossCurves, exposed: Exposed | None) -> Bool[np.ndarray, "step sample"]:
    if exposed is None:
        return np.ones(curves.losses.shape, dtype=bool)
    if len(exposed) != curves.losses.shape[1]:
        raise SettingError(
            "exposed", f"one for each sample, {curves.losses.shape[1]}", len(exposed)
        )
    return curves.steps[:, None] >= exposed


def _first(curves: LossCurves, meets: Bool[np.ndarray, "window sample"], steps: Steps) -> Since:
    found = _at_first(meets, steps)
    found[np.isnan(curves.losses).any(0)] = np.nan
    return found


def _at_first(
    meets: Bool[np.ndarray, "window sample"], steps: Real[np.ndarray, " window"]
) -> Since:
    """The first step at which it is so."""
    found = np.full(meets.shape[1], np.inf)
    if len(meets):
        happens = meets.any(0)
        found[happens] = steps[meets.argmax(0)[happens]]
    return found
