"""An axis of a sweep: a setting and the values, or the range, that it takes.

As text a range is `low:high:points` or `log:low:high:points`, and a list is `a,b,c`. Designs that
draw their points need no number of points, `log:1e-3:10`; from a list they draw its values.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from grokscope.core.errors import SettingError
from grokscope.core.settings import full_name, kinds_of_setting, read_value
from grokscope.experiment import Config

Value = float | int | str | bool | None
Scale = Literal["linear", "log"]

_RANGE = "low:high:points, log:low:high:points, or a list such as 0.1,0.3,1"
_DIGITS = 6
"""Of the values on a scale: 0.02009 is as good as 0.020092330025650477, and can be read."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """A setting with what it takes.

    Attributes:
        name: full name of the setting.
        values: those of a grid or a list; empty where there is a range only.
        low: lower end of the range; None for a list.
        high: upper end.
        scale: of the range.
        is_whole: whether the setting takes whole numbers only.
    """

    name: str
    values: tuple[Value, ...] = ()
    low: float | None = None
    high: float | None = None
    scale: Scale = "linear"
    is_whole: bool = False

    def at(self, share: float) -> Value:
        """The value at a share in [0, 1) of the range; each of a list has an equal part of it."""
        if self.low is None or self.high is None:
            return self.values[int(share * len(self.values))]
        return _between(self.low, self.high, share, self)

    def require_values(self) -> None:
        """Refuse a range without a number of points, or with one.

        Raises:
            SettingError: such a range.
        """
        if not self.values:
            rule = "a range with a number of points, such as log:1e-3:10:12"
            raise SettingError(self.name, rule, f"{self.low:g}:{self.high:g}")
        if len(self.values) == 1:
            raise SettingError(self.name, "of at least two points", *self.values)


def axis(config: Config, name: str, spec: str | Sequence[Value]) -> Axis:
    """The axis of a setting.

    Args:
        config: whose setting it is.
        name: full, or short where that is unique.
        spec: text as above, or the values.

    Raises:
        UsageError: no setting has that name; the nearest are named.
        SettingError: the text is no range and no list, or a value is there twice.
    """
    full = full_name(config, name)
    kinds = kinds_of_setting(config, full)
    is_whole = int in kinds and float not in kinds
    if not isinstance(spec, str):
        found = Axis(name=full, values=tuple(spec), is_whole=is_whole)
    elif ":" in spec:
        found = _range(full, spec, is_whole=is_whole)
    else:
        words = [word.strip() for word in spec.split(",")]
        found = Axis(
            name=full, values=tuple(read_value(w, kinds) for w in words), is_whole=is_whole
        )
    twice = next((v for v in found.values if found.values.count(v) > 1), None)
    if twice is not None:
        raise SettingError(full, "of different points", twice)
    return found


def _range(name: str, spec: str, *, is_whole: bool) -> Axis:
    scale: Scale = "log" if spec.startswith("log:") else "linear"
    words = spec.removeprefix("log:").split(":")
    try:
        low, high = float(words[0]), float(words[1])
        count = int(words[2]) if len(words) == 3 else None
    except (ValueError, IndexError):
        raise SettingError(name, _RANGE, spec) from None
    if len(words) > 3 or not (math.isfinite(low) and low < high and math.isfinite(high)):
        raise SettingError(name, f"a range from a lower to a higher end, {_RANGE}", spec)
    if scale == "log" and low <= 0:
        raise SettingError(name, "above 0 on a logarithmic scale", spec)
    if count is not None and count < 2:
        raise SettingError(name, "of at least two points", spec)
    bare = Axis(name=name, low=low, high=high, scale=scale, is_whole=is_whole)
    shares = [] if count is None else [i / (count - 1) for i in range(count)]
    values = tuple(dict.fromkeys(_between(low, high, share, bare) for share in shares))
    return Axis(name=name, values=values, low=low, high=high, scale=scale, is_whole=is_whole)


def _between(low: float, high: float, share: float, axis: Axis) -> Value:
    if axis.scale == "log":
        value = math.exp(math.log(low) + share * math.log(high / low))
    else:
        value = low + share * (high - low)
    return round(value) if axis.is_whole else float(f"{value:.{_DIGITS}g}")
