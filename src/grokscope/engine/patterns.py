"""Settings that name parameters: `W_E`, or `W_*` for all whose names begin so."""

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase

from grokscope.core.errors import SettingError


def named_by(setting: str, patterns: str, names: Collection[str]) -> list[str]:
    """The parameters that some patterns, separated by spaces, name.

    Raises:
        SettingError: a pattern that names none.
    """
    found = [_matches(setting, pattern, names) for pattern in patterns.split()]
    return [name for name in names if any(name in some for some in found)]


def factors_by_pattern(setting: str, text: str) -> list[tuple[str, float]]:
    """`W_E=10 W_U=0.5` as pairs.

    Raises:
        SettingError: another form, or a negative factor.
    """
    found: list[tuple[str, float]] = []
    for word in text.split():
        pattern, _, factor = word.partition("=")
        try:
            found.append((pattern, float(factor)))
        except ValueError:
            raise SettingError(setting, "of the form `W_E=10 W_U=0.5`", text) from None
        if not found[-1][1] >= 0:
            raise SettingError(setting, "of factors of at least 0", text)
    return found


def factors_of(setting: str, text: str, names: Sequence[str]) -> list[float]:
    """The factor of every parameter; those of several patterns multiply.

    Raises:
        SettingError: a pattern that names none.
    """
    found = dict.fromkeys(names, 1.0)
    for pattern, factor in factors_by_pattern(setting, text):
        for name in _matches(setting, pattern, names):
            found[name] *= factor
    return list(found.values())


def _matches(setting: str, pattern: str, names: Collection[str]) -> list[str]:
    found = [name for name in names if fnmatchcase(name, pattern)]
    if not found:
        known = ", ".join(names)
        raise SettingError(setting, f"names or patterns of parameters ({known})", pattern)
    return found
