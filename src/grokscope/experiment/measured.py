"""Measures of a run's kept checkpoints."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from grokscope.engine import Loss
from grokscope.engine.answers import Answers
from grokscope.experiment.config import Plan
from grokscope.experiment.trainer import make_splits
from grokscope.measures.catalogue import find, take
from grokscope.measures.snapshot import MeanLoss, Snapshot
from grokscope.models import Parameters
from grokscope.store import RunDirectory
from grokscope.tasks import Table

_NUMBERS = 4e6
"""Logits that are measured at once: 32 MB in float64."""

Place = tuple[int, int]
"""A network and a step."""


def measure_run(
    directory: RunDirectory,
    plan: Plan,
    name: str,
    networks: Sequence[int],
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """A measure of every kept checkpoint of some networks, in columns like those of `Run.curves`.

    Raises:
        UsageError: there is no such measure or option, or it needs what the task or model lacks.
        SettingError: an option breaks its rule.
        VerificationError: a checkpoint is damaged.
    """
    measure, table = find(name), plan.base.task.table()
    parts = _parts(directory, plan, table)
    places: list[Place] = []
    found: list[dict[str, Float64[Tensor, " model"]]] = []
    for some, params in _stacks(directory, networks, table):
        found.append(take(name, _snapshot(plan, table, parts, some, params), options))
        places += some
    order = sorted(range(len(places)), key=lambda i: places[i])
    columns: dict[str, Any] = {
        "network": np.array([places[i][0] for i in order], dtype=np.int64),
        "step": np.array([places[i][1] for i in order], dtype=np.int64),
    }
    for column in measure.columns:
        values = torch.cat([part[column] for part in found]) if found else torch.empty(0)
        columns[column] = values.double().numpy()[order]
    return columns


def _stacks(
    directory: RunDirectory, networks: Sequence[int], table: Table
) -> Iterator[tuple[list[Place], Parameters]]:
    """Kept networks, as many at once as fit; those of different steps may stand side by side."""
    most = max(1, int(_NUMBERS / (len(table.labels) * table.n_classes)))
    places: list[Place] = []
    waiting: list[Parameters] = []
    for entry in directory.checkpoints():
        wanted = [network for network in entry.networks if network in networks]
        if not wanted:
            continue
        point = directory.load_checkpoint(entry.name, ["model"])
        for network in wanted:
            i = point.networks.index(network)
            waiting.append({key: value[i : i + 1] for key, value in point.groups["model"].items()})
            places.append((network, entry.step))
            if len(places) == most:
                yield places, _joined(waiting)
                places, waiting = [], []
    if places:
        yield places, _joined(waiting)


def _joined(parts: Sequence[Parameters]) -> Parameters:
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def _parts(
    directory: RunDirectory, plan: Plan, table: Table
) -> dict[str, Bool[Tensor, "network row"]]:
    """Which rows each network trains on, and which of the others are novel."""
    stored = directory.splits()
    splits = [] if stored else make_splits(plan, table)
    masks = {
        part: torch.zeros(len(plan.networks), len(table.labels), dtype=torch.bool)
        for part in ("train", "novel")
    }
    for part, mask in masks.items():
        for network, own in enumerate(mask):
            rows = stored[f"{network}/{part}"] if stored else getattr(splits[network], part)
            own[rows.long()] = True
    return masks


def _snapshot(
    plan: Plan,
    table: Table,
    parts: Mapping[str, Bool[Tensor, "network row"]],
    places: Sequence[Place],
    params: Parameters,
) -> Snapshot:
    numbers = [network for network, _ in places]
    return Snapshot(
        model=plan.base.model,
        params=params,
        table=table,
        train=parts["train"][numbers],
        novel=parts["novel"][numbers],
        seeds=[plan.networks[network].seed for network in numbers],
        task=plan.base.task.name,
        loss=_training_loss(plan.base.loss, table),
        loss_dtype=plan.base.loss.dtype,
    )


def _training_loss(loss: Loss, table: Table) -> MeanLoss:
    """The loss that a network was trained on, by the numbers of rows."""

    def mean(logits: Tensor, rows: Tensor) -> Tensor:
        targets = None if table.targets is None else table.targets[rows].to(logits)
        return loss(logits, Answers.plain(table.shown[rows], loss.dtype, targets))

    return mean
