"""How fast training goes, and how much of the machine's work went into networks."""

import math
import time


class Pace:
    """Counts steps: for how many to take at once, what to show, and what to report."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._shown = -math.inf  # the first look is always shown
        self._steps = 0
        self._latest = 0.0  # seconds per step
        self._occupied = self._slots = 0
        self._before = time.monotonic()

    @property
    def seconds_since_shown(self) -> float:
        """Seconds since `restart`."""
        return time.monotonic() - self._shown

    def steps_within(self, seconds: float) -> int:
        """As many steps as the latest ones would take so long; one at least."""
        return max(1, int(seconds / self._latest)) if self._latest > 0 else 1

    def note(self, steps: int, *, occupied: int, slots: int) -> None:
        """Some steps of all networks have been taken.

        Args:
            steps: of each network.
            occupied: networks that took them.
            slots: networks that there was room for.
        """
        now = time.monotonic()
        self._latest, self._before = (now - self._before) / steps, now
        self._steps += steps
        self._occupied += steps * occupied
        self._slots += steps * slots

    def restart(self) -> float:
        """Steps per second since the last call."""
        now = time.monotonic()
        rate = self._steps / (now - self._shown) if now > self._shown else 0.0
        self._steps, self._shown = 0, now
        return rate

    def facts(self) -> dict[str, float]:
        """Run-steps per second (steps of one network, looks included), and utilisation.

        Utilisation is the share of the stepped slots that held a network; of this process, not of
        those before an interruption.
        """
        spent = time.monotonic() - self._started
        return {
            "run_steps_per_second": round(self._occupied / spent, 3) if spent > 0 else 0.0,
            "utilisation": round(self._occupied / self._slots, 4) if self._slots else 1.0,
        }
