"""A run: start it, resume it, read it back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from grokscope.core.errors import (
    DiskError,
    GrokscopeError,
    InterruptedRunError,
    UsageError,
    VerificationError,
)
from grokscope.engine.denormals import flushed_denormals
from grokscope.experiment.config import Plan
from grokscope.experiment.finish import finish
from grokscope.experiment.listener import Listener, Silence
from grokscope.experiment.measured import measure_run
from grokscope.experiment.portrait import Portrait, draw_portrait
from grokscope.experiment.trainer import Trainer
from grokscope.explanation import NetworkSubject
from grokscope.explanation.subject import accuracy
from grokscope.explanation.thresholds import FROZEN
from grokscope.llm.monitor_run import is_monitor
from grokscope.models import Parameters
from grokscope.store import Checkpoint, RunDirectory, resolve_run
from grokscope.tasks import Split

_SURELY_WRONG = 0.9
"""With a part of the table below it, the table as a whole is not worth a look."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """Where the networks of a run start, if that is not the beginning."""

    point: Checkpoint
    """Their state, in the form of a resume point."""
    history: Mapping[str, Any]
    """Curves up to there, column by column; empty where there are none."""


class Run:
    """A run on disk, with its plan; print it to see what each network did."""

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory
        self.plan = Plan.from_dict(directory.config)

    @property
    def id(self) -> str:
        """The name of its directory."""
        return self.directory.id

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.directory.path

    @property
    def state(self) -> str:
        """running, interrupted, finished or failed."""
        return str(self.directory.status.get("state", "unknown"))

    @property
    def networks(self) -> list[dict[str, Any]]:
        """The summary of each network; empty before the run has ended."""
        return self.directory.summary

    @property
    def curves(self) -> dict[str, Any]:
        """Metric columns, one row per network and evaluation, sorted by network and step."""
        return self.directory.curves()

    @property
    def progress(self) -> dict[str, Any]:
        """Progress measures, one row per network and checkpoint."""
        return self.directory.progress()

    def weights(self, network: int, step: int | None = None) -> Parameters:
        """Parameters of one network as a stack of one, at a kept step (the last by default).

        Raises:
            UsageError: no checkpoint of that network was kept at that step.
            VerificationError: the checkpoint is damaged.
        """
        kept = self._kept(network)
        steps = list(kept)
        if not steps:
            raise UsageError(f"{self.id} has no checkpoint of network {network}.")
        wanted = steps[-1] if step is None else step
        if wanted not in kept:
            near = sorted(steps, key=lambda kept_step: abs(kept_step - wanted))[:2]
            raise UsageError(f"Step {wanted} was not kept; the nearest are {near}.")
        point = self.directory.load_checkpoint(kept[wanted], ["model"])
        i = point.networks.index(network)
        return {key: value[i : i + 1] for key, value in point.groups["model"].items()}

    def kept_steps(self, network: int) -> list[int]:
        """Steps at which a checkpoint of a network was kept, in order."""
        return list(self._kept(network))

    def subject(self, network: int = 0, step: int | None = None) -> NetworkSubject:
        """One network on its task's table, for `explain`.

        Args:
            network: its number in the run.
            step: a kept step; `explained_step` by default.

        Raises:
            UsageError: there is no such network or checkpoint, or the task has no group.
            VerificationError: the checkpoint is damaged.
        """
        self._require(network)
        config = self.plan.networks[network]
        wanted = self.explained_step(network) if step is None else step
        weights, name = self.weights(network, wanted), f"{config.model.name}, seed {config.seed}"
        return NetworkSubject(config.model, weights, config.task.table(), name)

    def explained_step(self, network: int) -> int | None:
        """The kept step that shows best what a network has learned; None without checkpoints.

        It is the last one, or where training ended noisily the last one that is accurate on the
        full table, if any is.
        """
        steps = self.kept_steps(network)
        for step in steps[:-2:-1] + self._promising(network, steps[-2::-1]):
            subject = self.subject(network, step)
            if accuracy(subject, subject.run().logits) >= FROZEN.accuracy:
                return step
        return steps[-1] if steps else None

    def portrait(self, network: int) -> Portrait | None:
        """Circles and neurons of one network; `None` where its task has no group."""
        config = self.plan.networks[network]
        row = next((r for r in self.networks if r["index"] == network), None)
        keys: Sequence[int] = row["key_frequencies"] if row else []
        return draw_portrait(config, self.weights(network), keys)

    def measure(self, name: str, network: int | None = None, **options: Any) -> dict[str, Any]:  # noqa: ANN401
        """A measure of every kept checkpoint: columns network, step, and the measure's own.

        Args:
            name: one of `grokscope.measures.catalogue.MEASURES`, such as `effective_rank`.
            network: one network by its number; all of them unless given.
            options: settings of the measure, such as `chains=4` of `llc`.

        Raises:
            UsageError: there is no such network, measure or option, or the measure needs what the
                task or the model lacks.
            SettingError: an option breaks its rule.
            VerificationError: a checkpoint is damaged.
        """
        if network is not None:
            self._require(network)
        chosen = range(len(self.plan.networks)) if network is None else [network]
        return measure_run(self.directory, self.plan, name, chosen, options)

    def _require(self, network: int) -> None:
        if not 0 <= network < len(self.plan.networks):
            last = len(self.plan.networks) - 1
            raise UsageError(f"{self.id} has no network {network}: the last is {last}.")

    def _kept(self, network: int) -> dict[int, str]:
        """Names of a network's checkpoints by step."""
        return {e.step: e.name for e in self.directory.checkpoints() if network in e.networks}

    def _promising(self, network: int, steps: Sequence[int]) -> list[int]:
        """The steps at which the recorded accuracies leave it open that the network is accurate."""
        names = ("train/acc", "test/acc")
        curves = self.directory.curves(["network", "step", *names])
        rows = np.flatnonzero(curves["network"] == network) if curves else np.empty(0, dtype=int)
        wrong = {
            int(curves["step"][i])
            for i in rows
            if min(float(curves[name][i]) for name in names) < _SURELY_WRONG
        }
        return [step for step in steps if step not in wrong]

    def __str__(self) -> str:
        lines = [f"{self.id} ({self.state})"]
        lines += [f"  {network_sentence(row)}" for row in self.networks]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"


