"""The monitor: reads probes while a model trains, measures pathways, keeps and tells what it saw.

    monitor = Monitor(model, probes, every=500)   # before torch.compile
    for step in range(1, steps + 1):
        ...                                       # one update
        monitor.step(step)
    monitor.finish()

Without probes it measures the training batches themselves, which costs no forward:

    monitor = Monitor(model, every=500)
        with monitor.watch(attention_mask=mask, domains=domains) as batch:
            logits = model(input_ids=ids, attention_mask=mask).logits
        batch.score(logits, labels)               # if losses are wanted
        ...
        monitor.step(step)

`monitor.trainer_callback()` does the same inside a `transformers.Trainer`, and
`monitor.lightning_callback()` inside a Lightning trainer. What goes wrong within it never stops the
training: it is noted in the run, said once, and the monitor is off. Where several processes train
one model, each makes a monitor, and all call `step` alike.
"""

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from torch import Tensor, nn

from grokscope.core.errors import GrokscopeError, UsageError
from grokscope.llm import ranks
from grokscope.llm.alerts import Alert, alerts_of
from grokscope.llm.measurement import Groups, History, Measurement, Measuring
from grokscope.llm.monitor_run import MonitorRun, header_of
from grokscope.llm.optional import require_rapidfuzz
from grokscope.llm.panel import experts_of
from grokscope.llm.pathways import Weights
from grokscope.llm.probe import Probe, ProbeSet
from grokscope.llm.reading import Forward, Reader, Reading, device_of, unwrapped
from grokscope.llm.router import Modules
from grokscope.llm.schedule import Schedule
from grokscope.llm.scoring import Scoring
from grokscope.llm.streaming import RECENT, Sequences, TrainingBatches, WatchedBatch, joined
from grokscope.llm.tap import RouterTap
from grokscope.llm.tracking import Tracker, tracked

if TYPE_CHECKING:
    import lightning
    from transformers import TrainerCallback

logger = logging.getLogger(__name__)


