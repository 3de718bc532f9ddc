"""A process in which contestants prepare a case and take turns at it.

Each contestant has a memory of its own: how fast a fresh tensor is depends on what its process did
before, and the textbook is timed as an ordinary program runs it.
"""

import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

import torch

from benchmarks.cases import CASES, Step
from benchmarks.clock import clock
from benchmarks.contestants import CONTESTANTS

TURN_MS = 100.0
MOST_STEPS = 64  # per turn
WARM_UP_STEPS = 3
WARM_UP_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where steps run."""

    device: str = "cpu"
    threads: int | None = None
    """torch's own choice where none is given."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What a contestant does when it is its turn."""

    step: Step
    n_steps: int


class Worker:
    """The process, seen from outside; it serves the contestants that it is told to prepare."""

    def __init__(self, place: Place) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, place), daemon=True)
        self._process.start()
        theirs.close()

    def prepare(self, contestant: str, case: str) -> int | str:
        """Steps per turn, or the reason why this contestant cannot run here."""
        answer = self._ask(contestant, case)
        return answer if isinstance(answer, str) else int(answer)

    def turn(self, contestant: str) -> float:
        """Milliseconds per step of one turn."""
        milliseconds = self._ask(contestant, None)
        if isinstance(milliseconds, str):
            raise RuntimeError(f"{contestant}: {milliseconds}")
        return milliseconds

    def close(self) -> None:
        """End the process, which waits for a request."""
        self._connection.close()
        self._process.join()

    def _ask(self, contestant: str, case: str | None) -> float | str:
        self._connection.send((contestant, case))
        try:
            return self._connection.recv()
        except EOFError:
            raise RuntimeError(f"{contestant}: its process ended (out of memory?)") from None


def steps_per_turn(step: Step, device: str) -> int:
    """As many as fill a turn, once the first few have made what is made only once."""
    started = time.perf_counter()
    for _ in range(WARM_UP_STEPS):
        clock(step, 1, device)
        if time.perf_counter() - started > WARM_UP_SECONDS:
            break
    return max(1, min(MOST_STEPS, int(TURN_MS / clock(step, 1, device))))


def _serve(connection: Connection, place: Place) -> None:
    if place.threads is not None:
        torch.set_num_threads(place.threads)
    torch.set_float32_matmul_precision("highest")
    turns: dict[str, Turn] = {}
    while True:
        try:
            contestant, case = connection.recv()
        except EOFError:
            return
        try:
            connection.send(_answer(turns, contestant, case, place.device))
        except Exception as error:  # whatever it is, the one who asked must know
            connection.send(_reason(error))


def _answer(turns: dict[str, Turn], contestant: str, case: str | None, device: str) -> float:
    if case is None:
        turn = turns[contestant]
        turn.step()  # after the others' turns the caches hold nothing of ours
        return clock(turn.step, turn.n_steps, device)
    turns.pop(contestant, None)  # the memory of the case before
    step = CONTESTANTS[contestant](CASES[case], device)
    turns[contestant] = Turn(step=step, n_steps=steps_per_turn(step, device))
    return turns[contestant].n_steps


def _reason(error: Exception) -> str:
    lines: Sequence[str] = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
