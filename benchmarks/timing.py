"""Interleaved timing: each contestant takes its turn in every round, so drift hits all alike."""

import multiprocessing
import os
import platform
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median, quantiles

import torch

from benchmarks.cases import CASES, Step

CONTESTANTS = ("floor", "ours", "textbook")
WARM_UP = 2
STEPS_PER_TURN = 4
PAUSE = 0.003  # seconds, in which the last contestant's idle threads stop spinning


@dataclass(frozen=True, kw_only=True)
class Result:
    """Milliseconds per step of each turn at one case."""

    case: str
    floor: list[float]
    ours: list[float]
    textbook: list[float]

    def as_json(self) -> dict[str, object]:
        """Medians, their ratios, and the 10th and 90th percentile of each contestant."""
        floor, ours, textbook = median(self.floor), median(self.ours), median(self.textbook)
        return {
            "case": self.case,
            "floor_ms": round(floor, 3),
            "ours_ms": round(ours, 3),
            "textbook_ms": round(textbook, 3),
            "over_floor": round(ours / floor, 3),
            "over_textbook": round(textbook / ours, 3),
            "floor_ms_spread": spread(self.floor),
            "ours_ms_spread": spread(self.ours),
            "textbook_ms_spread": spread(self.textbook),
            "repeats": len(self.ours),
        }


class Bench:
    """Three processes, one per contestant, that take turns.

    Each has a memory of its own: how fast a fresh tensor is depends on what its process did before,
    and the textbook is timed as an ordinary program runs it.
    """

    def __init__(self, threads: int | None) -> None:
        self._workers = {name: Worker(name, threads) for name in CONTESTANTS}

    def measure(self, case: str, repeats: int) -> Result:
        """Time one case; the first few rounds are not counted."""
        for worker in self._workers.values():
            worker.ask(case)
        times: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
        for _ in range(WARM_UP + repeats):
            for name, worker in self._workers.items():
                times[name].append(worker.ask(None))
                time.sleep(PAUSE)
        return Result(case=case, **{name: taken[WARM_UP:] for name, taken in times.items()})

    def close(self) -> None:
        """End the processes."""
        for worker in self._workers.values():
            worker.close()


class Worker:
    """A process that prepares a case by name, and takes a turn at it when asked with None."""

    def __init__(self, contestant: str, threads: int | None) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, contestant, threads), daemon=True
        )
        self._process.start()
        theirs.close()

    def ask(self, case: str | None) -> float:
        """Milliseconds per step of one turn."""
        self._connection.send(case)
        return float(self._connection.recv())

    def close(self) -> None:
        """End the process, which waits for a request."""
        self._connection.close()
        self._process.join()


def _serve(connection: Connection, contestant: str, threads: int | None) -> None:
    if threads is not None:
        torch.set_num_threads(threads)
    step: Step = float
    while True:
        try:
            case = connection.recv()
        except EOFError:
            return
        if case is not None:
            step = CASES[case].contestant(contestant)
        step()  # after the others' turns the caches hold nothing of ours
        started = time.perf_counter()
        for _ in range(STEPS_PER_TURN):
            step()
        connection.send(1e3 * (time.perf_counter() - started) / STEPS_PER_TURN)


def spread(values: list[float]) -> list[float]:
    """The 10th and the 90th percentile."""
    deciles = quantiles(values, n=10, method="inclusive")
    return [round(deciles[0], 3), round(deciles[-1], 3)]


def machine(threads: int | None = None) -> dict[str, object]:
    """What the numbers depend on."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "threads": threads or torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def _cpu_model() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
