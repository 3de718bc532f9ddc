"""The curves of a run while it trains: what is on disk, what is not yet, what they say so far."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from grokscope.experiment.listener import NetworkProgress
from grokscope.measures.curve import Curve
from grokscope.measures.grokdef import Verdict, judge, may_stop
from grokscope.store import RunDirectory

LIST_METRICS = frozenset({"fourier/spectrum_W_E"})
_CURVE_METRICS = {
    "train_acc": "train/acc",
    "test_acc": "test/acc_novel",
    "train_loss": "train/loss",
    "test_loss": "test/loss_novel",
}


class Record:
    """Metric rows of every network, buffered until they are flushed as one segment."""

    def __init__(self, networks: int) -> None:
        self._history: list[dict[str, list[float]]] = [
            {name: [] for name in ("step", *_CURVE_METRICS)} for _ in range(networks)
        ]
        self._buffer: list[dict[str, Any]] = []

    @classmethod
    def resumed(cls, networks: int, run: RunDirectory) -> "Record":
        """The record of what is on disk."""
        record = cls(networks)
        columns = run.curves()
        wanted = {"step": "step"} | _CURVE_METRICS
        for row, network in enumerate(columns.get("network", ())):
            history = record._history[int(network)]
            for name, metric in wanted.items():
                history[name].append(float(columns[metric][row]))
        return record

    def add(self, network: int, step: int, wall_seconds: float, metrics: Mapping[str, Any]) -> None:
        """One evaluation."""
        row = {"network": network, "step": step, "wall_seconds": wall_seconds}
        self._buffer.append(row | dict(metrics))
        history = self._history[network]
        history["step"].append(step)
        for name, metric in _CURVE_METRICS.items():
            history[name].append(float(metrics[metric]))

    def last_step(self, network: int) -> int:
        """Step of the latest evaluation; −1 before the first."""
        steps = self._history[network]["step"]
        return int(steps[-1]) if steps else -1

    def curve(self, network: int, **facts: Any) -> Curve:  # noqa: ANN401
        """The network's curve so far; `facts` are the remaining fields of `Curve`."""
        history = self._history[network]
        arrays = {name: np.array(history[name], dtype=np.float64) for name in _CURVE_METRICS}
        return Curve(step=np.array(history["step"], dtype=np.int64), **arrays, **facts)

    def flush(self, run: RunDirectory) -> None:
        """Write what is buffered as one segment."""
        if not self._buffer:
            return
        names = list(dict.fromkeys(name for row in self._buffer for name in row))
        run.add_segment({name: _column(name, self._buffer) for name in names})
        self._buffer = []


def _column(name: str, rows: Sequence[Mapping[str, Any]]) -> Any:  # noqa: ANN401
    values = [row.get(name) for row in rows]
    if name in LIST_METRICS:
        return [value or [] for value in values]
    if name in ("network", "step"):
        return np.array(values, dtype=np.int64)
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def phase_of(curve: Curve, verdict: Verdict) -> str:
    """What the network is doing now, in one word."""
    if verdict.label == "diverged":
        return "diverged"
    if verdict.memorized_step is None:
        return "memorizing"
    if verdict.grokked_step is not None:
        return "grokked"
    return "plateau" if verdict.onset_step is None else "generalizing"


def update_progress(progress: NetworkProgress, curve: Curve) -> bool:
    """Bring a network's progress up to its curve; whether it has gone on long enough to stop."""
    verdict = judge(curve)
    progress.steps = curve.step.tolist()
    progress.train_acc = curve.train_acc.tolist()
    progress.test_acc = curve.test_acc.tolist()
    progress.memorized_step = verdict.memorized_step
    progress.grokked_step = verdict.grokked_step
    progress.phase = phase_of(curve, verdict)
    return may_stop(curve)


class Stopwatch:
    """Seconds of training, including those before an interruption."""

    def __init__(self, before: float = 0.0) -> None:
        self._started = time.monotonic()
        self._before = before

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return self._before + time.monotonic() - self._started
