"""Which words of a command line are settings of a recipe: `--lr 3e-3`, `--lr=3e-3`, `lr=3e-3`."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import fields
from itertools import zip_longest
from typing import Any

from grokscope.cli.command import Json

_ASSIGNMENT = re.compile(r"[A-Za-z][\w.-]*=")
_ALIASES = {"runs": "out"}
_SUPPRESSED = "settings"
Pairs = list[tuple[str, str]]


def option_names(command: type) -> list[str]:
    """A command's own options, with dashes: what is not one of them is a setting."""
    known: Any = fields(command)
    return [*(field.name.replace("_", "-") for field in known if field.name != _SUPPRESSED), "runs"]


def take_settings(words: Sequence[str], command: type) -> tuple[list[str], Pairs]:
    """Part the words into the command's own and the settings, both in order.

    A setting without a value is a flag: `--causal` is ("causal", "true"), `--no-causal` or
    `--model.no-causal` is (…, "false").
    """
    own: list[str] = []
    settings: Pairs = []
    flags = _flags(command)
    waiting = iter_words(words)
    for word, following in waiting:
        name, has_value, value = word.removeprefix("--").partition("=")
        dashed = name.replace("_", "-")
        if not word.startswith("--"):
            if _ASSIGNMENT.match(word):
                settings.append((name, value))
            else:
                own.append(word)
        elif dashed in option_names(command):
            takes_next = dashed not in flags and not has_value and following is not None
            own += [word, *_next(waiting, taken=takes_next)]
        elif has_value:
            settings.append((name, value))
        elif following is None or following.startswith("--"):
            settings.append(_flag(name))
        else:
            settings.append((name, next(waiting)[0]))
    return own, settings


def iter_words(words: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Each word with the one after it."""
    return iter(list(zip_longest(words, words[1:])))


def _next(waiting: Iterator[tuple[str, str | None]], *, taken: bool) -> list[str]:
    return [next(waiting)[0]] if taken else []


def _flags(command: type) -> set[str]:
    known: Any = fields(command)
    return {field.name.replace("_", "-") for field in known if field.type == Json}


def _flag(name: str) -> tuple[str, str]:
    section, dot, leaf = name.rpartition(".")
    positive = re.sub("^no[-_]", "", leaf)
    return f"{section}{dot}{positive}", "true" if positive == leaf else "false"
