"""Forks: go on from a kept step of a run in several ways, to see what a change does.

What is said of training dynamics is mostly correlation: a norm fell, then the network generalised.
A fork makes it an experiment. Every branch starts from the same weights and the same optimizer
state; one branch is left as it is, and the others are compared with it network by network.

A change is a setting (`{"weight_decay": 0.0}`, `{"train_fraction": 0.2}` for less data,
`{"data_seed": 5}` for other data, `{"batch_seed": 1}` for another order of batches), or what is
done to the weights at the fork: `{"without_circles": (5, 8)}` takes these frequencies out of the
embedding, `{"only_circles": (5,)}` all others, `{"scale_weights": 0.5}` multiplies every weight.
Fewer training rows are a part of those before where rows are split at random.

The untouched branch has stacks like those of the run and takes the same steps, bit for bit, where
all networks go on. The curves begin with those of the run, so events and labels are of the whole
history, and all branches go on to the end of the budget unless `stop_when_grokked` is given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from grokscope.core.errors import SettingError, UsageError
from grokscope.core.settings import with_settings
from grokscope.experiment.config import Config, Origin, Plan
from grokscope.experiment.listener import Listener
from grokscope.experiment.run import Run, Start, load, start_run
from grokscope.experiment.surgery import OPERATIONS, operated
from grokscope.store import Checkpoint

UNTOUCHED = "untouched"
"""Name of the branch that goes on as the run did."""

Changes = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Branch:
    """One way to go on."""

    name: str
    settings: Mapping[str, Any]
    operations: Mapping[str, Any]
    """What is done to the weights first, by the names of `OPERATIONS`."""


def fork(
    run: Run | str | Path,
    step: int,
    changes: Changes,
    seeds: Sequence[int] | None = None,
    *,
    out: str | Path = "runs",
    listener: Listener | None = None,
    **settings: Any,  # noqa: ANN401
) -> Run:
    """Continue a run from a kept step, once for each named set of changes and once without any.

        gs.fork(run, 3000, {"no decay": {"weight_decay": 0.0}}, steps=20_000)

    Args:
        run: the run, its path, its id, or `last`.
        step: of a checkpoint that all chosen networks have.
        changes: by the name of the branch.
        seeds: the networks to go on with, by seed; all of them where None.
        out: the folder that holds the run directories.
        listener: told of the progress.
        settings: of all branches, such as a larger budget, named as in `run`.

    Returns:
        A run whose networks are those of the untouched branch, then those of each other; see
        `paired` for the comparison.

    Raises:
        UsageError: a step that was not kept (the nearest are named), no such seed or setting, a
            branch called `untouched`.
        SettingError: a value that breaks its rule, or a change that asks for another network.
    """
    if UNTOUCHED in changes:
        raise UsageError(f"`{UNTOUCHED}` is the branch without changes: name yours otherwise.")
    parent = run if isinstance(run, Run) else load(run, out)
    branches = [_branch(UNTOUCHED, {}), *(_branch(*item) for item in changes.items())]
    chosen = _chosen(parent, seeds)
    point = _checkpoint(parent, step, chosen)
    common = {name.replace("__", "."): value for name, value in settings.items()}
    plan = _plan(parent, point, branches, common)
    start = Start(point=_start(parent, plan, point, branches), history=_history(parent, plan))
    return start_run(plan, Path(out), listener, start=start)


def _branch(name: str, changes: Mapping[str, Any]) -> Branch:
    operations = {key: value for key, value in changes.items() if key in OPERATIONS}
    settings = {key: value for key, value in changes.items() if key not in OPERATIONS}
    return Branch(name=name, settings=settings, operations=operations)


def _chosen(parent: Run, seeds: Sequence[int] | None) -> list[int]:
    """Numbers of the networks that have one of the seeds."""
    own = [config.seed for config in parent.plan.networks]
    missing = [seed for seed in seeds or () if seed not in own]
    if missing:
        raise UsageError(f"{parent.id} has no network of seed {missing[0]}; it has {own}.")
    return [i for i, seed in enumerate(own) if seeds is None or seed in seeds]


def _checkpoint(parent: Run, step: int, chosen: Sequence[int]) -> Checkpoint:
    """Everything that was kept at a step of these networks, in their order."""
    entries = parent.directory.checkpoints()
    wanted = [e.name for e in entries if e.step == step and set(e.networks) & set(chosen)]
    parts = [parent.directory.load_checkpoint(name) for name in wanted]
    there = [network for part in parts for network in part.networks]
    missing = [network for network in chosen if network not in there]
    if missing:
        steps = sorted(parent.kept_steps(missing[0]), key=lambda kept: abs(kept - step))
        near = " and ".join(str(kept) for kept in sorted(steps[:2]))
        raise UsageError(
            f"Step {step} of network {missing[0]} of {parent.id} was not kept; "
            f"the nearest are {near or 'none'}."
        )
    rows = [there.index(network) for network in chosen]
    groups = {
        group: {
            name: torch.cat([part.groups[group][name] for part in parts])[rows]
            for name in parts[0].groups[group]
        }
        for group in parts[0].groups
    }
    return Checkpoint(
        name=parts[0].name,
        step=step,
        networks=list(chosen),
        groups=groups,
        facts=parts[0].facts if len(parts) == 1 else {},
    )


def _plan(
    parent: Run, point: Checkpoint, branches: Sequence[Branch], common: Mapping[str, Any]
) -> Plan:
    # who has generalised long ago would end at once, and a branch shall show what becomes of it
    to_the_end = {"training.stop_when_grokked": False}
    own = [
        with_settings(with_settings(parent.plan.networks[number], to_the_end), common)
        for number in point.networks
    ]
    budget = own[0].training.steps
    if budget <= point.step:
        raise SettingError("steps", f"more than the {point.step} of the fork", budget)
    networks = [with_settings(one, branch.settings) for branch in branches for one in own]
    if any(one.training != networks[0].training for one in _without_batch_seed(networks)):
        raise UsageError("Budgets and looks are for all branches: name them beside the changes.")
    origin = Origin(
        run=parent.id,
        step=point.step,
        networks=tuple(point.networks) * len(branches),
        branches=tuple(branch.name for branch in branches for _ in own),
    )
    return Plan(recipe=parent.plan.recipe, networks=tuple(networks), origin=origin)


def _without_batch_seed(networks: Sequence[Config]) -> list[Config]:
    own = networks[0].training.batch_seed
    return [replace(one, training=replace(one.training, batch_seed=own)) for one in networks]


def _start(parent: Run, plan: Plan, point: Checkpoint, branches: Sequence[Branch]) -> Checkpoint:
    """Where the fork starts, in the form of a resume point."""
    table = parent.plan.base.task.table()
    model = parent.plan.base.model
    weights: list[dict[str, Tensor]] = []
    for branch in branches:
        own = dict(point.groups["model"])
        for name, value in branch.operations.items():
            own = operated(name, value, own, model, table)
        weights.append(own)
    groups = {
        group: {
            name: value.repeat(len(branches), *[1] * (value.dim() - 1))
            for name, value in tensors.items()
        }
        for group, tensors in point.groups.items()
    }
    groups["model"] = {
        name: torch.cat([own[name] for own in weights]) for name in point.groups["model"]
    }
    count = len(point.networks)
    facts: dict[str, object] = {
        "step": point.step,
        "networks": list(range(len(plan.networks))),
        "layout": _layout(point, count, len(branches)),
        "waiting": [],
        "seconds": 0.0,
        "ended": {},
    }
    return Checkpoint(
        name="fork",
        step=point.step,
        networks=list(range(len(plan.networks))),
        groups=groups,
        facts=facts,
    )


def _history(parent: Run, plan: Plan) -> dict[str, Any]:
    """The curves of the run before the fork, once for each branch."""
    curves, origin = parent.curves, plan.origin
    assert origin is not None
    before: list[np.ndarray[Any, Any]] = []
    for number in origin.networks:
        own = (curves["network"] == number) & (curves["step"] < origin.step)
        before.append(np.flatnonzero(own))
    rows = np.concatenate(before)
    if not len(rows):
        return {}
    networks = [np.full(len(own), i) for i, own in enumerate(before)]
    return {n: v[rows] for n, v in curves.items()} | {"network": np.concatenate(networks)}


def _layout(point: Checkpoint, count: int, n_branches: int) -> list[list[int]] | None:
    """Every branch in stacks of the form in which its networks were; None where it is not known."""
    stored: Any = point.facts.get("layout")
    if stored is None:
        return None
    number = {network: i for i, network in enumerate(point.networks)}
    one = [[number.get(index, -1) for index in slots] for slots in stored]
    one = [slots for slots in one if any(index >= 0 for index in slots)]
    return [
        [index + branch * count if index >= 0 else -1 for index in slots]
        for branch in range(n_branches)
        for slots in one
    ]