def network_sentence(row: dict[str, Any]) -> str:
    """One network's summary as one line for people."""
    head = f"{row['model']}, seed {row['seed']}: {row['label']}"
    steps = {name: row[f"{name}_step"] for name in ("memorized", "grokked")}
    parts = [f"{n} at step {s}" if s is not None else f"not {n}" for n, s in steps.items()]
    if row["delay_ratio"] is not None:
        parts += [f"delay ratio {row['delay_ratio']:.1f}"]
    if row["key_frequencies"]:
        parts += ["key frequencies " + " ".join(str(k) for k in row["key_frequencies"])]
    return f"{head}; {', '.join(parts)}"


def load(name: str | Path = "last", root: str | Path = "runs") -> Run:
    """A run by path, id, the unique start of an id, or `last`.

    Raises:
        UsageError: there is no such run under `root`, or it is that of a monitor.
    """
    directory = resolve_run(str(name), Path(root))
    if is_monitor(directory):
        raise UsageError(
            f"{directory.id} is the run of a monitor, which has no networks: read it with "
            "`grokscope.llm.MonitorRun`."
        )
    return Run(directory)


def start_run(
    plan: Plan,
    root: Path = Path("runs"),
    listener: Listener | None = None,
    start: Start | None = None,
) -> Run:
    """Train a plan in a new run directory under `root`.

    What can be refused is refused before there is a directory.

    Args:
        plan: the networks.
        root: the folder of all runs.
        listener: told of the progress.
        start: where the networks start, if that is not the beginning.

    Raises:
        SettingError, UsageError: the plan cannot be trained.
        InterruptedRunError: stopped on request; `resume_run` goes on.
        DiskError: the disk is full.
        MemoryExceededError: the stack does not fit.
    """
    trainer = Trainer(plan, listener or Silence())
    directory = RunDirectory.create(root, plan.recipe, plan.to_dict())
    directory.write_splits(_split_tensors(trainer.splits))
    if start is not None:
        if start.history:
            directory.add_segment(start.history)
        directory.save_resume_point(start.point.groups, start.point.facts)
    return _train(trainer, directory)


def resume_run(directory: RunDirectory, listener: Listener | None = None) -> Run:
    """Go on with an interrupted or killed run; a finished one is returned as it is.

    Raises:
        VerificationError: the stored splits are not those of the stored config.
        InterruptedRunError, DiskError, MemoryExceededError: as in `start_run`.
    """
    if directory.status.get("state") == "finished":
        return Run(directory)
    _use_threads_of(directory)
    trainer = Trainer(Plan.from_dict(directory.config), listener or Silence())
    splits, stored = _split_tensors(trainer.splits), directory.splits()
    if not stored:
        directory.write_splits(splits)
    elif any(not torch.equal(stored.get(name, rows[:0]), rows) for name, rows in splits.items()):
        raise VerificationError(f"{directory.path}: the stored splits do not match config.toml.")
    return _train(trainer, directory)


def _train(trainer: Trainer, directory: RunDirectory) -> Run:
    # a run that another process is writing is left as it is: only who holds the lock marks it
    with directory.locked(), flushed_denormals():
        try:
            ended = trainer.train(directory)
            finish(trainer.plan, directory, ended, trainer.population.each)
            last = max(ending.step for ending in ended.values())
            directory.update_status(state="finished", step=last)
        except InterruptedRunError as error:
            raise InterruptedRunError(error.message, directory.id) from error
        except GrokscopeError as error:
            _mark_failed(directory, error)
            raise
    return Run(directory)


def _use_threads_of(directory: RunDirectory) -> None:
    """How sums are split between threads decides their last bits, so a run keeps its number."""
    torch_facts: Any = directory.env.get("torch", {})
    threads = torch_facts.get("threads") if isinstance(torch_facts, dict) else None
    if isinstance(threads, int):
        torch.set_num_threads(threads)


def _mark_failed(directory: RunDirectory, error: GrokscopeError) -> None:
    try:
        directory.update_status(state="failed", error=str(error))
    except DiskError:
        return  # the disk that failed the run cannot take the note either


def _split_tensors(splits: Sequence[Split]) -> dict[str, torch.Tensor]:
    """Row indices by network and part."""
    return {
        f"{network}/{part}": getattr(split, part).to(torch.int32)
        for network, split in enumerate(splits)
        for part in ("train", "novel", "mirrored", "ood")
        if part != "ood" or len(split.ood)
    }
