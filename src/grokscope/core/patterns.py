"""Settings that name parameters as text: `W_E ln*`, or with factors, `W_U=0.5 b_*=0`."""

import math
from collections.abc import Collection
from fnmatch import fnmatchcase

from grokscope.core.errors import SettingError

_RULE = "names or patterns of parameters with a number each, such as `W_U=0.5 b_*=2`"


def named_by(setting: str, patterns: str, names: Collection[str]) -> list[str]:
    """The parameters that some patterns, separated by spaces, name.

    Raises:
        SettingError: a pattern that names none.
    """
    found = [_matches(setting, pattern, names) for pattern in patterns.split()]
    return [name for name in names if any(name in some for some in found)]


def factors_by_pattern(setting: str, text: str) -> list[tuple[str, float]]:
    """Patterns and their factors.

    Raises:
        SettingError: what is written is no list of them.
    """
    return [_pair(setting, word) for word in text.split()]


def factors_of(setting: str, text: str, names: Collection[str]) -> dict[str, float]:
    """The factor of every parameter; those of several patterns multiply.

    Raises:
        SettingError: a pattern that names none.
    """
    found = dict.fromkeys(names, 1.0)
    for pattern, factor in factors_by_pattern(setting, text):
        for name in _matches(setting, pattern, names):
            found[name] *= factor
    return found


def _pair(setting: str, word: str) -> tuple[str, float]:
    pattern, _, number = word.partition("=")
    try:
        factor = float(number)
    except ValueError:
        factor = math.nan
    if not pattern or not math.isfinite(factor):
        raise SettingError(setting, _RULE, word)
    return pattern, factor


def _matches(setting: str, pattern: str, names: Collection[str]) -> list[str]:
    found = [name for name in names if fnmatchcase(name, pattern)]
    if not found:
        known = ", ".join(names)
        raise SettingError(setting, f"names or patterns of parameters ({known})", pattern)
    return found
