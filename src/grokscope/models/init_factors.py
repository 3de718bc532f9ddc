"""Factors on chosen initial parameters, written as text: `W_U=0.5 b_*=0`."""

import math
from collections.abc import Iterable
from fnmatch import fnmatchcase

from grokscope.core.errors import SettingError

_RULE = "patterns of parameter names with a number each, such as `W_U=0.5 W_*=2`"


def parsed(text: str) -> list[tuple[str, float]]:
    """The patterns and their factors.

    Raises:
        SettingError: what is written is no list of them.
    """
    return [_pair(word) for word in text.split()]


def factors(text: str, names: Iterable[str]) -> dict[str, float]:
    """The product of what each parameter is to be multiplied by.

    Raises:
        SettingError: a pattern fits no parameter.
    """
    found = dict.fromkeys(names, 1.0)
    for pattern, factor in parsed(text):
        fitting = [name for name in found if fnmatchcase(name, pattern)]
        if not fitting:
            raise SettingError("init_factors", f"of parameters among {', '.join(found)}", pattern)
        found |= {name: factor * found[name] for name in fitting}
    return found


def _pair(word: str) -> tuple[str, float]:
    pattern, _, number = word.partition("=")
    try:
        factor = float(number)
    except ValueError:
        factor = math.nan
    if not pattern or not math.isfinite(factor):
        raise SettingError("init_factors", _RULE, word)
    return pattern, factor
