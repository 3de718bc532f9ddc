"""Interleaved timing: each contestant takes its turn in every round, so drift hits all alike."""

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import torch

from benchmarks.cases import Case, Step

WARM_UP = 3


@dataclass(frozen=True, kw_only=True)
class Result:
    """Milliseconds of each repetition of one case."""

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


def measure(case: Case, repeats: int) -> Result:
    """Time one case; the first few rounds are not counted."""
    contestants = case.contestants()
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(WARM_UP + repeats):
        for name, step in contestants.items():
            times[name].append(_milliseconds(step))
    return Result(case=case.name, **{name: taken[WARM_UP:] for name, taken in times.items()})


def spread(values: list[float]) -> list[float]:
    """The 10th and the 90th percentile."""
    deciles = quantiles(values, n=10, method="inclusive")
    return [round(deciles[0], 3), round(deciles[-1], 3)]


def machine() -> dict[str, object]:
    """What the numbers depend on."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def _milliseconds(step: Step) -> float:
    started = time.perf_counter()
    step()
    return 1e3 * (time.perf_counter() - started)


def _cpu_model() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
