"""Settings are frozen dataclasses; this checks their types and names them by dotted paths.

A setting has a full name (`optimizer.weight_decay`) and, where no other setting is called so, a
short one (`weight_decay`).
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from grokscope.core.errors import SettingError, UsageError

T = TypeVar("T")

_TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_UNSET = ("none", "unset")


def check_types(config: object) -> None:
    """Refuse a field whose value is not of its annotated type (whole numbers pass as floats).

    Raises:
        SettingError: naming the field, the type or the choices, and the value.
    """
    hints = _hints(type(config))
    for field in fields(config):  # type: ignore[arg-type]
        value = getattr(config, field.name)
        if not _fits(value, hints[field.name]):
            raise SettingError(field.name, _rule(hints[field.name]), value)


def require_at_least(least: int, config: object, *names: str) -> None:
    """Refuse settings below a bound; what is unset passes.

    Raises:
        SettingError: naming the first of them.
    """
    for name in names:
        value = getattr(config, name)
        if value is not None and not value >= least:
            raise SettingError(name, f"at least {least}", value)


def flatten(config: object, prefix: str = "") -> dict[str, Any]:
    """Every leaf setting by its full name."""
    leaves: dict[str, Any] = {}
    for field in fields(config):  # type: ignore[arg-type]
        value = getattr(config, field.name)
        nested = flatten(value, f"{prefix}{field.name}.") if is_dataclass(value) else None
        leaves |= nested if nested is not None else {f"{prefix}{field.name}": value}
    return leaves


def full_name(config: object, name: str) -> str:
    """The full name of a setting given by its full or short name (dashes count as underscores).

    Raises:
        UsageError: no setting has that name, or several have.
    """
    wanted = name.replace("-", "_")
    known = list(flatten(config))
    matches = [k for k in known if k == wanted] or [k for k in known if k.split(".")[-1] == wanted]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UsageError(f"`{name}` could be {' or '.join(f'`{match}`' for match in matches)}.")
    inside = next((k for k in known if k.startswith(f"{wanted}.")), None)
    if inside is not None:
        raise UsageError(f"`{name}` is no single setting: name one of it, such as `{inside}`.")
    short = {k.split(".")[-1]: k for k in known}
    near = [short.get(n, n) for n in difflib.get_close_matches(wanted, [*known, *short], n=3)]
    hint = f" Did you mean {' or '.join(f'`{n}`' for n in dict.fromkeys(near))}?" if near else ""
    raise UsageError(f"There is no setting `{name}`.{hint}")


def kinds_of_setting(config: object, full: str) -> tuple[Any, ...]:
    """The types that a setting, given by its full name, may have."""
    section, _, leaf = full.rpartition(".")
    owner = getattr(config, section) if section else config
    hint = _hints(type(owner))[leaf]
    return get_args(hint) if isinstance(hint, UnionType) else (hint,)


def read_value(text: str, kinds: Sequence[Any]) -> Any:  # noqa: ANN401
    """Text as a value of one of some types; what is of none of them stays text, for its check."""
    for kind in kinds:
        if kind is NoneType and text.lower() in _UNSET:
            return None
        if kind is bool and text.lower() in _TRUTH:
            return _TRUTH[text.lower()]
        if kind in (int, float):
            number = _number(text, whole=kind is int)
            if number is not None:
                return number
    return text


def with_settings(config: T, changes: Mapping[str, Any]) -> T:
    """A copy with some settings changed, given by full or short names.

    Raises:
        UsageError: a name that is not a setting's.
        SettingError: a value that breaks its rule.
    """
    nested: dict[str, dict[str, Any]] = {}
    for name, value in changes.items():
        section, _, leaf = full_name(config, name).rpartition(".")
        nested.setdefault(section, {})[leaf] = value
    top = nested.pop("", {})
    parts = {s: replace(getattr(config, s), **changed) for s, changed in nested.items()}
    return replace(config, **parts, **top)  # type: ignore[type-var]


@cache
def _hints(kind: type) -> dict[str, Any]:
    """Annotated types of a class's fields; thousands of configs have the same few classes."""
    return get_type_hints(kind)


def _fits(value: object, hint: Any) -> bool:  # noqa: ANN401
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if isinstance(hint, UnionType):
        return any(_fits(value, option) for option in get_args(hint))
    if hint in (int, float):
        numbers = (int,) if hint is int else (int, float)
        return isinstance(value, numbers) and not isinstance(value, bool)
    return isinstance(value, hint)


def _rule(hint: Any) -> str:  # noqa: ANN401
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(f"`{choice}`" for choice in get_args(hint))
    if isinstance(hint, UnionType):
        return " or ".join(_rule(option) for option in get_args(hint))
    nouns = {int: "a whole number", float: "a number", bool: "true or false", NoneType: "unset"}
    return nouns.get(hint, "text" if hint is str else f"a {hint.__name__}")


def _number(text: str, *, whole: bool) -> int | float | None:
    """The number, or None; a whole one may be written `1e4`."""
    try:
        number = float(text)
    except ValueError:
        return None
    if not whole:
        return number
    return int(number) if number.is_integer() else None
