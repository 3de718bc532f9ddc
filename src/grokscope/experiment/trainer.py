"""The training of one run: step, look, write, stop, and start again where it stopped.

Nothing keeps a step waiting that need not. What is to be written goes to a thread of its own. A
look is measured on the device, and its results are fetched when the next steps are under way,
unless they decide whether a network goes on.

Everything that decides what happens next (weights, moments, steps, which networks are still to
come) is in the resume points; everything random is a function of seed and step. So a run that is
killed at any moment and started again ends with the same weights as one that was not.
"""

import time
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Literal

import torch

from grokscope.core.errors import InterruptedRunError, SettingError, UsageError, VerificationError
from grokscope.engine import Job, Population, Setup, log_spaced, thin
from grokscope.experiment.config import Plan
from grokscope.experiment.interruption import StopRequest, stop_on_signal
from grokscope.experiment.listener import Listener, NetworkProgress, TrainingProgress
from grokscope.experiment.memory import explain_memory
from grokscope.experiment.metrics import Fetched
from grokscope.experiment.observer import Observer
from grokscope.experiment.pace import Pace
from grokscope.experiment.record import Record, Stopwatch
from grokscope.experiment.writer import Writer
from grokscope.measures.running_judge import RunningJudge, Terms
from grokscope.store import Checkpoint, RunDirectory
from grokscope.tasks import Split, Table

SECONDS_BETWEEN_RESUME_POINTS = 20.0
SECONDS_BETWEEN_UPDATES = 0.25
SECONDS_AT_ONCE = 1.5
"""Of steps, at most, before somebody who wants to stop is heard. A stack that has been stepped
several times in a row is in the cache: eight steps of 1,000 networks take a seventh less."""


@dataclass(frozen=True, kw_only=True)
class Ending:
    """Why and when a network's training ended."""

    reason: Literal["budget", "grokked", "diverged"]
    step: int
    tensor: str | None = None
    """The first tensor that was not finite, of a network that diverged."""


@dataclass(frozen=True)
class Look:
    """Networks that were measured, each at its own step, and what is on its way to the host."""

    networks: Sequence[int]
    steps: Sequence[int]
    seconds: float
    metrics: Fetched


