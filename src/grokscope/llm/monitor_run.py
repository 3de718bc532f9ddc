"""What a monitor leaves on disk: a run directory like those of trained networks.

One segment of curves for each measurement (`grokscope query` reads them), the routing weights of
every sample as `checkpoints/step-…/routing.safetensors`, alerts as events. The weights are stored
as they were measured, in float32, so that all measures can be taken again from there, with other
thresholds too, and a run that is gone on with ends as one that was never stopped.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64

from grokscope.core.errors import UsageError
from grokscope.llm.alerts import Alert
from grokscope.llm.measurement import Groups, Measurement, Measuring, load_and_dead
from grokscope.llm.panel import Panel
from grokscope.llm.pathways import Pathways
from grokscope.llm.probe import ProbeSet
from grokscope.llm.reading import Reading
from grokscope.llm.router import Router
from grokscope.store import RunDirectory

SECTION = "monitor"
FOR_PEOPLE = ("model",)
"""Entries of the header that may differ where a run is gone on with."""
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
            UsageError: it is no monitor's, or another model's, or has other probes or measures, or
                another process writes it.
        """
        run = cls(RunDirectory.open(path))
        run._require(header)
        run._begin()
        return run

    def _require(self, header: Mapping[str, object]) -> None:
        before, now = _flat(self.header), _flat(header)
        for name in [*now, *before]:
            if before.get(name) != now.get(name) and name not in FOR_PEOPLE:
                was, is_now = (found.get(name, "not set") for found in (before, now))
                raise UsageError(
                    f"{self.directory.id} cannot be gone on with: its {name} was {was} and is "
                    f"{is_now} now."
                )

    def _begin(self) -> None:
        self._open.enter_context(self.directory.locked())
        self.directory.update_status(state="running", networks=1)

    def __repr__(self) -> str:
        return f"MonitorRun({str(self.path)!r})"

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

    def add(
        self,
        measurement: Measurement,
        reading: Reading,
        alerts: Sequence[Alert],
        groups: Groups | None = None,
    ) -> None:
        """Store a measurement, with the routing behind it; the row of the table comes last.

        Args:
            measurement: to store.
            reading: of which it was made.
            alerts: that began with it.
            groups: of the samples, where they are not the probes.
        """
        step = measurement.step
        tensors = {
            "weights": torch.from_numpy(reading.pathways.weights),
            "loss": torch.from_numpy(reading.loss),
            "correct": torch.from_numpy(reading.correct),
            "tokens": torch.from_numpy(reading.pathways.tokens),
        }
        facts: dict[str, object] = {"step": step, "networks": [0]}
        facts["problems"] = list(measurement.problems)
        if groups is not None:
            facts["groups"] = {name: rows.tolist() for name, rows in groups.items()}
        self.directory.save_checkpoint(checkpoint_name(step), {_ROUTING: tensors}, facts)
        self._add_events([{"step": step, **asdict(alert)} for alert in alerts])
        columns: Any = {name: [value] for name, value in measurement.columns().items()}
        self.directory.add_segment(columns)
        self.directory.update_status(state="running", step=step)

    def _add_events(self, events: Sequence[dict[str, object]]) -> None:
        """Those that a process that was killed in the middle of this step has not left yet."""
        known = self.directory.events
        self.directory.append_events([event for event in events if event not in known])

    def note(self, step: int, problem: str) -> None:
        """Store what went wrong."""
        self.directory.append_events([{"step": step, "kind": "problem", "message": problem}])

    def finish(self, state: str = "finished", error: str | None = None) -> None:
        """Nothing more comes; the directory is free for others."""
        try:
            self.directory.update_status(state=state, error=error)
        finally:
            self._open.close()

    def pathways(self, step: int) -> Pathways:
        """The routing weights of a measurement."""
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

    def exposed(self) -> Float[np.ndarray, " probe"]:
        """Since when each probe has been seen; see `ProbeSet.exposed`."""
        return self.directory.splits()["probe_exposed"].numpy()

    def members(self, group: str) -> Int64[np.ndarray, " _"]:
        """The probes of a group, in their order; none where there is no such group."""
        names = list(self.header["groups"])
        if group not in names:
            return np.zeros(0, dtype=np.int64)
        places = self.directory.splits()["probe_group"].numpy()
        return np.flatnonzero(places == names.index(group)).astype(np.int64)

    def groups(self, step: int) -> dict[str, list[int]]:
        """The samples of each group of a measurement of training batches."""
        facts: Any = self.directory.load_checkpoint(checkpoint_name(step), ()).facts
        return facts.get("groups", {})

    def measurements(self) -> list[Measurement]:
        """All that are stored, rising in step."""
        table = self.directory.curves()
        threshold = float(self.header["measuring"]["threshold"])
        return [
            self._measurement(table, row, int(step), threshold)
            for row, step in enumerate(table.get("step", []))
        ]

    def _measurement(
        self, table: Mapping[str, Any], row: int, step: int, threshold: float
    ) -> Measurement:
        values = {name: column[row] for name, column in table.items() if name.startswith("moe/")}
        facts: Any = self.directory.load_checkpoint(checkpoint_name(step), ()).facts
        load, dead = load_and_dead(self.pathways(step).weights, threshold)
        tokens = float(table["tokens"][row])
        return Measurement(
            step=step,
            tokens=None if np.isnan(tokens) else int(tokens),
            groups=_panels(values, len(load)),
            whole={
                name.split("/")[1]: float(value)
                for name, value in values.items()
                if name.count("/") == 1 and name != "moe/seconds"
            },
            load=load,
            dead=dead,
            problems=tuple(facts["problems"]),
            seconds=float(values["moe/seconds"]),
        )

    def _tensors(self, step: int) -> dict[str, torch.Tensor]:
        return self.directory.load_checkpoint(checkpoint_name(step), {_ROUTING}).groups[_ROUTING]


