"""Interleaved timing: each contestant takes its turn in every round, so drift hits all alike.

A turn is one step that is not counted and then as many as fill a tenth of a second, at most 64 and
at least one: a contestant whose step is slow takes fewer, and as many turns as the others. Rounds
end after `repeats`, or after `seconds` once there are enough of them.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.cases import CASES
from benchmarks.contestants import REQUIRED
from benchmarks.result import Result
from benchmarks.worker import Place, Worker

WARM_UP = 2  # rounds that are not counted
FEWEST = 5  # counted rounds, whatever they take
RATES_EVERY = 4  # rounds
PAUSE = 0.003  # seconds, in which the last contestant's idle threads stop spinning


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """How long a case is timed."""

    repeats: int = 25
    seconds: float = 60.0

    def over(self, counted: int, started: float) -> bool:
        """Whether this many counted rounds are enough."""
        late = time.monotonic() - started > self.seconds
        return counted >= self.repeats or (late and counted >= FEWEST)


class Bench:
    """One process per contestant, and one for the floor and the machine's own rates."""

    def __init__(self, contestants: Sequence[str], place: Place) -> None:
        self._place = place
        bare = Worker(place)
        tf32 = ["product_tf32"] if place.device == "cuda" else []
        self._rates = dict.fromkeys(("product", "triad", *tf32), bare)
        self._workers = {
            name: bare if name == "floor" else Worker(place) for name in (*REQUIRED, *contestants)
        }

    def measure(self, case: str, rounds: Rounds) -> Result:
        """Time one case.

        Raises:
            RuntimeError: floor, ours or the textbook cannot run here.
        """
        prepared = {
            name: worker.prepare(name, case)
            for name, worker in (self._workers | self._rates).items()
        }
        absent = {name: why for name, why in prepared.items() if isinstance(why, str)}
        for name in [name for name in absent if name not in ("compiled", "vmap")]:
            raise RuntimeError(f"{case}, {name}: {absent[name]}")
        return Result(
            case=CASES[case],
            device=self._place.device,
            times=self._take_turns([name for name in prepared if name not in absent], rounds),
            steps_per_turn={n: k for n, k in prepared.items() if isinstance(k, int)},
            absent=absent,
        )

    def close(self) -> None:
        """End the processes."""
        for worker in {*self._workers.values(), *self._rates.values()}:
            worker.close()

    def _take_turns(self, names: Sequence[str], rounds: Rounds) -> dict[str, list[float]]:
        times: dict[str, list[float]] = {name: [] for name in names}
        started, done = time.monotonic(), 0
        while not rounds.over(done - WARM_UP, started):
            for name in names:
                if name in self._rates and done % RATES_EVERY != WARM_UP:
                    continue
                worker = self._workers.get(name) or self._rates[name]
                taken = worker.turn(name)
                if done >= WARM_UP:
                    times[name].append(taken)
                time.sleep(PAUSE)
            done += 1
        return times