class Trainer:
    """Trains the networks of a plan; what cannot be trained is refused when it is made.

    Raises:
        SettingError: networks of different shapes, a batch larger than the training set.
        UsageError: a device that is not there.
        MemoryExceededError: the stack does not fit.
    """

    def __init__(self, plan: Plan, listener: Listener) -> None:
        self.plan, self._listener = plan, listener
        training = plan.base.training
        self._looks, self._kept = _looks(plan)
        self._looked_at: dict[int, int] = {}
        with self._explained():
            self._table = the_table(plan)
            self.splits = make_splits(plan, self._table)
            self.population = make_population(plan, self._table, self.splits)
        self._observer = Observer(
            self.population.model,
            self._table,
            self.splits,
            plan.base.loss,
            self.population.each,
        )
        self._pending: list[Look] = []
        self._progress = TrainingProgress(networks=_progress(plan), budget=training.steps)
        networks = range(len(plan.networks))
        terms = [curve_terms(plan, self._table, self.splits, network) for network in networks]
        self._record = Record(RunningJudge(terms), self._progress.networks)
        self._watch = Stopwatch()
        self._ended: dict[int, Ending] = {}
        self._names: dict[str, list[int]] = {}

    def train(self, run: RunDirectory) -> dict[int, Ending]:
        """Train into a run directory to the end; why each network ended, by number.

        Raises:
            InterruptedRunError: somebody asked to stop; the run can be resumed.
            DiskError: the disk is full.
            MemoryExceededError: an evaluation does not fit.
            VerificationError: a fork that was killed before it had begun.
        """
        self._run = run
        with stop_on_signal() as request, self._explained():
            point = run.load_resume_point()
            run.rewind(point)
            if point is not None:
                self._resume(point)
            elif self.plan.origin is not None:
                raise VerificationError(f"{run.path} ended before its start was kept: fork again.")
            run.update_status(state="running", networks=len(self.plan.networks))
            with Writer() as self._writer:
                self._loop(request)
        return self._ended

    def _explained(self) -> AbstractContextManager[None]:
        return explain_memory(len(self.plan.networks))

    def _resume(self, point: Checkpoint) -> None:
        self._names = {entry.name: entry.networks for entry in self._run.checkpoints()}
        facts: Any = point.facts
        self.population.restore(point.groups, point.networks, facts["waiting"], facts.get("layout"))
        self._record.resume(self._run)
        self._watch = Stopwatch(facts["seconds"])
        self._ended = {int(index): Ending(**ending) for index, ending in facts["ended"].items()}
        networks = range(len(self.plan.networks))
        self._looked_at = {network: self._record.last_step(network) for network in networks}
        for index, ending in self._ended.items():
            self._progress.networks[index].ended = True
            if ending.reason == "diverged":
                self._record.diverged(index, ending.step)

    def _loop(self, request: StopRequest) -> None:
        saved, self._pace = time.monotonic(), Pace()
        while self.population.lanes:
            looked = self._look()
            if request.requested or time.monotonic() - saved > SECONDS_BETWEEN_RESUME_POINTS:
                self._save_point()
                saved = time.monotonic()
            if request.requested:
                self._pause()
            self._take_steps()
            if looked and self._pace.seconds_since_shown > SECONDS_BETWEEN_UPDATES:
                self._show()
        self._save_point()
        self._show()

    def _take_steps(self) -> None:
        """Steps up to the next look of any network, or as many as may be taken at once."""
        steps = self.population.steps
        if not steps:
            return
        due = min(self._looks[bisect_right(self._looks, step)] - step for step in steps)
        count = min(due, self._pace.steps_within(SECONDS_AT_ONCE))
        slots = sum(len(stack.slots) for stack in self.population.stacks)
        self.population.advance(count)
        self._digest()  # while the device is at work
        self.population.settle()
        self._note_diverged()
        self._pace.note(count, occupied=len(steps), slots=slots)

    def _look(self) -> bool:
        """Measure, keep and retire what is due, newcomers too; whether there was anything."""
        looked = False
        while due := self._due():
            lanes = [self.population.lanes[i] for i in due]
            networks, steps = [n.job.index for n in lanes], [n.step for n in lanes]
            metrics = self._observer.metrics(self.population.parameters(due), networks)
            self._looked_at |= dict(zip(networks, steps, strict=True))
            look = Look(networks, steps, self._watch.seconds, metrics.start_fetch())
            self._pending.append(look)
            if self.plan.base.training.stop_when_grokked:
                self._digest()
            finished = self._endings(networks, steps)
            self._keep([i for i in due if self._is_kept(i, finished)])
            self._end(finished)
            looked = True
        return looked

    def _due(self) -> list[int]:
        """Lanes at a step that is to be looked at and has not been."""
        return [
            i
            for i, lane in enumerate(self.population.lanes)
            if lane.step > self._looked_at.get(lane.job.index, -1)
            and self._looks[bisect_left(self._looks, lane.step)] == lane.step
        ]

    def _digest(self) -> None:
        """Record and judge the looks whose results are still out."""
        pending, self._pending = self._pending, []
        for look in pending:
            self._record.add(look.networks, look.steps, look.seconds, look.metrics)

    def _endings(self, networks: Sequence[int], steps: Sequence[int]) -> dict[int, Ending]:
        """Which of the networks that were looked at have come to their end."""
        endings: dict[int, Ending] = {}
        may_stop = self._record.may_stop(networks)
        for network, step, may in zip(networks, steps, may_stop, strict=True):
            training = self.plan.networks[network].training
            if step >= training.steps:
                endings[network] = Ending(reason="budget", step=step)
            elif may and training.stop_when_grokked:
                endings[network] = Ending(reason="grokked", step=step)
        return endings

    def _is_kept(self, lane: int, finished: dict[int, Ending]) -> bool:
        taken = self.population.lanes[lane]
        return taken.step in self._kept or taken.job.index in finished

    def _keep(self, lanes: Sequence[int]) -> None:
        """Write a checkpoint of some lanes, one folder for those at the same step."""
        by_step: dict[int, list[int]] = {}
        for lane in lanes:
            by_step.setdefault(self.population.lanes[lane].step, []).append(lane)
        for step, some in by_step.items():
            networks = [self.population.lanes[i].job.index for i in some]
            facts = {"step": step, "networks": networks, "layout": self.population.layout}
            name = self._checkpoint_name(step, networks)
            groups = self.population.checkpoint(some)
            self._writer.submit(partial(self._run.save_checkpoint, name, groups, facts))

    def _checkpoint_name(self, step: int, networks: list[int]) -> str:
        """`step-00009400`, with a network's number where another group has taken that name."""
        name = f"step-{step:08d}"
        if self._names.setdefault(name, networks) != networks:
            name = f"{name}-network-{networks[0]}"
        return name

    def _end(self, finished: dict[int, Ending]) -> None:
        self._ended |= finished
        for network in finished:
            self._progress.networks[network].ended = True
        self.population.retire(finished)

    def _note_diverged(self) -> None:
        for bad in self.population.diverged:
            if bad.index not in self._ended:
                ending = Ending(reason="diverged", step=bad.step, tensor=bad.tensor)
                self._ended[bad.index] = ending
                self._record.diverged(bad.index, bad.step)
                self._progress.networks[bad.index].ended = True

    def _save_point(self) -> None:
        self._digest()
        run, lanes = self._run, range(len(self.population.lanes))
        facts = {
            "step": max(self.population.steps, default=0),
            "networks": [lane.job.index for lane in self.population.lanes],
            "layout": self.population.layout,
            "waiting": self.population.waiting,
            "seconds": self._watch.seconds,
            "ended": {str(index): asdict(ending) for index, ending in self._ended.items()},
        }
        if columns := self._record.take():
            self._writer.submit(partial(run.add_segment, columns))
        groups = self.population.checkpoint(lanes)
        self._writer.submit(partial(run.save_resume_point, groups, facts))
        status = {"step": facts["step"], "seconds": facts["seconds"], **self._pace.facts()}
        self._writer.submit(partial(run.update_status, state="running", **status))

    def _pause(self) -> None:
        self._writer.submit(partial(self._run.update_status, state="interrupted"))
        self._writer.wait()
        raise InterruptedRunError(f"Stopped at step {max(self.population.steps, default=0)}.")

    def _show(self) -> None:
        progress, rate = self._progress, self._pace.restart()
        progress.elapsed_seconds = self._watch.seconds
        if rate > 0:
            progress.steps_per_second = rate
            left = progress.budget - min(self.population.steps, default=progress.budget)
            progress.seconds_left = left / rate
        self._listener.update(progress)


