"""The monitor over checkpoints that are on disk or on the hub, after training or beside it.

    probes = read_probes(Path("probes.jsonl"), tokenizer).probes
    checkpoints = find_checkpoints(["out/checkpoint-500", "out/checkpoint-1000"])
    run = monitor_checkpoints(checkpoints, probes)

One model is in memory at a time. What it measures, and how, is what `Monitor` does while a model
trains. The same call again goes on where a run was stopped or killed, or where training has written
more checkpoints since, and leaves what an undisturbed one leaves.
"""

import gc
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from grokscope.core.errors import (
    GrokscopeError,
    InterruptedRunError,
    SettingError,
    UsageError,
)
from grokscope.llm.alerts import Alert, alerts_of
from grokscope.llm.checkpoint_model import Shape, load_model, quietly, shape_of
from grokscope.llm.checkpoint_name import Checkpoint, model_name, weights_fingerprint
from grokscope.llm.measurement import History, Measurement, Measuring
from grokscope.llm.monitor_run import MonitorRun, header_of, is_monitor
from grokscope.llm.optional import require_rapidfuzz
from grokscope.llm.panel import Experts, experts_of
from grokscope.llm.probe import ProbeSet
from grokscope.llm.reading import Reader, Reading, require_vocabulary
from grokscope.llm.router import Modules
from grokscope.llm.tap import RouterTap
from grokscope.store import find_runs


@dataclass(frozen=True, kw_only=True)
class OfflineSettings:
    """How checkpoints are monitored.

    Attributes:
        out: the folder of all runs.
        name: for people; part of the directory's name, and what tells two runs of the same
            checkpoints and probes apart.
        measuring: thresholds and pairs.
        modules: which modules are routers, where transformers does not record them.
        batch: probes in a forward.

    Raises:
        SettingError: a value breaks its rule.
    """

    out: Path = Path("runs")
    name: str = "monitor"
    measuring: Measuring = field(default_factory=Measuring)
    modules: Modules | None = None
    batch: int = 64

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise SettingError("batch", "at least 1", self.batch)


@dataclass(frozen=True, kw_only=True)
class Looked:
    """A checkpoint that has been measured; `done` of `total` are now."""

    checkpoint: Checkpoint
    measurement: Measurement
    alerts: list[Alert]
    seconds: float
    done: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Watching:
    """Who is told of each checkpoint, and who may stop the work: both are asked often."""

    told: Callable[[Looked], None] = lambda looked: None
    stops: Callable[[], bool] = lambda: False


def monitor_checkpoints(
    checkpoints: Sequence[Checkpoint],
    probes: ProbeSet,
    settings: OfflineSettings | None = None,
    watching: Watching | None = None,
) -> MonitorRun:
    """Measure every checkpoint that has not been measured yet.

    What can be refused is refused before a model is loaded, and there is a run once the first one
    has been read.

    Args:
        checkpoints: rising in step, from `find_checkpoints`.
        probes: what each model reads.
        settings: how.
        watching: who is told, and asked whether to stop.

    Raises:
        UsageError: the checkpoints are not of one model, or it has no routers or not the tokens.
        InterruptedRunError: stopped on request; the same call goes on.
        MissingExtraError: transformers or rapidfuzz is not installed.
        GrokscopeError: a checkpoint cannot be had or loaded.
    """
    require_rapidfuzz()
    settings, watching = settings or OfflineSettings(), watching or Watching()
    shape = shape_of(checkpoints, settings.modules)
    require_vocabulary(shape.model, probes)
    work = _Work(checkpoints, probes, settings, watching, shape)
    work.go_on()
    with work.closing():
        work.measure()
    assert work.run is not None  # there is at least one checkpoint
    return work.run


