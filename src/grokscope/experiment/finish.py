"""What is said of a run once it has ended: labels, key frequencies, progress measures.

Everything here is computed from what is on disk, so a finished run can be judged again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from grokscope.experiment.config import Plan
from grokscope.experiment.key_progress import final_key_frequencies, progress_columns
from grokscope.experiment.observer import Each, Observer
from grokscope.experiment.trainer import Ending, curve_terms, make_splits
from grokscope.measures.curve import Curve
from grokscope.measures.grokdef import Verdict, judge
from grokscope.measures.running_judge import Terms
from grokscope.measures.thresholds import GROKDEF_1, ROBUST_GROKKED
from grokscope.store import RunDirectory

_CURVE = {
    "train_acc": "train/acc",
    "test_acc": "test/acc_novel",
    "train_loss": "train/loss",
    "test_loss": "test/loss_novel",
}
_FINAL = ("train/loss", "train/acc", "test/loss", "test/acc", "test/acc_novel", "test/acc_mirrored")
_OOD = "test/acc_ood"

Columns = Mapping[str, np.ndarray[Any, np.dtype[Any]]]


def finish(plan: Plan, run: RunDirectory, ended: Mapping[int, Ending], each: Each = map) -> None:
    """Judge every network and write summary, events and progress measures.

    Args:
        plan: of the run.
        run: where its curves and checkpoints are.
        ended: why and when each network ended.
        each: what takes the networks of a checkpoint chunk by chunk.
    """
    table = plan.base.task.table()
    splits = make_splits(plan, table)
    observer = Observer(plan.base.model.stack_key(), table, splits, plan.base.loss, each)
    keys = final_key_frequencies(run, observer)
    if columns := progress_columns(run, observer, keys):
        run.write_progress(columns)
    final = (*_FINAL, _OOD) if any(len(split.ood) for split in splits) else _FINAL
    curves = run.curves(["network", "step", *dict.fromkeys([*_CURVE.values(), *final])])
    varying = plan.varying()
    summary: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    for network, config in enumerate(plan.networks):
        own, ending = _of(curves, network, final), ended[network]
        optimizer = config.optimizer
        curve = _curve(
            own,
            curve_terms(plan, table, splits, network),
            ending,
            data_changed=plan.data_changed(network),
        )
        lr, decay = optimizer.lr, optimizer.weight_decay
        verdict = judge(curve, learning_rate=lr, weight_decay=decay)
        events += [{"network": network} | asdict(event) for event in verdict.events]
        row = _identity(plan, run, network) | {"settings": varying[network]}
        row |= _judgement(verdict, ending) | {"key_frequencies": keys.get(network, [])}
        row["other_labels"] = other_labels(curve, plan.networks[network].training.steps)
        summary.append(row | _last(own, final))
    run.append_events(events)
    run.write_summary(summary)


def other_labels(curve: Curve, budget: int) -> dict[str, str]:
    """A network's label by other thresholds and rules, and what it was at half of the budget.

    Half of the budget is what says whether a label would be another one with twice as much: the
    same network, judged by its curve up to there.
    """
    middle, broken = budget // 2, curve.diverged_step
    half = replace(
        curve.until(middle + 1),
        budget_ended=curve.budget_ended or bool(np.any(curve.step > middle)),
        diverged_step=None if broken is None or broken > middle else broken,
    )
    by_threshold = {
        f"grokdef/1 at {reach:g}": judge(curve, GROKDEF_1.with_grokked(reach)).label
        for reach in ROBUST_GROKKED
    }
    return by_threshold | {
        "grokdef/1 at half the budget": judge(half).label,
        "liu2022": judge(curve, rule="liu2022").label,
        "liu2022 at half the budget": judge(half, rule="liu2022").label,
    }


def _of(curves: Columns, network: int, final: Sequence[str]) -> Columns:
    """One network's rows of columns that are sorted by network."""
    if not curves:  # every network diverged before it was looked at
        return {name: np.empty(0) for name in ("step", *_CURVE.values(), *final)}
    start, stop = np.searchsorted(curves["network"], [network, network + 1])
    return {name: values[start:stop] for name, values in curves.items()}


def _curve(own: Columns, terms: Terms, ending: Ending, *, data_changed: bool) -> Curve:
    columns: dict[str, Any] = {
        name: own[metric].astype(np.float64) for name, metric in _CURVE.items()
    }
    return Curve(
        step=own["step"].astype(np.int64),
        **columns,
        n_test=terms.n_test,
        chance=terms.chance,
        ceiling=terms.ceiling,
        loss_scale=terms.loss_scale,
        budget_ended=ending.reason == "budget",
        diverged_step=ending.step if ending.reason == "diverged" else None,
        data_changed=data_changed,
    )


def _identity(plan: Plan, run: RunDirectory, network: int) -> dict[str, Any]:
    config, branch = plan.networks[network], plan.branch(network)
    own = {} if branch is None else {"branch": branch}
    return own | {
        "run": f"{run.id}/{network}",
        "index": network,
        "seed": config.seed,
        "recipe": plan.recipe,
        "task": config.task.name,
        "model": config.model.name,
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


def _last(own: Columns, final: Sequence[str]) -> dict[str, float | None]:
    """The last value of the main metrics, `None` where it is undefined."""
    values = {name: float(own[name][-1]) if len(own[name]) else np.nan for name in final}
    return {n.replace("/", "_"): v if np.isfinite(v) else None for n, v in values.items()}