def _looks(plan: Plan) -> tuple[Sequence[int], frozenset[int]]:
    """Steps at which networks are measured, and those at which they are kept.

    A fork is looked at when its run was, and as densely after its own beginning.
    """
    training = plan.base.training
    looks = log_spaced(training.steps, training.eval_ratio)
    kept = thin(looks, training.checkpoint_ratio)
    if plan.origin is None:
        return looks, frozenset(kept)
    start = plan.origin.step
    after = log_spaced(training.steps - start, training.eval_ratio)
    kept_after = thin(after, training.checkpoint_ratio)
    return (
        sorted({start + step for step in after} | {step for step in looks if step > start}),
        frozenset({start + step for step in kept_after} | {step for step in kept if step > start}),
    )


def the_table(plan: Plan) -> Table:
    """The table of all networks of a plan; they may split it differently.

    Raises:
        SettingError: networks of different tables.
    """
    tasks = {replace(one.task, train_fraction=1.0, split="random") for one in plan.networks}
    first, *others = [task.table() for task in tasks]
    for other, task in zip(others, list(tasks)[1:], strict=True):
        same = torch.equal(first.inputs, other.inputs) and torch.equal(first.shown, other.shown)
        if not same:
            rule = "one whose table is that of all other networks of the run"
            raise SettingError("task", rule, task.name)
    return first


def _require_device(plan: Plan) -> None:
    if plan.base.training.device == "cuda" and not torch.cuda.is_available():
        raise UsageError("`device` is `cuda`, but torch finds no CUDA device here.")


def curve_terms(plan: Plan, table: Table, splits: Sequence[Split], network: int) -> Terms:
    """What a network's curve needs beside its numbers: rows, chance, ceiling, scale of the loss."""
    return Terms(
        n_test=len(splits[network].novel),
        chance=table.chance,
        ceiling=plan.networks[network].task.ceiling,
        loss_scale=plan.base.loss.constant(table),
    )


def make_splits(plan: Plan, table: Table) -> list[Split]:
    """Every network's split of the table."""
    return [config.task.make_split(table, config.seed) for config in plan.networks]


def make_population(plan: Plan, table: Table, splits: Sequence[Split]) -> Population:
    """The population of a plan, at step 0; errors as in `Trainer`."""
    _require_device(plan)
    training = plan.base.training
    setup = Setup(
        table=table,
        loss=plan.base.loss,
        batch_size=training.batch_size,
        capacity=training.capacity,
        dtype=getattr(torch, training.dtype),
        device=training.device,
        matmul_precision=training.matmul_precision,
    )
    jobs = [
        Job(
            index=i,
            seed=c.seed,
            model=c.model,
            optimizer=c.optimizer,
            rows=split.train,
            batch_seed=c.training.batch_seed,
            cohort=plan.cohort(i),
        )
        for i, (c, split) in enumerate(zip(plan.networks, splits, strict=True))
    ]
    return Population(setup, jobs)


def _progress(plan: Plan) -> list[NetworkProgress]:
    return [
        NetworkProgress(index=i, name=config.model.name, seed=config.seed)
        for i, config in enumerate(plan.networks)
    ]
