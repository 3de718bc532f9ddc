"""The step axis of a monitor's figures: logarithmic where measurements are denser early on."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64, Real

from grokscope.views.loss_axis import power_words

_DENSE = 4
"""With the median measurement below this part of the last, steps are on a log axis."""
_MARGIN = 0.02
_LARGE = 100_000
"""Steps from which on ticks are abbreviated, such as 250k."""


@dataclass(frozen=True, kw_only=True)
class MonitorAxis:
    """Where steps are drawn.

    Attributes:
        steps: of all measurements, rising.
    """

    steps: Int64[np.ndarray, " step"]

    @property
    def is_log(self) -> bool:
        """Whether it is logarithmic; step 0 is then at its left edge."""
        middle, last = float(np.median(self.steps)), int(self.steps[-1])
        return len(self.steps) > 2 and _DENSE * middle < last

    @property
    def title(self) -> str:
        """Below the lowest panel."""
        return "optimizer step, log scale" if self.is_log else "optimizer step"

    def places(self, steps: Real[np.ndarray, " _"]) -> Float64[np.ndarray, " _"]:
        """Values of the axis."""
        own = np.asarray(steps, dtype=np.float64)
        return np.maximum(own, self._zero) if self.is_log else own

    def edges(self) -> Float64[np.ndarray, " edge"]:
        """Borders of cells around the measurements, one more than these."""
        own = self.places(self.steps)
        if len(own) == 1:
            return np.array([own[0] - 0.5, own[0] + 0.5])
        flat = np.log(own) if self.is_log else own
        inner = (flat[1:] + flat[:-1]) / 2
        ends = (flat[0] - (inner[0] - flat[0]), flat[-1] + (flat[-1] - inner[-1]))
        found = np.concatenate([ends[:1], inner, ends[1:]])
        return np.exp(found) if self.is_log else found

    def layout(self, *, cells: bool = False) -> dict[str, Any]:
        """Range and ticks; with `cells`, up to the borders of these."""
        own = self.edges() if cells else self.places(self.steps)
        first, last = float(own[0]), float(own[-1])
        if not self.is_log:
            room = 0.0 if cells else _MARGIN * (last - first) or 1.0
            whole = {"tickvals": self.steps.tolist()} if len(self.steps) == 1 else {"nticks": 6}
            form = "~s" if last >= _LARGE else ","
            return {
                "range": [first - room, last + room],
                "tickformat": form,
                "tickangle": 0,
                **whole,
            }
        return {
            "type": "log",
            "range": [math.log10(first), math.log10(last) + (0.0 if cells else 0.01)],
            **self._log_ticks(),
        }

    @property
    def _zero(self) -> float:
        positive = self.steps[self.steps > 0]
        return float(positive[0]) / 2 if len(positive) else 0.5

    def _log_ticks(self) -> dict[str, Any]:
        low, high = (float(end) for end in self.places(self.steps)[[0, -1]])
        has_zero = self.steps[0] == 0
        first = low * 1.9 if has_zero else low
        leads = (1,) if high / first > 300 else (1, 2, 5)
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        ticks = [lead * 10.0**p for p in powers for lead in leads]
        inside = [tick for tick in ticks if first * 0.999 <= tick <= high * 1.001]
        zero = [low] if has_zero else []
        words = ["0"] * len(zero) + [power_words(tick) for tick in inside]
        return {"tickvals": zero + inside, "ticktext": words}