class _Work:
    """One call of `monitor_checkpoints`."""

    def __init__(
        self,
        checkpoints: Sequence[Checkpoint],
        probes: ProbeSet,
        settings: OfflineSettings,
        watching: Watching,
        shape: Shape,
    ) -> None:
        self.run: MonitorRun | None = None
        self._checkpoints, self._probes = checkpoints, probes
        self._settings, self._watching = settings, watching
        self._layers = [router.name for router in shape.routers]
        self._experts = shape.routers[0].experts
        routers, measuring = shape.routers, settings.measuring
        self._header = header_of(model_name(checkpoints), routers, measuring, probes)
        self._header["read"] = "checkpoints"
        self._history = History(probes=probes, settings=measuring)
        self._alerted: set[tuple[str, str]] = set()
        self._done = self._known = 0
        self._before: str | None = None
        self._weights: dict[str, str] = {}

    def go_on(self) -> None:
        """Take up the newest run of the same measurements that the checkpoints extend, if any.

        Raises:
            UsageError: another process writes it.
        """
        found = next((one for one in reversed(self._candidates()) if self._extends(one)), None)
        if found is not None:
            self._before = str(found.directory.status.get("state"))
            self.run = MonitorRun.go_on(found.path, self._header)
            self._done = self._known = len(self.run.steps)
            self._weights = _weights_of(found)

    def measure(self) -> None:
        """The checkpoints that are left, after recalling what the next one is compared with."""
        left = self._checkpoints[self._done :]
        self._require_same_weights()
        if left and self.run is not None and self._done:
            self._recall(self.run)
        for checkpoint in left:
            started = time.monotonic()
            reading, experts = self._read(checkpoint)
            measurement = self._history.add(checkpoint.step, reading, experts, checkpoint.tokens)
            alerts = self._new_alerts()
            self._opened().add(measurement, reading, alerts)
            self._note_weights(checkpoint)
            self._done += 1
            looked = Looked(
                checkpoint=checkpoint,
                measurement=measurement,
                alerts=alerts,
                seconds=time.monotonic() - started,
                done=self._done,
                total=len(self._checkpoints),
            )
            self._watching.told(looked)

    @contextmanager
    def closing(self) -> Generator[None]:
        """Leave the run in a state that says what happened."""
        state, problem = "interrupted", None
        try:
            yield
            state = "finished"
        except InterruptedRunError:
            raise
        except GrokscopeError as error:
            state, problem = "failed", str(error)
            if self._before is not None and self._done == self._known:
                state, problem = self._before, None  # nothing was done to the run
            raise
        finally:
            if self.run is not None:
                self.run.finish(state, error=problem)

    def _candidates(self) -> list[MonitorRun]:
        """Runs of that name that can be read, oldest first."""
        found: list[tuple[str, MonitorRun]] = []
        for directory in find_runs(self._settings.out):
            try:
                status = directory.status
                if status.get("recipe") == self._settings.name and is_monitor(directory):
                    found.append((str(status.get("created")), MonitorRun(directory)))
            except GrokscopeError:
                continue  # a damaged run is nobody's; `verify` says what is wrong
        return [run for _, run in sorted(found, key=lambda one: one[0])]

    def _extends(self, run: MonitorRun) -> bool:
        """Whether it is of the same measurements, and has the first checkpoints and no others."""
        if run.header != self._header or not run.directory.splits():
            return False
        done = run.steps
        return done == [one.step for one in self._checkpoints[: len(done)]]

    def _opened(self) -> MonitorRun:
        if self.run is None:
            settings = self._settings
            self.run = MonitorRun.create(settings.out, settings.name, self._header, self._probes)
        return self.run

    def _note_weights(self, checkpoint: Checkpoint) -> None:
        """Keep what tells these weights from others that may come in their place."""
        own = weights_fingerprint(checkpoint.place)
        if own is not None:
            self._weights[str(checkpoint.step)] = own
            self._opened().directory.update_status(weights=self._weights)

    def _require_same_weights(self) -> None:
        for one in self._checkpoints[: self._done]:
            known = self._weights.get(str(one.step))
            if known is not None and known != weights_fingerprint(one.place):
                run = self._opened().directory.id
                raise UsageError(
                    f"{one.place.name} has other weights than those that {run} measured: give "
                    f"another name for a new run."
                )

    def _recall(self, run: MonitorRun) -> None:
        """Go on as if this call had made the measurements that are stored."""
        self._history.measurements.extend(run.measurements())
        self._history.losses = list(run.losses())
        self._history.before = run.pathways(run.steps[-1]).weights
        self._new_alerts()

    def _read(self, checkpoint: Checkpoint) -> tuple[Reading, Experts]:
        """What a checkpoint makes of the probes; its model is gone afterwards."""
        self._require_going()
        model = load_model(checkpoint)

        def ask(module: nn.Module, args: object) -> None:
            self._require_going()

        stop = model.register_forward_pre_hook(ask)
        with RouterTap(model, self._settings.modules) as tap, quietly():
            reader = Reader(model, tap, self._probes, batch=self._settings.batch)
            reading, experts = reader.read(), experts_of(tap.routers)
        stop.remove()
        del model, reader, tap
        gc.collect()  # modules refer to each other; the next model needs their room
        return reading, experts

    def _require_going(self) -> None:
        if self._watching.stops():
            total = len(self._checkpoints)
            raise InterruptedRunError(f"Stopped after {self._done} of {total} checkpoints.")

    def _new_alerts(self) -> list[Alert]:
        """Those that did not hold at the measurement before."""
        found = alerts_of(self._history.measurements, self._layers, self._experts)
        held, self._alerted = self._alerted, {(alert.kind, alert.where) for alert in found}
        return [alert for alert in found if (alert.kind, alert.where) not in held]


def _weights_of(run: MonitorRun) -> dict[str, str]:
    stored: Any = run.directory.status.get("weights")
    return dict(stored) if isinstance(stored, dict) else {}