def header_of(
    model: str, routers: Sequence[Router], measuring: Measuring, probes: ProbeSet | None
) -> dict[str, object]:
    """What a run says of itself: what is monitored, and how."""
    header: dict[str, object] = {
        "model": model,
        "layers": [router.name for router in routers],
        "experts": routers[0].experts,
        "scoring": [router.scoring for router in routers],
        "measuring": _storable(measuring),
    }
    if probes is None:
        return header | {"groups": {}}
    groups = {name: len(rows) for name, rows in probes.groups.items()}
    return header | {"probes": probes.fingerprint, "groups": groups}


def checkpoint_name(step: int) -> str:
    """The folder of a measurement's routing weights."""
    return f"step-{step:08d}"


def is_monitor(directory: RunDirectory) -> bool:
    """Whether a run is that of a monitor."""
    return SECTION in directory.config


def _panels(values: Mapping[str, Any], layers: int) -> dict[str, Panel]:
    """The numbers of each group, from the columns of one row."""
    found: dict[str, Panel] = {}
    for name, value in values.items():
        group, _, measure = name.removeprefix("moe/").rpartition("/")
        is_layered = group.endswith("/layers")
        panel = found.setdefault(group.removesuffix("/layers"), Panel(scalars={}, layers={}))
        if is_layered:
            own = np.asarray(value, dtype=np.float64)
            if len(own) == layers:
                panel.layers[measure] = own
        elif not np.isnan(value):
            panel.scalars[measure] = float(value)
    found.pop("", None)
    return {name: panel for name, panel in found.items() if panel.scalars}


def _flat(header: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Entries by name, those of tables under their table's name."""
    found: dict[str, object] = {}
    for name, value in header.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = list(value) if isinstance(value, tuple) else value
    return found


def _tensors(probes: ProbeSet) -> dict[str, torch.Tensor]:
    lengths = torch.tensor([len(probe.tokens) for probe in probes.probes])
    flat = [token for probe in probes.probes for token in probe.tokens]
    group = torch.empty(len(probes), dtype=torch.int32)
    for number, rows in enumerate(probes.groups.values()):  # in the header's order
        group[torch.from_numpy(rows)] = number
    return {
        "probe_group": group,
        "probe_tokens": torch.tensor(flat, dtype=torch.int32),
        "probe_lengths": lengths,
        "probe_exposed": torch.from_numpy(probes.exposed),
    }


def _storable(measuring: Measuring) -> dict[str, object]:
    """Without what is not set: TOML has no word for it."""
    values = asdict(measuring)
    eps = values["eps"]
    if isinstance(eps, Mapping):
        values["eps"] = dict(eps)
    return {name: value for name, value in values.items() if value is not None}
