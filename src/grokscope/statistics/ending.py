"""How the watching of a network ended: what an estimate with competing events is made of."""

import math
from dataclasses import dataclass
from typing import Literal

from grokscope.core.errors import SettingError


@dataclass(frozen=True, kw_only=True)
class Ending:
    """The first thing that happened to a network, and when.

    Attributes:
        time: in steps, or whatever the unit is; at least 0 and finite.
        kind: `event`, what is waited for; `competing`, after which it cannot happen any more, such
            as divergence; `censored`, where the budget ended before either.
    """

    time: float | int
    kind: Literal["event", "competing", "censored"]

    def __post_init__(self) -> None:
        if not (self.time >= 0 and math.isfinite(self.time)):
            raise SettingError("time", "at least 0 and finite", self.time)
