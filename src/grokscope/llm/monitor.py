"""The monitor: reads probes while a model trains, measures pathways, keeps and tells what it saw.

    monitor = Monitor(model, probes, every=500)   # before torch.compile
    for step in range(1, steps + 1):
        ...                                       # one update
        monitor.step(step)
    monitor.finish()

`monitor.trainer_callback()` does the same inside a `transformers.Trainer`, and
`monitor.lightning_callback()` inside a Lightning trainer. What goes wrong within it never stops the
training: it is noted in the run, said once, and the monitor is off.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from grokscope.core.errors import SettingError, UsageError
from grokscope.llm import ranks
from grokscope.llm.alerts import Alert, alerts_of
from grokscope.llm.measurement import History, Measurement, Measuring
from grokscope.llm.monitor_run import MonitorRun
from grokscope.llm.optional import require_rapidfuzz
from grokscope.llm.panel import DEFAULT_TOP_K, Experts
from grokscope.llm.panel_dictionary import SHOWN
from grokscope.llm.probe import Probe, ProbeSet
from grokscope.llm.reading import Forward, Reader
from grokscope.llm.router import Modules, Router
from grokscope.llm.scoring import Scoring
from grokscope.llm.tap import RouterTap

if TYPE_CHECKING:
    import lightning
    from transformers import TrainerCallback

logger = logging.getLogger(__name__)

Tracker = Callable[[dict[str, float], int], None]
"""Gets a few numbers by name, and the step: `lambda numbers, step: run.log(numbers, step=step)`."""

MOST_KEYS = 60
"""Numbers that a tracker gets at a step; domains beyond that are in the run directory only."""


class Monitor:
    """Watches a mixture-of-experts model.

    Args:
        model: with routers; the module itself, before it is compiled or sharded.
        probes: what is read each time.
        every: steps between measurements, or the steps themselves; step 0 is measured if asked.
        out: the folder of all runs.
        name: for people; part of the directory's name.
        measuring: thresholds and pairs.
        trackers: get the main numbers, too.
        modules, scoring: which modules are routers and how they score, where that is not known
            (see `find_routers`).
        batch: probes in a forward.
        forward: how logits are got from the model, where it does not take `input_ids` and
            `attention_mask`.
        run: the directory of a monitor to go on with, after training was resumed; steps that it
            has are not measured again.

    Raises:
        UsageError: no router is found, or tokens are not the model's, or `run` is another's.
        SettingError: a value breaks its rule.
        MissingExtraError: rapidfuzz is not installed.
        DiskError: the run directory cannot be made.
    """

    def __init__(  # noqa: PLR0913 (what can differ between training loops)
        self,
        model: nn.Module,
        probes: ProbeSet | Sequence[Probe],
        *,
        every: int | Sequence[int] = 100,
        out: Path | str = "runs",
        name: str = "monitor",
        measuring: Measuring | None = None,
        trackers: Sequence[Tracker] = (),
        modules: Modules | None = None,
        scoring: Scoring | None = None,
        batch: int = 64,
        forward: Forward | None = None,
        run: Path | str | None = None,
    ) -> None:
        require_rapidfuzz()
        if isinstance(every, int) and every < 1:
            raise SettingError("every", "at least 1", every)
        self._every = every if isinstance(every, int) else frozenset(every)
        self._probes = probes if isinstance(probes, ProbeSet) else ProbeSet(tuple(probes))
        self._measuring = measuring or Measuring()
        self.tap = RouterTap(model, modules, scoring=scoring)
        self._reader = Reader(model, self.tap, self._probes, batch=batch, forward=forward)
        self._batches = self._probes.batches(batch)
        self._device = next(model.parameters()).device
        self._trackers = list(trackers)
        self._history = History(probes=self._probes, settings=self._measuring)
        self._alerted: set[tuple[str, str]] = set()
        self.run = self._open_run(Path(out), name, run, _model_name(model))
        self._done = set(self.run.steps) if self.run is not None else set[int]()
        self._is_on = True

    def _open_run(
        self, out: Path, name: str, run: Path | str | None, model: str
    ) -> MonitorRun | None:
        """The directory, in the process that writes."""
        if not ranks.is_first():
            return None
        header = header_of(model, self.tap.routers, self._probes, self._measuring)
        if run is not None:
            return MonitorRun.go_on(Path(run), header)
        return MonitorRun.create(out, name, header, self._probes)

    @property
    def measurements(self) -> list[Measurement]:
        """Those that this object made, rising in step."""
        return self._history.measurements

    def step(self, step: int, tokens: int | None = None) -> Measurement | None:
        """Measure if this step is due; call it after every update.

        Args:
            step: updates so far; all processes give the same.
            tokens: read so far in training, for an axis of tokens.

        Returns:
            The measurement, or None where none was made.
        """
        if not self._is_on or not self._is_due(step):
            return None
        try:
            return self._measure(step, tokens)
        except Exception as error:  # the training must go on whatever happens here
            self._give_up(step, error)
            return None

    def finish(self) -> None:
        """Take the hooks away and close the run."""
        self.tap.detach()
        self._is_on = False
        if self.run is not None:
            self.run.finish()

    def trainer_callback(self) -> "TrainerCallback":
        """For the `callbacks` of a `transformers.Trainer`; it calls `step` and `finish`."""
        from grokscope.llm.trainer_callback import MonitorCallback

        return MonitorCallback(self)

    def lightning_callback(self) -> "lightning.Callback":
        """For the `callbacks` of a Lightning trainer; it calls `step` and `finish`."""
        from grokscope.llm.lightning_callback import MonitorCallback

        return MonitorCallback(self)

    def _is_due(self, step: int) -> bool:
        latest = self._history.steps[-1] if self._history.steps else -1
        if step in self._done or step <= latest:
            return False
        return step % self._every == 0 if isinstance(self._every, int) else step in self._every

    def _measure(self, step: int, tokens: int | None) -> Measurement:
        reading = self._reader.read(ranks.own_batches(self._batches))
        reading = ranks.reduced(reading, self._device)
        measurement = self._history.add(step, reading, experts_of(self.tap.routers), tokens)
        layers = [router.name for router in self.tap.routers]
        alerts = self._new(alerts_of(self.measurements, layers, self.tap.routers[0].experts))
        if self.run is not None:
            self.run.add(measurement, reading, alerts)
            self._tell(measurement, alerts)
        return measurement

    def _new(self, alerts: list[Alert]) -> list[Alert]:
        """Those that did not hold at the measurement before."""
        held = self._alerted
        self._alerted = {(alert.kind, alert.where) for alert in alerts}
        return [alert for alert in alerts if (alert.kind, alert.where) not in held]

    def _tell(self, measurement: Measurement, alerts: list[Alert]) -> None:
        for alert in alerts:
            logger.warning("step %s: %s", measurement.step, alert.message)
        numbers = tracked(measurement) | {"moe/alerts": float(len(self._alerted))}
        for tracker in self._trackers:
            tracker(numbers, measurement.step)

    def _give_up(self, step: int, error: Exception) -> None:
        self._is_on = False
        self.tap.detach()
        text = f"The monitor is off after step {step}, training goes on: {error}"
        logger.warning(text)
        if self.run is not None:
            try:
                self.run.note(step, text)
            except Exception as second:  # a full disk, most likely
                logger.warning("It could not be noted in the run: %s", second)


def header_of(
    model: str, routers: Sequence[Router], probes: ProbeSet, measuring: Measuring
) -> dict[str, object]:
    """What a run says of itself: what is monitored, and how."""
    return {
        "model": model,
        "layers": [router.name for router in routers],
        "experts": routers[0].experts,
        "scoring": [router.scoring for router in routers],
        "groups": {name: len(rows) for name, rows in probes.groups.items()},
        "measuring": _storable(measuring),
    }


def experts_of(routers: Sequence[Router]) -> Experts:
    """Embeddings and gains of the experts, as they are now; where routers have none, None."""
    try:
        rows = torch.stack([router.rows() for router in routers]).cpu().numpy()
    except (UsageError, RuntimeError):  # no matrix, or one that is sharded over processes
        return Experts(rows=None, gain=None, top_k=_top_k(routers))
    gains = [router.gain() for router in routers]
    gain = None
    if all(one is not None for one in gains):
        gain = np.stack([one.cpu().numpy() for one in gains if one is not None])
    return Experts(rows=rows, gain=gain, top_k=_top_k(routers))


def _top_k(routers: Sequence[Router]) -> int:
    return min(routers[0].top_k or DEFAULT_TOP_K, routers[0].experts)


def tracked(measurement: Measurement) -> dict[str, float]:
    """The main numbers of the first groups, at most `MOST_KEYS`."""
    found = {
        f"moe/{group}/{name}": panel.scalars[name]
        for group, panel in measurement.groups.items()
        for name in SHOWN
        if name in panel.scalars
    }
    return dict(list(found.items())[:MOST_KEYS])


def _model_name(model: nn.Module) -> str:
    config: Any = getattr(model, "config", None)
    name = str(getattr(config, "name_or_path", "") or getattr(config, "_name_or_path", "") or "")
    return name or type(model).__name__


def _storable(measuring: Measuring) -> dict[str, object]:
    """Without what is not set: TOML has no word for it."""
    values = asdict(measuring)
    eps = values["eps"]
    if isinstance(eps, Mapping):
        values["eps"] = dict(eps)
    return {name: value for name, value in values.items() if value is not None}
