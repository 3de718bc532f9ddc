"""What a mixture-of-experts monitor recorded, by group of probes: what its figures are drawn from.

A group is a domain's seen samples (named as the domain), its twins or its tests (with `/twin` or
`/test` behind the name).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from grokscope.core.errors import UsageError
from grokscope.llm.monitor_run import SECTION, is_monitor
from grokscope.store import RunDirectory

Series = Float64[np.ndarray, " step"]
_TOP = "moe/"
_BY_LAYER = "/layers"


@dataclass(frozen=True, kw_only=True)
class MonitorCurves:
    """Numbers over steps.

    Attributes:
        steps: of the measurements, rising.
        columns: by name, see `grokscope.llm.panel_dictionary`; a row for each step.
        groups: names, domain by domain.
        layers: names of the routers.
        experts: of a layer.
    """

    steps: Int64[np.ndarray, " step"]
    columns: Mapping[str, Any]
    groups: tuple[str, ...]
    layers: tuple[str, ...]
    experts: int

    @classmethod
    def of(cls, run: RunDirectory) -> "MonitorCurves":
        """Of the run of a monitor.

        Raises:
            UsageError: it is no monitor's, or has no measurement.
            VerificationError: a file of it is damaged.
        """
        header: Any = run.config.get(SECTION)
        if not is_monitor(run):
            raise UsageError(f"{run.id} is not the run of a monitor.")
        table = run.curves()
        if not len(table.get("step", ())):
            raise UsageError(f"{run.id} has no measurements yet.")
        # once each, should a step have been measured twice
        steps, rows = np.unique(table["step"].astype(np.int64), return_index=True)
        columns = {name: values[rows] for name, values in table.items()}
        known: Any = header.get("groups", {})
        return cls(
            steps=steps,
            columns=columns,
            groups=_groups(known, columns),
            layers=tuple(header["layers"]),
            experts=int(header["experts"]),
        )

    @cached_property
    def domains(self) -> tuple[str, ...]:
        """In the order of the probes."""
        return tuple(dict.fromkeys(group.partition("/")[0] for group in self.groups))

    def main(self, domain: str) -> str:
        """The group that a domain's pathways are shown of: the seen samples where it has any."""
        return next(group for group in _with_roles(domain) if group in self.groups)

    def tested(self, domain: str) -> str | None:
        """The group that a domain's accuracy is shown of: the tests, or else what has answers."""
        order = reversed(_with_roles(domain))
        return next((group for group in order if self.has(group, "accuracy")), None)

    def series(self, group: str, name: str) -> Series:
        """A number of a group; NaN where it was not measured."""
        return self._column(f"{_TOP}{group}/{name}")

    def across(self, name: str) -> Series:
        """A number that is not of one group."""
        return self._column(_TOP + name)

    def has(self, group: str, name: str) -> bool:
        """Whether there is a number of it."""
        return bool(np.isfinite(self.series(group, name)).any())

    def latest(self, group: str, name: str) -> float:
        """At the last measurement that has one; NaN where none has."""
        values = self.series(group, name)
        known = values[np.isfinite(values)]
        return float(known[-1]) if len(known) else float("nan")

    def by_layer(self, group: str, name: str) -> Float64[np.ndarray, "step layer"]:
        """A number of each layer; NaN where it was not measured."""
        values = self.columns.get(f"{_TOP}{group}{_BY_LAYER}/{name}")
        if values is None or values.ndim != 2:
            return np.full((len(self.steps), len(self.layers)), np.nan)
        return values.astype(np.float64)

    def mean_by_layer(self, name: str) -> Float64[np.ndarray, "step layer"]:
        """The mean over domains; NaN where no domain was measured."""
        own = np.stack([self.by_layer(self.main(domain), name) for domain in self.domains])
        known = np.isfinite(own)
        count = known.sum(0)
        return np.where(count > 0, np.where(known, own, 0).sum(0) / np.maximum(count, 1), np.nan)

    def _column(self, name: str) -> Series:
        values = self.columns.get(name)
        if values is None:
            return np.full(len(self.steps), np.nan)
        return values.astype(np.float64)


def _groups(known: Iterable[str], columns: Iterable[str]) -> tuple[str, ...]:
    """Those that were planned, in their order, and those that came up."""
    parts = (name[len(_TOP) :].rpartition("/")[0] for name in columns if name.startswith(_TOP))
    found = dict.fromkeys(part.removesuffix(_BY_LAYER) for part in parts if part)
    return tuple(group for group in dict.fromkeys([*known, *found]) if group in found)


def _with_roles(domain: str) -> tuple[str, str, str]:
    return domain, f"{domain}/twin", f"{domain}/test"
