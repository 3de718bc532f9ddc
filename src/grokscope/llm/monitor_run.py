"""What a monitor leaves on disk: a run directory like those of trained networks.

One segment of curves for each measurement (`grokscope query` reads them), the routing weights of
every probe as `checkpoints/step-…/routing.safetensors`, alerts as events. All measures can be taken
again from there, with other thresholds.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from grokscope.core.errors import UsageError
from grokscope.llm.alerts import Alert
from grokscope.llm.measurement import Measurement
from grokscope.llm.pathways import Pathways
from grokscope.llm.probe import ProbeSet
from grokscope.llm.reading import Reading
from grokscope.store import RunDirectory

SECTION = "monitor"
_ROUTING = "routing"


class MonitorRun:
    """The run directory of a monitor; one process writes it."""

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory
        self._open = ExitStack()

    @classmethod
    def create(
        cls, out: Path, name: str, header: Mapping[str, object], probes: ProbeSet | None
    ) -> "MonitorRun":
        """A new one.

        Args:
            out: the folder of all runs.
            name: a readable part of the directory's name.
            header: what is monitored and how.
            probes: what is read each time; None while training batches are.

        Raises:
            DiskError: the disk is full or refuses to be written.
        """
        run = cls(RunDirectory.create(out, name, {SECTION: dict(header)}))
        run._begin()
        if probes is not None:
            run.directory.write_splits(_tensors(probes))
        return run

    @classmethod
    def go_on(cls, path: Path, header: Mapping[str, object]) -> "MonitorRun":
        """An existing one, to be added to.

        Raises:
            UsageError: it is no monitor's, or another model's, or has other probes or measures.
        """
        run = cls(RunDirectory.open(path))
        stored = run.header
        different = [name for name in header if stored.get(name) != header[name]]
        if different:
            name = different[0]
            raise UsageError(
                f"{run.directory.id} cannot be gone on with: its {name} was {stored.get(name)!r} "
                f"and is {header[name]!r} now."
            )
        run._begin()
        return run

    def _begin(self) -> None:
        self._open.enter_context(self.directory.locked())
        self.directory.update_status(state="running")

    @property
    def path(self) -> Path:
        """The directory."""
        return self.directory.path

    @property
    def header(self) -> dict[str, Any]:
        """What is monitored and how.

        Raises:
            UsageError: the run is not a monitor's.
        """
        found: Any = self.directory.config.get(SECTION)
        if not isinstance(found, dict):
            raise UsageError(f"{self.directory.id} is not the run of a monitor.")
        return found

    @property
    def steps(self) -> list[int]:
        """The steps that have been measured, rising."""
        columns = self.directory.curves(["step"])
        return sorted({int(step) for step in columns.get("step", [])})

    def add(self, measurement: Measurement, reading: Reading, alerts: Sequence[Alert]) -> None:
        """Store a measurement, with the routing behind it."""
        step = measurement.step
        weights = torch.from_numpy(reading.pathways.weights.astype(np.float16))
        tensors = {
            "weights": weights,
            "loss": torch.from_numpy(reading.loss),
            "correct": torch.from_numpy(reading.correct),
            "tokens": torch.from_numpy(reading.pathways.tokens),
        }
        self.directory.save_checkpoint(
            checkpoint_name(step), {_ROUTING: tensors}, {"step": step, "networks": [0]}
        )
        columns: Any = {name: [value] for name, value in measurement.columns().items()}
        self.directory.add_segment(columns)
        self.directory.append_events([{"step": step, **asdict(alert)} for alert in alerts])
        self.directory.update_status(state="running", step=step)

    def mend_events(self, step: int, alerts: Sequence[Alert]) -> None:
        """Store the alerts of a measurement if the process was killed before it had done so."""
        if not any(event.get("step") == step for event in self.directory.events):
            self.directory.append_events([{"step": step, **asdict(alert)} for alert in alerts])

    def note(self, step: int, problem: str) -> None:
        """Store why there is no measurement."""
        self.directory.append_events([{"step": step, "kind": "problem", "message": problem}])

    def finish(self, state: str = "finished", **facts: object) -> None:
        """Nothing more comes for now; the directory is free for others."""
        try:
            self.directory.update_status(state=state, **facts)
        finally:
            self._open.close()

    def pathways(self, step: int) -> Pathways:
        """The routing weights of a measurement (float16 on disk)."""
        tensors = self._tensors(step)
        return Pathways(
            weights=tensors["weights"].float().numpy(),
            tokens=tensors["tokens"].numpy(),
            layers=tuple(self.header["layers"]),
        )

    def losses(self) -> Float[np.ndarray, "step probe"]:
        """Of every probe at every measurement."""
        return np.stack([self._tensors(step)["loss"].numpy() for step in self.steps])

    def correct(self) -> Float[np.ndarray, "step probe"]:
        """Whether answers were right, NaN where there is none."""
        return np.stack([self._tensors(step)["correct"].numpy() for step in self.steps])

    def _tensors(self, step: int) -> dict[str, torch.Tensor]:
        return self.directory.load_checkpoint(checkpoint_name(step), {_ROUTING}).groups[_ROUTING]


def checkpoint_name(step: int) -> str:
    """The folder of a measurement's routing weights."""
    return f"step-{step:08d}"


def is_monitor(directory: RunDirectory) -> bool:
    """Whether a run is that of a monitor."""
    return SECTION in directory.config


def _tensors(probes: ProbeSet) -> dict[str, torch.Tensor]:
    lengths = torch.tensor([len(probe.tokens) for probe in probes.probes])
    flat = [token for probe in probes.probes for token in probe.tokens]
    return {
        "probe_tokens": torch.tensor(flat, dtype=torch.int32),
        "probe_lengths": lengths,
        "probe_exposed": torch.from_numpy(probes.exposed),
    }
