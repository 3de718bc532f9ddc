"""Measurements as a run directory remembers them, for those who go on from there."""

from collections.abc import Sequence

import numpy as np

from grokscope.llm.balance import load_of
from grokscope.llm.measurement import Measurement
from grokscope.llm.monitor_run import MonitorRun
from grokscope.llm.panel import Panel
from grokscope.llm.pathway import kept

PREFIX = "moe/"


def stored_measurements(run: MonitorRun, groups: Sequence[str], count: int) -> list[Measurement]:
    """The first of them, rising in step; numbers by layer are left out, and the load but the last.

    Args:
        run: of a monitor.
        groups: of its probes.
        count: how many.
    """
    curves = run.directory.curves()
    steps = [int(step) for step in curves.get("step", [])][:count]
    found: list[Measurement] = []
    for row, step in enumerate(steps):
        tokens = float(curves["tokens"][row])
        numbers = {
            name.removeprefix(PREFIX): float(values[row])
            for name, values in curves.items()
            if name.startswith(PREFIX) and values.ndim == 1
        }
        share, dead = _load(run, step) if row == len(steps) - 1 else _nothing(run)
        found.append(
            Measurement(
                step=step,
                tokens=int(tokens) if np.isfinite(tokens) else None,
                groups={group: _panel(group, numbers) for group in groups},
                whole={name: value for name, value in numbers.items() if "/" not in name},
                load=share,
                dead=dead,
                problems=(),
                seconds=numbers["seconds"],
            )
        )
    return found


def _panel(group: str, numbers: dict[str, float]) -> Panel:
    own = {
        name.rpartition("/")[2]: value
        for name, value in numbers.items()
        if name.rpartition("/")[0] == group and np.isfinite(value)
    }
    return Panel(scalars=own, layers={})


def _load(run: MonitorRun, step: int) -> tuple[np.ndarray, np.ndarray]:
    threshold = float(run.header["measuring"]["threshold"])
    weights = run.pathways(step).weights
    load = load_of(weights, kept(weights, threshold))
    return load.share, load.dead().sum(1).astype(np.int64)


def _nothing(run: MonitorRun) -> tuple[np.ndarray, np.ndarray]:
    layers, experts = len(run.header["layers"]), int(run.header["experts"])
    return np.full((layers, experts), np.nan), np.zeros(layers, dtype=np.int64)