class Monitor:
    """Watches a mixture-of-experts model.

    Args:
        model: with routers, before it is compiled or sharded.
        probes: what is read each time; without them, the latest training batches are.
        every: steps between measurements, or the steps themselves; step 0 is measured if asked.
        out: the folder of all runs.
        name: for people; part of the directory's name.
        measuring: thresholds and pairs.
        trackers: get the main numbers, too; one that raises is not called again.
        modules, scoring: which modules are routers and how they score, where that is not known
            (see `find_routers`).
        batch: probes in a forward.
        forward: how logits are got from the model, where it does not take `input_ids` and
            `attention_mask`.
        recent: training sequences of a measurement without probes, in all processes together.
        run: the directory of a monitor to go on with, after training was resumed. Nothing is
            measured again up to its last step.

    Raises:
        UsageError: no router is found, or tokens are not the model's, or `run` is another's.
        SettingError: a value breaks its rule.
        MissingExtraError: rapidfuzz is not installed.
        DiskError: the run directory cannot be made.
    """

    def __init__(  # noqa: PLR0913 (what can differ between training loops)
        self,
        model: nn.Module,
        probes: ProbeSet | Sequence[Probe] | None = None,
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
        recent: int = RECENT,
        run: Path | str | None = None,
    ) -> None:
        require_rapidfuzz()
        ranks.require_joined()
        self._schedule = Schedule.of(every)
        if probes is not None and not isinstance(probes, ProbeSet):
            probes = ProbeSet(tuple(probes))
        self._model = unwrapped(model)
        self.tap = RouterTap(self._model, modules, scoring=scoring)
        self._layers = [router.name for router in self.tap.routers]
        self._processes = ranks.rank_and_count()[1]
        self._history = History(probes=probes, settings=measuring or Measuring())
        self._reader: Reader | None = None
        self._stream: TrainingBatches | None = None
        self.run: MonitorRun | None = None
        try:
            if probes is not None:
                self._reader = Reader(self._model, self.tap, probes, batch=batch, forward=forward)
                self._batches = probes.batches(batch)
            else:
                share = -(-recent // self._processes)
                self._stream = TrainingBatches(self.tap, share, self._troubled)
            self._restore(ranks.from_first(lambda: self._opened(Path(out), name, run, recent)))
        except Exception:
            self._release()
            raise
        self._trackers = list(trackers)
        self._trouble: Exception | None = None
        self._latest: int | None = None
        self._is_silent = False
        self._is_on = True

    def _opened(
        self, out: Path, name: str, run: Path | str | None, recent: int
    ) -> list[Measurement]:
        """Opens the directory, in the process that writes, and gives what it has."""
        probes = self._history.probes
        model, routers = _model_name(self._model), self.tap.routers
        header = header_of(model, routers, self._history.settings, probes)
        if probes is None:
            header["recent"] = recent
        if run is None:
            self.run = MonitorRun.create(out, name, header, probes)
            return []
        self.run = MonitorRun.go_on(Path(run), header)
        return self.run.measurements()

    def _restore(self, measurements: list[Measurement]) -> None:
        """Go on as if the monitor had made these measurements itself."""
        history = self._history
        history.measurements.extend(measurements)
        self._alerted = {(alert.kind, alert.where) for alert in self._alerts()}
        if history.probes is not None and measurements:
            last = measurements[-1].step
            history.losses, history.before = ranks.from_first(lambda: self._stored(last))

    def _stored(self, step: int) -> tuple[list[Float[np.ndarray, " probe"]], Weights]:
        assert self.run is not None
        return list(self.run.losses()), self.run.pathways(step).weights

    def __repr__(self) -> str:
        where = f", in {self.run.path}" if self.run is not None else ""
        return f"<Monitor of {len(self._layers)} routers{where}>"

    @property
    def measurements(self) -> list[Measurement]:
        """All of the run, rising in step."""
        return self._history.measurements

    def watch(
        self,
        *,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        segments: Tensor | None = None,
        domains: Sequence[str] | None = None,
    ) -> AbstractContextManager[WatchedBatch]:
        """Put around a training forward, where there are no probes; the backward may be outside.

        It does something only in the updates before a measurement that hold enough sequences.

        Args:
            attention_mask: (batch, sequence), 0 for padding.
            position_ids: (batch, sequence), starting again from 0 with every document in a row.
            segments: (batch, sequence), the sample of each token, negative for those of none.
            domains: of each sample, in the order of their numbers; measures are taken by domain.

        Raises:
            UsageError: the monitor has probes.
        """
        if self._stream is None:
            raise UsageError("This monitor reads probes: `watch` is for one that has none.")
        if not self._is_on:
            self._stream.is_open = False
        tokens = {
            "attention_mask": attention_mask,
            "position_ids": position_ids,
            "segments": segments,
        }
        return self._stream.watch(tokens, domains)

    def listen(self) -> None:
        """Watch all training forwards by hooks on the model, where there are no probes.

        The callbacks call it. Models that are called with `input_ids`, as those of transformers
        are, need nothing else; what is compiled is not watched.
        """
        if self._stream is not None and self._is_on:
            self._stream.listen(self._model)

    def step(self, step: int, tokens: int | None = None) -> Measurement | None:
        """Measure if this step is due; call it after every update.

        Args:
            step: updates so far; all processes give the same. A step that is said again, such as
                after each batch of those whose gradients are added up, is nothing new.
            tokens: read so far in training, for an axis of tokens.

        Returns:
            The measurement, or None where none was made.
        """
        if not self._is_on or step == self._latest:
            return None
        measurement = None
        if self._is_due(step):
            try:
                measurement = self._measure(step, tokens)
            except Exception as error:  # the training must go on whatever happens here
                self._give_up(step, error)
        self._expect(step)
        return measurement

    def finish(self) -> None:
        """Take the hooks away and close the run; what cannot be written is said, not raised."""
        was_on, self._is_on = self._is_on, False
        self._let_go()
        if self._trouble is not None and was_on:
            self._give_up(self._latest or 0, self._trouble)
        elif self.run is not None and was_on:
            try:
                self.run.finish()
            except Exception as error:
                logger.warning("The monitor's run could not be closed: %s", error)

    def trainer_callback(self) -> "TrainerCallback":
        """For the `callbacks` of a `transformers.Trainer`; it calls `step` and `finish`."""
        from grokscope.llm.trainer_callback import MonitorCallback

        return MonitorCallback(self)

    def lightning_callback(self) -> "lightning.Callback":
        """For the `callbacks` of a Lightning trainer; it calls `step` and `finish`."""
        from grokscope.llm.lightning_callback import MonitorCallback

        return MonitorCallback(self)

    def _is_due(self, step: int) -> bool:
        steps = self._history.steps
        return self._schedule.is_due(step) and not (steps and step <= steps[-1])

    def _expect(self, step: int) -> None:
        """Watch the batches to come if the next measurement is near."""
        if self._stream is not None:
            updates = 1 if self._latest is None else step - self._latest
            due = self._schedule.next_after(step) if self._is_on else None
            self._stream.updated(updates, None if due is None else due - step)
        self._latest = step

    def _measure(self, step: int, tokens: int | None) -> Measurement | None:
        if ranks.rank_and_count()[1] != self._processes:
            raise UsageError("the processes met after the monitor was made: make it after that.")
        reading, groups = self._read()
        if reading is None:
            self._nothing(step)
            return None
        return ranks.together(lambda: self._kept(step, tokens, reading, groups))

    def _read(self) -> tuple[Reading | None, Groups | None]:
        """What all processes read, and the groups of it where it is no probes."""
        reader = self._reader
        if reader is not None:
            own = ranks.together(lambda: reader.read(ranks.own_batches(self._batches)))
            return ranks.reduced(own, device_of(self._model)), None
        found = joined(ranks.gathered(ranks.together(self._taken)))
        return (None, None) if found is None else (found.reading, found.groups)

    def _taken(self) -> Sequences | None:
        if self._trouble is not None:
            raise self._trouble
        assert self._stream is not None
        return self._stream.taken()

    def _nothing(self, step: int) -> None:
        """Before the first update there is nothing to be seen; later somebody should know, once."""
        is_new, self._is_silent = not self._is_silent, self._latest is not None
        if is_new and self._is_silent and self.run is not None:
            text = "No training batch was watched before this step: nothing was measured."
            logger.warning("step %s: %s", step, text)
            self.run.note(step, text)

    def _kept(
        self, step: int, tokens: int | None, reading: Reading, groups: Groups | None
    ) -> Measurement:
        experts = experts_of(self.tap.routers)
        measurement = self._history.add(step, reading, experts, tokens, groups)
        alerts = self._alerts()
        new = [alert for alert in alerts if (alert.kind, alert.where) not in self._alerted]
        self._alerted = {(alert.kind, alert.where) for alert in alerts}
        if self.run is not None:
            self.run.add(measurement, reading, new, groups)
            self._tell(measurement, new)
        return measurement

    def _alerts(self) -> list[Alert]:
        """All that hold now."""
        if not self.measurements:
            return []
        return alerts_of(self.measurements, self._layers, self.tap.routers[0].experts)

    def _tell(self, measurement: Measurement, alerts: list[Alert]) -> None:
        assert self.run is not None
        for alert in alerts:
            logger.warning("step %s: %s", measurement.step, alert.message)
        numbers = tracked(measurement, len(self._alerted))
        for tracker in list(self._trackers):
            try:
                tracker(dict(numbers), measurement.step)
            except Exception as error:
                self._trackers.remove(tracker)
                text = f"A tracker is not called again, it raised {type(error).__name__}: {error}"
                logger.warning("step %s: %s", measurement.step, text)
                self.run.note(measurement.step, text)

    def _troubled(self, error: Exception) -> None:
        """What went wrong between two measurements is told at the next, when all can hear it."""
        self._trouble = error
        if self._stream is not None:
            self._stream.is_open = False

    def _release(self) -> None:
        """Leave no hook and no lock behind where the monitor could not be made."""
        self.tap.detach()
        if self.run is not None:
            self.run.finish("failed")

    def _let_go(self) -> None:
        self.tap.detach()
        if self._stream is not None:
            self._stream.detach()
            self._stream.is_open = False

    def _give_up(self, step: int, error: Exception) -> None:
        self._is_on = False
        self._let_go()
        text = f"The monitor is off after step {step}, training goes on: {_text(error)}"
        logger.warning(text)
        if self.run is not None:
            try:
                self.run.note(step, text)
                self.run.finish("failed")
            except Exception as second:  # a full disk, most likely
                logger.warning("It could not be noted in the run: %s", second)


def _text(error: Exception) -> str:
    kind = type(error).__name__
    return str(error) if isinstance(error, GrokscopeError) else f"{kind}: {error}"


def _model_name(model: nn.Module) -> str:
    config: Any = getattr(model, "config", None)
    name = str(getattr(config, "name_or_path", "") or getattr(config, "_name_or_path", "") or "")
    return name or type(model).__name__
