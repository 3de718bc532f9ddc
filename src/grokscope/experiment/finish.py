"""What is said of a run once it has ended: labels, key frequencies, progress measures.

Everything here is computed from what is on disk, so a finished run can be judged again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from grokscope.experiment.config import Plan
from grokscope.experiment.observer import Observer
from grokscope.experiment.record import Record
from grokscope.experiment.trainer import Ending, curve_facts, make_splits
from grokscope.measures.grokdef import Verdict, judge
from grokscope.models import Parameters
from grokscope.store import RunDirectory
from grokscope.tasks import Table

_FINAL = ("train/loss", "train/acc", "test/loss", "test/acc", "test/acc_novel", "test/acc_mirrored")


def finish(plan: Plan, run: RunDirectory, ended: Mapping[int, Ending]) -> None:
    """Judge every network and write summary, events and progress measures."""
    table = plan.base.task.table()
    splits = make_splits(plan, table)
    observer = Observer(plan.base.model.stack_key(), table, splits)
    keys = _final_key_frequencies(run, observer)
    if columns := _progress_columns(run, observer, keys):
        run.write_progress(columns)
    record, curves = Record.resumed(len(plan.networks), run), run.curves()
    summary: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    for network, config in enumerate(plan.networks):
        ending = ended[network]
        curve = record.curve(
            network,
            **curve_facts(plan, table, splits, network),
            loss_scale=_loss_scale(table),
            budget_ended=ending.reason == "budget",
            diverged_step=ending.step if ending.reason == "diverged" else None,
        )
        optimizer = config.optimizer
        verdict = judge(curve, learning_rate=optimizer.lr, weight_decay=optimizer.weight_decay)
        events += [{"network": network} | asdict(event) for event in verdict.events]
        row = _identity(plan, run, network) | _judgement(verdict, ending)
        summary.append(row | {"key_frequencies": keys.get(network, [])} | _last(curves, network))
    run.append_events(events)
    run.write_summary(summary)


def _identity(plan: Plan, run: RunDirectory, network: int) -> dict[str, Any]:
    config = plan.networks[network]
    return {
        "run": f"{run.id}/{network}",
        "index": network,
        "seed": config.seed,
        "recipe": plan.recipe,
        "task": config.task.name,
        "model": config.model.name,
        "settings": plan.varying()[network],
    }


def _judgement(verdict: Verdict, ending: Ending) -> dict[str, Any]:
    names = (
        "label",
        "reasons",
        "robust",
        "memorized_step",
        "memorized_after",
        "grokked_step",
        "grokked_after",
        "grokked_step_50",
        "grokked_step_90",
        "grokked_step_99",
        "onset_step",
        "memorized_loss_step",
        "grokked_loss_step",
        "delay",
        "delay_ratio",
        "decay_times",
        "plateau_share",
    )
    return {
        "stop_reason": ending.reason,
        "steps": ending.step,
        "first_bad_tensor": ending.tensor,
        **{name: getattr(verdict, name) for name in names},
        "label_thresholds": asdict(verdict.thresholds),
    }


def _last(curves: Mapping[str, Any], network: int) -> dict[str, float | None]:
    """The last value of the main metrics, `None` where it is undefined."""
    rows = np.flatnonzero(curves["network"] == network) if curves else np.array([], dtype=int)
    values = {name: float(curves[name][rows[-1]]) if len(rows) else np.nan for name in _FINAL}
    return {n.replace("/", "_"): v if np.isfinite(v) else None for n, v in values.items()}


def _loss_scale(table: Table) -> float:
    return float(np.log(table.n_classes))


def _final_key_frequencies(run: RunDirectory, observer: Observer) -> dict[int, list[int]]:
    """Key frequencies of every network at its last checkpoint."""
    last: dict[int, str] = {}
    for entry in sorted(run.checkpoints(), key=lambda entry: entry.step):
        last |= dict.fromkeys(entry.networks, entry.name)
    found: dict[int, list[int]] = {}
    for name in sorted(set(last.values())):
        point = run.load_checkpoint(name)
        keys = observer.key_frequencies(point.groups["model"], point.networks)
        pairs = zip(point.networks, keys, strict=True)
        found |= {network: key for network, key in pairs if last[network] == name}
    return found


def _progress_columns(
    run: RunDirectory, observer: Observer, keys: Mapping[int, Sequence[int]]
) -> dict[str, Any]:
    """Progress measures of every kept checkpoint, with each network's final key frequencies.

    They say something of those frequencies only, so a network without any has none.
    """
    rows: list[dict[str, Any]] = []
    for entry in run.checkpoints():
        point = run.load_checkpoint(entry.name)
        for i, network in enumerate(point.networks):
            one: Parameters = {name: v[i : i + 1] for name, v in point.groups["model"].items()}
            frequencies = keys.get(network, [])
            measured = observer.progress(one, network, frequencies) if frequencies else None
            if measured is not None:
                rows.append({"network": network, "step": point.step} | _progress_row(measured))
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def _progress_row(measured: Any) -> dict[str, Any]:  # noqa: ANN401
    row: dict[str, Any] = {}
    for name, value in vars(measured).items():
        row[f"progress/{name}"] = value[0].tolist()
    return row
