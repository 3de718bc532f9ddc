"""The curves of a run while it trains: what is not yet on disk, and what they say so far."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from grokscope.experiment.listener import NetworkProgress
from grokscope.experiment.metrics import Fetched, Metrics
from grokscope.measures.crossing import NONE
from grokscope.measures.running_judge import RunningJudge
from grokscope.store import RunDirectory

_SHOWN = {"train_acc": "train/acc", "test_acc": "test/acc_novel", "train_loss": "train/loss"}


class Record:
    """Metrics of every network, buffered until they are flushed as one segment.

    Each look is judged as it comes in, and the networks' progress is brought up to date.
    """

    def __init__(self, judge: RunningJudge, progress: Sequence[NetworkProgress]) -> None:
        self._judge, self._progress = judge, progress
        self._keys: list[dict[str, Any]] = []
        self._metrics: list[Metrics] = []

    def resume(self, run: RunDirectory) -> None:
        """Take in what is on disk, evaluation by evaluation."""
        columns = run.curves(["network", "step", *_SHOWN.values()])
        if not columns:
            return
        networks = columns["network"]
        nth = np.arange(len(networks)) - np.searchsorted(networks, networks)
        for rows in np.split(np.argsort(nth, kind="stable"), np.cumsum(np.bincount(nth))[:-1]):
            self._note({name: values[rows] for name, values in columns.items()})

    def add(
        self, networks: Sequence[int], steps: Sequence[int], wall_seconds: float, fetched: Fetched
    ) -> None:
        """A look at some networks, each at its own step; waits until its metrics are there."""
        keys = {"network": np.array(networks), "step": np.array(steps)}
        metrics = fetched.result()
        self._keys.append(keys | {"wall_seconds": np.full(len(networks), wall_seconds)})
        self._metrics.append(metrics)
        self._note(keys | metrics.columns())

    def diverged(self, network: int, step: int) -> None:
        """Training met a number that is not finite: nothing from that step on counts."""
        self._judge.diverged(network, step)
        self._judged(np.array([network]))

    def last_step(self, network: int) -> int:
        """Step of the latest evaluation; −1 before the first."""
        return self._judge.last_step(network)

    def may_stop(self, networks: Sequence[int]) -> list[bool]:
        """Which of some networks have gone on long enough after they grokked."""
        return self._judge.may_stop(np.array(networks)).tolist()

    def take(self) -> dict[str, Any]:
        """What has come in since the last call, as the columns of one segment; empty if nothing."""
        if not self._keys:
            return {}
        keys = {name: np.concatenate([k[name] for k in self._keys]) for name in self._keys[0]}
        columns = keys | Metrics.join(self._metrics).columns()
        self._keys, self._metrics = [], []
        return columns

    def _note(self, columns: Mapping[str, Any]) -> None:
        """Judge a look and show it."""
        networks = columns["network"]
        seen = {name: columns[metric] for name, metric in _SHOWN.items()}
        self._judge.see(networks, columns["step"], **seen)
        shown = (columns["step"], seen["train_acc"], seen["test_acc"])
        for network, *values in zip(networks, *(v.tolist() for v in shown), strict=True):
            self._progress[network].append(*values)
        self._judged(networks)

    def _judged(self, networks: np.ndarray[Any, np.dtype[np.int64]]) -> None:
        phases, steps = self._judge.phases(networks), self._judge.steps(networks).tolist()
        for network, phase, (memorized, _, grokked) in zip(networks, phases, steps, strict=True):
            progress = self._progress[network]
            progress.phase = phase
            progress.memorized_step = None if memorized == NONE else memorized
            progress.grokked_step = None if grokked == NONE else grokked


class Stopwatch:
    """Seconds of training, including those before an interruption."""

    def __init__(self, before: float = 0.0) -> None:
        self._started = time.monotonic()
        self._before = before

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return self._before + time.monotonic() - self._started
