"""A population: networks of one shape that train together, and the queue behind them.

Jobs wait in a queue; each takes a slot of a stack, trains, and leaves, and the next one takes its
place. A network whose loss or gradient is not finite leaves alone, before the update that would
spoil it. On a CPU, stacks are sized to the cache and stepped by a thread each; on a GPU one stack
holds as many networks as its memory does.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import TypeVar

import torch
from torch import Tensor

from grokscope.core.errors import SettingError
from grokscope.engine.allocator import reuse_freed_memory
from grokscope.engine.answers import n_distinct
from grokscope.engine.batches import Batches
from grokscope.engine.capture import shared_memory
from grokscope.engine.job import Divergence, Job, Kind, Lane, Setup
from grokscope.engine.layout import free_bytes, lane_bytes, stack_sizes
from grokscope.engine.stack import Stack
from grokscope.engine.state import Flat, State, flattened, named, slots_of, views
from grokscope.engine.update import Updates
from grokscope.models import Model, Parameters, Vocab

Groups = dict[str, dict[str, Tensor]]
Layout = list[list[int]]
"""Job numbers, slot by slot and stack by stack; −1 for an empty slot."""
S = TypeVar("S")
T = TypeVar("T")


class Population:
    """Stacks of networks and the queue behind them.

    Raises:
        SettingError: the jobs differ in more than per-network settings.
    """

    def __init__(self, setup: Setup, jobs: Sequence[Job]) -> None:
        _require_one_shape(jobs)
        reuse_freed_memory()
        self.setup = setup
        self.model = jobs[0].model.stack_key()
        self.lanes: list[Lane] = []
        """Networks in training, in the order in which they entered."""
        self.stacks: list[Stack] = []
        self.diverged: list[Divergence] = []
        self._jobs = {job.index: job for job in jobs}
        self._queue = list(jobs)
        self._vocab = Vocab(
            d_vocab=setup.table.d_vocab,
            n_classes=setup.table.n_classes,
            n_slots=setup.table.inputs.shape[1],
            is_padded=not setup.table.is_real and bool((setup.table.inputs < 0).any()),
        )
        self.model.require(self._vocab)
        if setup.table.targets is not None and not setup.loss.takes_targets:
            rule = "one for real targets, such as mean_square"
            raise SettingError("loss", rule, type(setup.loss).__name__)
        self._threads = torch.get_num_threads()
        one = jobs_parameters(jobs[:1], self._vocab)
        self._shapes = {name: tuple(value.shape[1:]) for name, value in one.items()}
        cohorts = {
            job.cohort: [j.optimizer for j in jobs if j.cohort == job.cohort] for job in jobs
        }
        self._updates = Updates(cohorts, self._shapes)
        self._merged_rows = self._rows_when_merged(jobs)
        n_rows = [self._merged_rows.get(j.stack_kind(setup), len(j.rows)) for j in jobs]
        self.network_bytes = self._size_of_one(one, max(n_rows))
        """What one network occupies while it is stepped, about."""
        self.capacity = setup.capacity or self._fitting(len(jobs))
        """Networks in training at once, at most."""
        self._fill()

    @property
    def steps(self) -> list[int]:
        """Steps that each lane has taken."""
        return [lane.step for lane in self.lanes]

    @property
    def waiting(self) -> list[int]:
        """Indices of the jobs that have no slot yet."""
        return [job.index for job in self._queue]

    @property
    def layout(self) -> Layout:
        """Which network is where; how sums are rounded may depend on it."""
        return [[-1 if n is None else n.job.index for n in stack.slots] for stack in self.stacks]

    def parameters(self, lanes: Sequence[int] | None = None) -> Parameters:
        """Weights and constants of some lanes (all by default), detached."""
        chosen = self.lanes if lanes is None else [self.lanes[i] for i in lanes]
        if not chosen:
            return views(self._state([])["theta"], self._shapes) | self.model.constants([])
        parts, order = self._gathered(chosen, Stack.parameters)
        if len(parts) == 1 and order is None:
            return parts[0]
        whole = joined(parts)
        return whole if order is None else {name: v[order] for name, v in whole.items()}

    def get_ready(self, steps: int) -> None:
        """Record steps if that pays for so many; in smaller stacks where memory does not suffice.

        Raises:
            OutOfMemoryError: a step of a single network does not fit.
        """
        while True:
            try:
                for stack in self.stacks:
                    stack.get_ready(steps)
                return
            except torch.OutOfMemoryError:
                if all(len(slots) == 1 for slots in self.layout):
                    raise
            self._halve_stacks()

    def advance(self, steps: int) -> None:
        """Take some steps of every network, without looking whether all are still finite."""
        self.get_ready(steps)
        self.map(partial(Stack.advance, steps=steps))

    def settle(self) -> None:
        """Find networks that are no longer finite; they leave for the next jobs."""
        found = [bad for stack in self.stacks for bad in stack.take_held()]
        if found:
            self.diverged += found
            gone = {bad.index for bad in found}
            self.lanes = [lane for lane in self.lanes if lane.job.index not in gone]
            self._fill()

    def step(self) -> None:
        """One optimizer step of every lane; networks that are not finite leave for the next job."""
        self.advance(1)
        self.settle()

    def map(self, task: Callable[[Stack], T]) -> list[T]:
        """Do something with every stack; on a CPU with several at the same time."""
        return list(self.each(task, self.stacks))

    def each(self, task: Callable[[S], T], parts: Iterable[S]) -> Iterable[T]:
        """What a task returns for each part of the population; on a CPU several at a time."""
        parts = list(parts)
        if len(parts) > 1 and self.setup.device == "cpu" and self._threads > 1:
            return _workers(self._threads).map(task, parts)
        return map(task, parts)

    def retire(self, indices: Collection[int]) -> None:
        """Free the slots of these jobs and give them to the next in the queue."""
        if indices:
            for stack in self.stacks:
                slots = enumerate(stack.slots)
                stack.leave([i for i, n in slots if n is not None and n.job.index in indices])
            self.lanes = [lane for lane in self.lanes if lane.job.index not in indices]
            self._fill()

    def checkpoint(self, lanes: Sequence[int]) -> Groups:
        """A copy of weights, optimizer state and random state of some lanes, by name.

        All randomness is a function of seed and step, so these two are the whole random state.
        """
        chosen = [self.lanes[i] for i in lanes]
        slots = self._state(chosen)
        theta = slots.pop("theta")
        constants = self.model.constants([lane.job.model for lane in chosen])
        model = views(theta, self._shapes) | {n: v.to(theta.device) for n, v in constants.items()}
        optim = named(slots, self._shapes)
        optim["step"] = torch.tensor([lane.step for lane in chosen])
        rng = {"seed": torch.tensor([lane.job.seed for lane in chosen]), "step": optim["step"]}
        return {"model": model, "optim": optim, "rng": rng}

    def restore(
        self,
        groups: Mapping[str, Mapping[str, Tensor]],
        indices: Sequence[int],
        waiting: Sequence[int],
        layout: Layout | None = None,
    ) -> None:
        """Take the state of `checkpoint` for jobs `indices`, with jobs `waiting` still to come."""
        self._queue = [self._jobs[index] for index in waiting]
        steps = groups["optim"]["step"].tolist()
        pairs = zip(indices, steps, strict=True)
        self.lanes = [self._lane(self._jobs[index], step) for index, step in pairs]
        settings = [self._jobs[index].optimizer for index in indices]
        fresh = self._updates.begin(self._flatten(groups["model"]), settings)
        self._lay_out(fresh | slots_of(groups["optim"], fresh, self._shapes), layout)

    def _halve_stacks(self) -> None:
        state = self._state(self.lanes)
        halves = [(half(slots, 0), half(slots, 1)) for slots in self.layout]
        self.stacks = []
        if self.setup.device == "cuda":
            torch.cuda.empty_cache()
        self._lay_out(state, [slots for pair in halves for slots in pair if slots])

    def _state(self, chosen: Sequence[Lane]) -> State:
        if not chosen:
            size = sum(torch.Size(shape).numel() for shape in self._shapes.values())
            return self._updates.begin(torch.empty(0, size, dtype=self.setup.dtype), [])
        parts, order = self._gathered(chosen, Stack.state)
        whole = joined(parts)
        return whole if order is None else {name: part[order] for name, part in whole.items()}

    def _gathered(
        self, chosen: Sequence[Lane], read: Callable[[Stack, list[int]], T]
    ) -> tuple[list[T], list[int] | None]:
        """What is read of some lanes stack by stack, and how to put it into their order."""
        wanted = {lane.job.index: i for i, lane in enumerate(chosen)}
        parts: list[T] = []
        found: list[int] = []
        for stack in self.stacks:
            pairs = enumerate(stack.slots)
            slots = [i for i, n in pairs if n is not None and n.job.index in wanted]
            if slots:
                parts.append(read(stack, slots))
                found += [wanted[stack.slots[i].job.index] for i in slots]  # pyright: ignore
        in_order = found == list(range(len(chosen)))
        return parts, None if in_order else [found.index(i) for i in range(len(found))]

    def _fill(self) -> None:
        """Let jobs in, and close up what stays empty when it has become too much."""
        entering = self._queue[: max(0, self.capacity - len(self.lanes))]
        self._queue = self._queue[len(entering) :]
        before = self.lanes
        newcomers = [self._lane(job, 0) for job in entering]
        self.lanes = before + newcomers
        gaps = sum(len(stack.free) for stack in self.stacks) - len(newcomers)
        if not self.lanes:
            self.stacks = []
        elif not self._fits(newcomers) or gaps >= self._tolerated_gaps * (gaps + len(self.lanes)):
            states = ([self._state(before)] if before else []) + (
                [self._fresh(entering)] if entering else []
            )
            self._lay_out(joined(states))
        elif newcomers:
            self._enter(newcomers)
        # of several kinds of stacks one may have come to its end before the others
        if not all(stack.lanes for stack in self.stacks):
            self.stacks = [stack for stack in self.stacks if stack.lanes]

    def _fits(self, newcomers: Sequence[Lane]) -> bool:
        """Whether there is an empty slot for each."""
        wanted = Counter(lane.job.stack_kind(self.setup) for lane in newcomers)
        free: Counter[Kind] = Counter()
        for stack in self.stacks:
            free[stack.kind] += len(stack.free)
        return wanted <= free

    def _enter(self, newcomers: Sequence[Lane]) -> None:
        """Put networks into empty slots."""
        rest = self._by_kind(newcomers)
        for stack in self.stacks:
            waiting = rest.get(stack.kind, [])
            lanes, rest[stack.kind] = waiting[: len(stack.free)], waiting[len(stack.free) :]
            if lanes:
                state = self._fresh([lane.job for lane in lanes])
                stack.enter(stack.free[: len(lanes)], lanes, state)

    @property
    def _tolerated_gaps(self) -> float:
        """Share of empty slots at which the others are laid out afresh: a recording is dear."""
        return 1 / 8 if self.setup.device == "cpu" else 1 / 2

    def _lay_out(self, state: State, layout: Layout | None = None) -> None:
        """Make the stacks of all lanes, whose state this is."""
        layout = self._new_layout() if layout is None else layout
        row = {lane.job.index: i for i, lane in enumerate(self.lanes)}
        self.stacks = []
        # on a GPU one stack is stepped after another, so they share what a step needs
        memory = shared_memory(torch.device(self.setup.device))
        for slots in layout:
            present = [index for index in slots if index >= 0]
            if present:
                # an empty slot holds a copy of the first network until somebody enters
                rows = [row[index if index >= 0 else present[0]] for index in slots]
                parts = {name: part[rows] for name, part in state.items()}
                lanes = [self.lanes[i] for i in rows]
                first = lanes[0].job
                merged_rows = self._merged_rows.get(first.stack_kind(self.setup))
                update = self._updates.of(first.cohort)
                stack = Stack(self.setup, update, lanes, parts, merged_rows, memory)
                stack.leave([i for i, index in enumerate(slots) if index < 0])
                self.stacks.append(stack)

    def _new_layout(self) -> Layout:
        device, found = torch.device(self.setup.device), []
        for lanes in self._by_kind(self.lanes).values():
            order = iter([lane.job.index for lane in lanes])
            sizes = stack_sizes(len(lanes), self.network_bytes, device, self._threads)
            found += [[next(order) for _ in range(size)] for size in sizes]
        return found

    def _by_kind(self, lanes: Sequence[Lane]) -> dict[Kind, list[Lane]]:
        """Lanes that can share a stack, in their order."""
        found: dict[Kind, list[Lane]] = {}
        for lane in lanes:
            found.setdefault(lane.job.stack_kind(self.setup), []).append(lane)
        return found

    def _fitting(self, n_jobs: int) -> int:
        """As many of the jobs as memory has room for, one at least.

        On a CPU only some are stepped at a time; the others keep their state and rows.
        """
        device = torch.device(self.setup.device)
        size = sum(torch.Size(shape).numel() for shape in self._shapes.values())
        state = self._updates.size() + size  # and the gradient
        resting = state * self.setup.dtype.itemsize + 16 * 8 * len(self._queue[0].rows)
        each = resting if device.type == "cpu" else self.network_bytes
        return max(1, min(n_jobs, free_bytes(device) // each))

    def _rows_when_merged(self, jobs: Sequence[Job]) -> dict[Kind, int]:
        """Rows of a full batch in which mirror images are merged, for the job that has the most."""
        two_tokens = self._vocab.d_vocab > 0 and self._vocab.n_slots == 2
        if self.setup.batch_size is not None or not (self.model.is_symmetric and two_tokens):
            return {}
        found: dict[Kind, int] = {}
        for job in jobs:
            kind, own = job.stack_kind(self.setup), self.setup.table.inputs[job.rows]
            found[kind] = max(found.get(kind, 0), n_distinct(own.unsqueeze(0)))
        return found

    def _size_of_one(self, one: Parameters, n_rows: int) -> int:
        n_parameters = sum(value.numel() for value in one.values())
        constants = self.model.constants([self.model])
        widths = self.model.neuron_to_logit(one | constants).shape[1:]
        return lane_bytes(
            2 * n_parameters + self._updates.size(),
            (self.setup.batch_size or n_rows) * sum(widths),
            self.setup.dtype,
        )

    def _fresh(self, jobs: Sequence[Job]) -> State:
        theta = self._flatten(jobs_parameters(jobs, self._vocab))
        return self._updates.begin(theta, [job.optimizer for job in jobs])

    def _flatten(self, parameters: Mapping[str, Tensor]) -> Flat:
        trained = {name: parameters[name] for name in self._shapes}
        flat = flattened(trained, self._shapes)
        return flat.to(device=self.setup.device, dtype=self.setup.dtype)

    def _lane(self, job: Job, step: int) -> Lane:
        seed = job.seed if job.batch_seed is None else job.batch_seed
        batches = Batches(job.rows, self.setup.batch_size, seed)
        return Lane(job=job, batches=batches, step=step)


@cache
def _workers(threads: int) -> ThreadPoolExecutor:
    """Threads that step one stack each, so that none of them waits for another within a step."""
    return ThreadPoolExecutor(threads, "stack", initializer=_begin_worker)


def _begin_worker() -> None:
    """On a thread that may be older than the training that it steps."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def joined(parts: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Tensors of the same names, one part behind the other along the `model` axis."""
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def half(slots: Sequence[int], which: int) -> list[int]:
    """The first or the second half."""
    middle = (len(slots) + 1) // 2
    return list(slots[middle:] if which else slots[:middle])


def jobs_parameters(jobs: Sequence[Job], vocab: Vocab) -> Parameters:
    """Initial parameters of each job's network."""
    return jobs[0].model.initial(vocab, [job.model for job in jobs], [job.seed for job in jobs])


def _difference(one: Model, other: Model) -> str:
    """Such as `d_model 32 and 64`."""
    if type(one) is not type(other):
        return f"{one.name} and {other.name}"
    for name, value in vars(one.stack_key()).items():
        if value != getattr(other.stack_key(), name):
            return f"{name} {value} and {getattr(other, name)}"
    return one.name


def _require_one_shape(jobs: Sequence[Job]) -> None:
    if not jobs:
        raise SettingError("jobs", "at least one", len(jobs))
    first = jobs[0]
    for job in jobs:
        if job.model.stack_key() != first.model.stack_key():
            rule = "of one shape for all networks of a population"
            raise SettingError("model", rule, _difference(first.model, job.model))
