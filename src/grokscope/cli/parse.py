"""From words to a command: tyro reads the arguments, errors become one line, help stays readable.

Settings of a recipe are taken out first (`settings.py`), since which ones there are depends on the
recipe, and knowing that takes an import of torch that `--help` should not wait for.
"""

import difflib
import io
import re
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import make_dataclass, replace
from typing import Any

import tyro

from grokscope.cli.arguments import take_settings
from grokscope.cli.command import Command
from grokscope.cli.commands import COMMANDS, TRAINING
from grokscope.core.errors import UsageError

DESCRIPTION = "An instrument for grokking: the delay between memorising and generalising."
_FRAME = "─│╭╮╰╯-+| "
_HELP = {"--help", "-h"}


def parse(words: list[str]) -> Command | None:
    """The command that the words mean; None where help was printed instead.

    Raises:
        UsageError: the words mean no command, on one line.
    """
    name, rest = words[0], words[1:]
    if name not in COMMANDS and not name.startswith("-"):
        raise UsageError(_no_command(name))
    if name in _HELP:
        return _overview()
    if name not in TRAINING:
        return _tyro(words)
    if _HELP & set(rest):
        return _training_help(name, rest)
    kept, settings = take_settings(rest, TRAINING[name])
    command: Any = _tyro([name, *kept])
    return replace(command, settings=tuple(settings))


def _overview() -> None:
    """Help with the first line of every command's own help."""
    first = {name: (command.__doc__ or "").partition("\n")[0] for name, command in COMMANDS.items()}
    short = {name: make_dataclass(name, [], namespace={"__doc__": t}) for name, t in first.items()}
    _quietly(
        lambda: tyro.extras.subcommand_cli_from_dict(
            short, prog="grokscope", description=DESCRIPTION, args=["--help"]
        )
    )


def _training_help(name: str, rest: list[str]) -> None:
    own, settings = take_settings([word for word in rest if word not in _HELP], TRAINING[name])
    recipe = next((word for word in own if not word.startswith("-")), None)
    if name != "run" or recipe is None:
        _tyro([name, "--help"])
        return
    from grokscope.cli.recipe_help import recipe_help

    _quietly(lambda: recipe_help(recipe, settings))


def _tyro(words: list[str]) -> Any:  # noqa: ANN401 (one of COMMANDS)
    return _quietly(
        lambda: tyro.extras.subcommand_cli_from_dict(
            COMMANDS, prog="grokscope", description=DESCRIPTION, args=words
        )
    )


def _quietly(call: Callable[[], Any]) -> Any:  # noqa: ANN401
    """Run tyro: help as it is on a terminal and without boxes elsewhere, errors as UsageError."""
    said, complaint = io.StringIO(), io.StringIO()
    try:
        with redirect_stderr(complaint):
            if sys.stdout.isatty():
                return call()
            with redirect_stdout(said):
                return call()
    except SystemExit as stop:
        if stop.code:
            raise UsageError(_one_line(complaint.getvalue())) from None
        sys.stdout.write(without_boxes(said.getvalue()))
        return None


def without_boxes(text: str) -> str:
    """Help without frames and rules: what stood over a rule becomes a heading."""
    lines: list[str] = []
    for line in text.splitlines():
        title = re.match(r"╭─ (.*?) ─*╮", line)
        if title:
            lines.append(f"{title[1]}:")
        elif line.strip(_FRAME):
            lines.append(re.sub(r"^│ (.*?) *│$", r"  \1", line).rstrip())
        elif line.strip().startswith("--") and re.match(r" ?\S", lines[-1]):
            lines[-1] = f"{lines[-1].strip()}:"
        elif not line.strip():
            lines.append("")
    return "\n".join(lines) + "\n"


def _one_line(complaint: str) -> str:
    """What tyro says in a box, as a sentence; the first row is the title of the box."""
    rows = [line.strip("│| ") for line in complaint.splitlines()[1:] if line.strip(_FRAME)]
    text = " ".join(rows)
    value = re.search(r"Error parsing (?:option )?(\S+):.*?\['(.*?)'\]", text)
    choice = re.search(
        r"invalid choice '(.*?)' for argument '(.*?)'. Expected one of \((.*?)\)", text
    )
    if value:
        return f"{value[1]} must be {_kind(text)}, got {value[2]!r}."
    if choice:
        names = [name for name in choice[3].split(", ") if name != "'None'"]
        return f"`{choice[2]}` must be {' or '.join(sorted(names))}, got '{choice[1]}'."
    head, *_ = re.split(r"Perhaps you meant|Argument helptext|For full|Available sub", text)
    near = re.search(r"Perhaps you meant: (--[\w-]+)", text)
    hint = f" Did you mean {near[1]}?" if near else ""
    head = re.sub(r"Missing value for argument '(.*?)'.*", r"\1 needs a value", head)
    head = re.sub(r"^Missing from (.*?): (\w+) .*", r"`\1` needs \2", head.strip().rstrip("."))
    return f"{head}.{hint}"


def _kind(text: str) -> str:
    found = re.search(r"no type matching (?:\{None\}\|)?(\w+)", text)
    kinds = {"INT": "a whole number", "FLOAT": "a number", "PATH": "a path"}
    return kinds.get(found[1], "something else") if found else "something else"


def _no_command(name: str) -> str:
    near = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.4)
    hint = f"Did you mean `{near[0]}`?" if near else f"There are {', '.join(COMMANDS)}."
    return f"There is no command `{name}`. {hint}"
