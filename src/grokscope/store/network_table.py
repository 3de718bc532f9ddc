"""The rows of the tables `runs` and `events`: one per network, one per event."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from grokscope.store.run import RunDirectory

_IDENTITY = {"run": "VARCHAR", "run_id": "VARCHAR", "network": "BIGINT"}
_WHOLE = (
    *("seed", "steps", "memorized_step", "memorized_after", "grokked_step", "grokked_after"),
    *("delay", "onset_step", "grokked_step_50", "grokked_step_90", "grokked_step_99"),
    *("memorized_loss_step", "grokked_loss_step"),
)
_REAL = (
    *("delay_ratio", "decay_times", "plateau_share", "train_acc", "test_acc", "test_acc_novel"),
    *("test_acc_mirrored", "train_loss", "test_loss"),
)
_TEXT = ("recipe", "state", "created", "model", "label", "stop_reason")
# columns that exist even if no run has them yet, with their types; others are added as found
NETWORK_COLUMNS = {
    **_IDENTITY,
    **dict.fromkeys(_TEXT, "VARCHAR"),
    **dict.fromkeys(_WHOLE, "BIGINT"),
    **dict.fromkeys(_REAL, "DOUBLE"),
    "robust": "BOOLEAN",
}
EVENT_COLUMNS = {**_IDENTITY, "position": "BIGINT"}


def network_rows(runs: Sequence[RunDirectory]) -> list[dict[str, object]]:
    """One row per network: its summary, its run's status, and every setting as a column.

    The setting `optim.lr` is the column `optim_lr`, whether networks differ in it or not (what all
    networks of a run share is `base_optim_lr`, too); where a summary has a field of that name, it
    is `config_optim_lr`. A run without a summary has a row per network that its status names
    under `networks` (a number or a list), or else one row without a network.
    """
    return [row for run in runs for row in _rows_of_run(run)]


def event_rows(runs: Sequence[RunDirectory]) -> list[dict[str, object]]:
    """One row per event; `position` counts a run's events from 0."""
    return [
        {**_identity(run.id, event.get("network")), "position": position, **event}
        for run in runs
        for position, event in enumerate(run.events)
    ]


def _rows_of_run(run: RunDirectory) -> Iterator[dict[str, object]]:
    status = run.status
    shared = {key: status.get(key) for key in ("recipe", "state", "created")}
    stored = run.config
    base = stored.get("base")
    shared_settings = dict(_flat(cast("Mapping[str, object]", base))) if base else {}
    config = {**dict(_flat(stored)), **shared_settings}
    for fields in run.summary or _running_networks(status):
        index = fields.get("index")
        row = {**fields, **shared, **_identity(run.id, index)}
        settings = {**config, **_varied(fields.get("settings"))}
        for name, value in settings.items():
            row[f"config_{name}" if name in row or name in NETWORK_COLUMNS else name] = value
        yield row


def _running_networks(status: Mapping[str, object]) -> list[dict[str, object]]:
    networks = status.get("networks")
    if isinstance(networks, int):
        return [{"index": index} for index in range(networks)]
    if isinstance(networks, list):
        return [{"index": index} for index in cast("list[object]", networks)]
    return [{}]


def _identity(run_id: str, index: object) -> dict[str, object]:
    run = f"{run_id}/{index}" if isinstance(index, int) else run_id
    return {"run": run, "run_id": run_id, "network": index if isinstance(index, int) else None}


def _varied(settings: object) -> dict[str, object]:
    if not isinstance(settings, Mapping):
        return {}
    items = cast("Mapping[str, object]", settings).items()
    return {name.replace(".", "_"): value for name, value in items}


def _flat(config: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in config.items():
        name = prefix + key.replace(".", "_")
        if isinstance(value, Mapping):
            yield from _flat(cast("Mapping[str, object]", value), name + "_")
        elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
            yield name, json.dumps(value)
        else:
            yield name, value
