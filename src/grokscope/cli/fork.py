"""`grokscope fork`: go on from a kept step in several ways, and compare them in pairs."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from grokscope.cli.commands import Fork
from grokscope.cli.lines import LineListener
from grokscope.cli.results import networks_table, run_document
from grokscope.cli.run_name import open_trained, out_option, run_words
from grokscope.cli.screen import say, stdout, write_json
from grokscope.cli.settings import read_settings
from grokscope.core.errors import InterruptedRunError, UsageError
from grokscope.experiment import Run, fork, paired
from grokscope.experiment.surgery import OPERATIONS


def fork_run(command: Fork) -> int:
    """Train the branches, then print them and what each changed; the exit code."""
    parent = Run(open_trained(command.run, command.out))
    branches = [_branch(parent, text) for text in command.branch]
    changes = dict(branches)
    if len(changes) < len(branches):
        raise UsageError("Two branches have the same name.")
    settings: dict[str, Any] = {} if command.steps is None else {"steps": command.steps}
    seeds = None if command.seeds is None else _whole_numbers("--seeds", command.seeds)
    try:
        run = fork(
            parent,
            command.step,
            changes,
            seeds,
            out=command.out,
            listener=LineListener(),
            **settings,
        )
    except InterruptedRunError as error:
        hint = f"grokscope run --resume {error.run_id}{out_option(command.out)}"
        raise InterruptedRunError(f"{error.message} Go on with `{hint}`.") from error
    _print(run, command)
    return 0


def _branch(parent: Run, text: str) -> tuple[str, dict[str, Any]]:
    """`NAME: SETTING=VALUE …`, or the settings alone, which then are the name."""
    name, colon, rest = text.rpartition(":")
    words = (rest if colon else text).split()
    pairs = [tuple(word.split("=", 1)) for word in words if "=" in word]
    if not words or len(pairs) < len(words):
        raise UsageError(f"`--branch` must be `NAME: SETTING=VALUE …`, got {text!r}.")
    operations = {key: _done(key, value) for key, value in pairs if key in OPERATIONS}
    own = [(key, value) for key, value in pairs if key not in OPERATIONS]
    changes = read_settings(parent.plan.base, own) | operations
    return (name.strip() if colon else text.strip()), changes


def _done(operation: str, text: str) -> object:
    if operation.endswith("circles"):
        return tuple(_whole_numbers(operation, text))
    try:
        return float(text)
    except ValueError:
        return text  # for its own check


def _whole_numbers(name: str, text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"`{name}` must be whole numbers such as 0,1,2, got {text!r}.") from None


def _print(run: Run, command: Fork) -> None:
    effects = paired(run)
    if command.json:
        found: Sequence[dict[str, Any]] = [asdict(effect) for effect in effects]
        write_json({"effects": found} | run_document(run))
        return
    console = stdout()
    console.print(networks_table(console, run.networks))
    for effect in effects:
        console.print(f"{effect} against the untouched branch", markup=False, soft_wrap=True)
    say(f"run {run.path}; more: grokscope show {run_words(run.directory, command.out)}")
