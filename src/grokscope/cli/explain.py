"""`grokscope explain`: what networks learned, with the tests that say so."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from grokscope.cli.commands import Explain
from grokscope.cli.explanation_tables import (
    print_explanation,
    print_history,
    print_meanings,
    print_overview,
)
from grokscope.cli.report import refresh
from grokscope.cli.run_name import open_trained
from grokscope.cli.screen import say, stdout, write_json
from grokscope.core.errors import GrokscopeError, UsageError
from grokscope.experiment import Run
from grokscope.experiment.explained import (
    explain_network,
    explain_run,
    explanation_document,
    history,
    run_document,
    store_explanations,
)
from grokscope.store.checkpoint import CHECKPOINTS, read_entry

Document = Mapping[str, Any]
_WEIGHTS = {".pt", ".pth", ".bin", ".safetensors"}
_TAKEN_FOR = (
    "A file does not say how its network runs. It is taken for ReLU behind causal attention with "
    "softmax; for others call gs.from_hooked_transformer(file, task, activation=…, causal=…, "
    "attention_rate=…) and gs.explain."
)


def explain(command: Explain) -> int:
    """Explain a run, a network, its history, or a file of weights.

    Raises:
        UsageError: the options do not fit what is explained, or the task has no group.
        DiskError: the answer cannot be kept.
    """
    command = _at_checkpoint(command)
    if _is_file(command.run):
        return _explain_file(command)
    for option in ("p", "operation"):
        if getattr(command, option) is not None:
            raise UsageError(f"`--{option}` is for a file of weights; a run knows its task.")
    run = Run(open_trained(command.run, command.out))
    if command.history:
        return _explain_history(run, command)
    if command.network is not None or len(run.plan.networks) == 1:
        return _explain_one(run, command)
    return _explain_all(run, command)


def explain_after_training(run: Run, limit: int) -> list[dict[str, Any]]:
    """Explain and keep the first networks of a run that has just ended, in few words each.

    Nothing where the task has no group.
    """
    table = run.plan.base.task.table()
    if table.cyclic is None and table.group is None:
        return []
    networks = range(min(limit, len(run.plan.networks)))
    document = explain_run(run, networks, told=_tell)
    store_explanations(run, document)
    names = ("network", "step", "verdict", "grade", "label", "sentence")
    return [{name: row[name] for name in names} for row in document["explanations"]]


def _at_checkpoint(command: Explain) -> Explain:
    """The folder of a checkpoint is its run at its step."""
    path = Path(command.run)
    if path.parent.name != CHECKPOINTS or not path.is_dir():
        return command
    if command.step is not None or command.history:
        raise UsageError("A checkpoint is one step: leave `--step` and `--history` out.")
    return replace(command, run=str(path.parent.parent), step=read_entry(path).step)


def _explain_one(run: Run, command: Explain) -> int:
    network = command.network or 0
    document = explain_network(run, network, command.step)
    problem = None
    if command.step is None and len(run.plan.networks) == 1:
        problem = _keep(run, run_document(run, [document]))
    if command.json:
        write_json({"run": run.id} | document)
    else:
        print_explanation(stdout(), document)
    return _done(problem)


def _explain_all(run: Run, command: Explain) -> int:
    document = explain_run(run, range(len(run.plan.networks)), command.step, _tell)
    problem = _keep(run, document) if command.step is None else None
    if command.json:
        write_json(document)
    else:
        console = stdout()
        print_overview(console, document["explanations"])
        for explanation in document["explanations"]:
            print_explanation(console, explanation, with_meanings=False)
        print_meanings(console, document["explanations"])
    return _done(problem)


def _explain_history(run: Run, command: Explain) -> int:
    if command.step is not None:
        raise UsageError("`--history` takes every kept step: leave `--step` out.")
    if command.network is None and len(run.plan.networks) > 1:
        last = len(run.plan.networks) - 1
        raise UsageError(f"Whose history? Name one of the networks: `--network` 0 … {last}.")
    document = history(run, command.network or 0, _tell_steps)
    if command.json:
        write_json(document)
    else:
        print_history(stdout(), document)
    return 0


def _explain_file(command: Explain) -> int:
    from grokscope.explanation import from_hooked_transformer
    from grokscope.tasks import ModularArithmetic

    path = Path(command.run)
    if not path.is_file():
        raise UsageError(f"{path} is no file.")
    if command.p is None or command.operation is None:
        raise UsageError("A file of weights needs its task: `--p 113 --operation add`.")
    if command.network is not None or command.step is not None or command.history:
        raise UsageError("`--network`, `--step` and `--history` are for runs, not for files.")
    task = ModularArithmetic(operation=command.operation, p=command.p)
    say(_TAKEN_FOR)
    document = explanation_document(from_hooked_transformer(path, task, name=path.name))
    if command.json:
        write_json({"file": command.run} | document)
    else:
        print_explanation(stdout(), document)
    return 0


def _keep(run: Run, document: Document) -> GrokscopeError | None:
    """Keep it, with a new report, before anybody can stop reading; errors wait until it is printed.

    Only for a finished run: others go on to change, and what was said of them would be stale.
    """
    if run.state != "finished":
        say(f"{run.id} has not finished, so explanation.json was not written")
        return None
    try:
        store_explanations(run, dict(document))
    except GrokscopeError as error:
        return error
    said = f"kept in {run.path / 'explanation.json'}"
    page = refresh(run)
    say(said if page is None else f"{said}, shown in {page}")
    return None


def _done(problem: GrokscopeError | None) -> int:
    if problem is not None:
        raise problem
    return 0


def _tell(done: int, total: int) -> None:
    if done == 0:
        say(f"explaining {total:,} network{'s' if total > 1 else ''} …")
    elif done % 10 == 0:
        say(f"{done:,} of {total:,} explained")


def _tell_steps(done: int, total: int) -> None:
    if done == 0:
        say(f"looking at {total:,} checkpoints …")
    elif done % 10 == 0:
        say(f"{done:,} of {total:,} checkpoints")


def _is_file(name: str) -> bool:
    return "\0" not in name and (Path(name).suffix in _WEIGHTS or Path(name).is_file())
