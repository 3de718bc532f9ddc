"""Which tasks, models, optimizers and losses a config may have, by name."""

import difflib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from grokscope.core.errors import SettingError, UsageError
from grokscope.engine import LOSSES, OPTIMIZERS
from grokscope.models import MODELS
from grokscope.tasks import TASKS

T = TypeVar("T")
V = TypeVar("V")

KINDS: dict[str, Mapping[str, type]] = {
    "task": TASKS,
    "model": MODELS,
    "optimizer": OPTIMIZERS,
    "loss": LOSSES,
}
"""Of each section of a config."""


def kind_named(section: str, name: str) -> Any:  # noqa: ANN401 (a class of that section)
    """The class of a name; dashes count as underscores.

    Raises:
        UsageError: there is none; the message gives the nearest, or all there are.
    """
    known = KINDS[section]
    wanted = name.replace("-", "_")
    if wanted in known:
        return known[wanted]
    near = difflib.get_close_matches(wanted, known, n=1)
    hint = f"Did you mean `{near[0]}`?" if near else f"There are {', '.join(sorted(known))}."
    raise UsageError(f"There is no {section} `{name}`. {hint}")


def kind_of(section: str, value: object) -> str:
    """The name of a value's class.

    Raises:
        SettingError: it is none of those that there are.
    """
    for name, kind in KINDS[section].items():
        if type(value) is kind:
            return name
    raise SettingError(section, f"one of {', '.join(sorted(KINDS[section]))}", type(value).__name__)


def kinds_of(config: object) -> dict[str, str]:
    """The kind of each section of a config."""
    return {section: kind_of(section, getattr(config, section)) for section in KINDS}


def parted(changes: Mapping[str, V]) -> tuple[dict[str, V], dict[str, V]]:
    """Changes of whole sections, and those of single settings."""
    sections = {name: value for name, value in changes.items() if name in KINDS}
    return sections, {name: value for name, value in changes.items() if name not in KINDS}


def with_sections(config: T, sections: Mapping[str, object]) -> T:
    """A copy with other sections, given as they are or by the name of a kind.

    A kind that is named comes with its defaults, not with settings of the one before, which mean
    something else there: a learning rate of AdamW is none of SGD. The kind that is there stays as
    it is.

    Raises:
        UsageError: a name of none.
        SettingError: a value that is none of the section's kinds.
    """
    parts: dict[str, Any] = {}
    for section, value in sections.items():
        if isinstance(value, str):
            kind = kind_named(section, value)
            own = getattr(config, section)
            parts[section] = own if type(own) is kind else kind()
        else:
            kind_of(section, value)
            parts[section] = value
    return replace(config, **parts)  # type: ignore[type-var]
