"""What the records of a population say so far, while they still grow.

The same as `judge` says of each record as it stands, for what is shown and decided while training
goes on: whether and when a network has memorised, begun to generalise, and grokked, whether it has
diverged, and whether it may stop. Every evaluation is read once; nothing of it is kept but where
each network stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from grokscope.measures.crossing import NONE, GrowingRises
from grokscope.measures.events import onset_reach
from grokscope.measures.thresholds import GROKDEF_1, Thresholds

Networks = Int[np.ndarray, " some"]
Column = Float[np.ndarray, " some"]

PHASES = ("memorizing", "plateau", "generalizing", "grokked", "diverged")


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What decides how one network's record is read; the fields of `Curve` of the same names."""

    n_test: int
    chance: float
    ceiling: float = 1.0
    loss_scale: float | None = None


class RunningJudge:
    """Judges the growing records of some networks.

    Args:
        terms: of each network.
        thresholds: the definition that is applied.
    """

    def __init__(self, terms: Sequence[Terms], thresholds: Thresholds = GROKDEF_1) -> None:
        count, limits = len(terms), thresholds
        self._thresholds = thresholds
        self._chance = np.array([t.chance for t in terms])
        self._span = np.array([t.ceiling - t.chance for t in terms])
        self._has_test = np.array([t.n_test > 0 for t in terms])
        self._loss_scale = np.array([t.loss_scale or 0.0 for t in terms])
        onset = [onset_reach(t.n_test, t.chance, t.ceiling, limits) for t in terms]
        reaches = (limits.memorized, np.array(onset), limits.grokked)
        holds = (limits.memorized_hold, limits.onset, limits.grokked_hold)
        self._memorized, self._onset, self._grokked = (
            GrowingRises(np.broadcast_to(reach, count), hold, limits.held)
            for reach, hold in zip(reaches, holds, strict=True)
        )
        self._last_step = np.full(count, NONE)
        self._first_loss = np.full(count, np.nan)
        self._broken = np.zeros(count, bool)  # a number that is not finite has been seen
        self._high = np.zeros(count, np.int64)  # evaluations of the present stretch of high losses
        # memorized, onset and grokked step of the record before the latest evaluation, and of the
        # record that counts should the present stretch of high losses, or the break, be the end
        self._before = np.full((count, 3), NONE)
        self._sound = np.full((count, 3), NONE)

    def see(
        self,
        networks: Networks,
        steps: Networks,
        *,
        train_acc: Column,
        test_acc: Column,
        train_loss: Column,
    ) -> None:
        """One more evaluation of some networks, each of them named once."""
        first = self._last_step[networks] == NONE
        self._first_loss[networks] = np.where(first, train_loss, self._first_loss[networks])
        self._before[networks] = before = self._found(networks)
        self._add_rises(networks, steps, train_acc, test_acc)
        self._last_step[networks] = steps
        finite, whole = np.isfinite(train_loss), ~self._broken[networks]
        with np.errstate(invalid="ignore"):
            top = np.maximum(self._loss_scale[networks], self._first_loss[networks])
            low = finite & (train_loss <= self._thresholds.diverged_loss * top)
        sound = np.where(low[:, None], self._found(networks), self._sound[networks])
        sound = np.where(finite[:, None], sound, before)
        self._sound[networks] = np.where(whole[:, None], sound, self._sound[networks])
        self._high[networks] = np.where(low, 0, self._high[networks] + 1)
        self._broken[networks] |= ~finite

    def diverged(self, network: int, step: int) -> None:
        """Training met a number that is not finite: nothing from `step` on counts."""
        one = np.array([network])
        at_that_step = self._last_step[network] >= step
        self._sound[one] = self._before[one] if at_that_step else self._found(one)
        self._broken[network] = True

    def last_step(self, network: int) -> int:
        """Step of the latest evaluation; −1 before the first."""
        return int(self._last_step[network])

    def steps(self, networks: Networks) -> Int[np.ndarray, "some event"]:
        """Memorized, onset and grokked step of each network, −1 where there is none."""
        counts = self._has_diverged(networks)[:, None]
        return np.where(counts, self._sound[networks], self._found(networks))

    def phases(self, networks: Networks) -> list[str]:
        """What each network is doing now, one of `PHASES`."""
        memorized, onset, grokked = (self.steps(networks) != NONE).T
        index = np.select(
            [self._has_diverged(networks), ~memorized, grokked, ~onset], [4, 0, 3, 1], 2
        )
        return [PHASES[i] for i in index]

    def may_stop(self, networks: Networks) -> Bool[np.ndarray, " some"]:
        """Whether training has gone on long enough after the grokked step, as `may_stop`."""
        grokked = self._grokked.final(networks)
        until = grokked * (1 + self._thresholds.linger)
        return (grokked != NONE) & (self._last_step[networks] >= until)

    def _add_rises(
        self, networks: Networks, steps: Networks, train_acc: Column, test_acc: Column
    ) -> None:
        chance = self._chance[networks]
        train_q = (train_acc - chance) / (1.0 - chance)
        test_q = (test_acc - chance) / self._span[networks]
        test_q = np.where(self._has_test[networks], test_q, np.nan)
        self._memorized.add(networks, steps, train_q)
        self._onset.add(networks, steps, test_q)
        self._grokked.add(networks, steps, test_q)

    def _found(self, networks: Networks) -> Int[np.ndarray, "some event"]:
        rises = (self._memorized, self._onset, self._grokked)
        return np.stack([rise.found(networks) for rise in rises], 1)

    def _has_diverged(self, networks: Networks) -> Bool[np.ndarray, " some"]:
        return self._broken[networks] | (self._high[networks] >= 2)
