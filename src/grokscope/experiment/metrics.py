"""What one look at some networks found, in columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Metrics:
    """Metric columns of some networks, in one tensor: one copy takes them off a device.

    Attributes:
        table: a row per network; the columns of all metrics side by side.
        widths: columns of each metric, in their order: None for a number, else the length of a
            series, such as a spectrum.
    """

    table: Float64[Tensor, "network column"]
    widths: Mapping[str, int | None]

    @classmethod
    def of(cls, columns: Mapping[str, Tensor]) -> "Metrics":
        """Metrics by name, each a tensor (network,) of numbers or (network, entry) of series."""
        parts = [v.double().reshape(len(v), -1) for v in columns.values()]
        widths = {name: v.shape[1] if v.dim() == 2 else None for name, v in columns.items()}
        return cls(table=torch.cat(parts, 1), widths=widths)

    @classmethod
    def join(cls, parts: Sequence["Metrics"]) -> "Metrics":
        """The same metrics of other networks, one part after the other."""
        return replace(parts[0], table=torch.cat([part.table for part in parts]))

    def start_fetch(self) -> "Fetched":
        """Send the metrics to the host's memory, without waiting until they are there."""
        return Fetched(self)

    def columns(self) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
        """Arrays by name, (network,) or (network, entry); waits for the device."""
        table, first = self.table.cpu().numpy(), 0
        columns: dict[str, np.ndarray[Any, np.dtype[np.float64]]] = {}
        for name, width in self.widths.items():
            part = table[:, first] if width is None else table[:, first : first + width]
            columns[name], first = part, first + (1 if width is None else width)
        return columns


class Fetched:
    """Metrics on their way from a device to the host, behind what the device was doing."""

    def __init__(self, metrics: Metrics) -> None:
        table, self._arrived = metrics.table, None
        if table.is_cuda:
            table = torch.empty_like(table, device="cpu", pin_memory=True)
            table.copy_(metrics.table, non_blocking=True)
            self._arrived = torch.cuda.Event()
            self._arrived.record()
        self._metrics = replace(metrics, table=table)

    def result(self) -> Metrics:
        """The metrics; waits until they are there, but not for what the device does since."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return self._metrics
