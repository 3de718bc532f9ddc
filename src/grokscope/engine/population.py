"""A population: networks of one shape that step together in one stack.

Jobs wait in a queue; each takes a slot, trains, and leaves, and the next one takes its place. A
network whose loss or gradient is not finite leaves alone, before the update that would spoil it.
All parameters of the stack lie in one flat tensor, so that the optimizer is a handful of calls.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from grokscope.core.errors import SettingError
from grokscope.engine.allocator import reuse_freed_memory
from grokscope.engine.batches import Batches
from grokscope.engine.divergence import first_bad_tensor
from grokscope.engine.loss import CrossEntropy
from grokscope.engine.optimizer import AdamW, StackedAdamW
from grokscope.models import Model, Parameters, Rows, Vocab
from grokscope.tasks import Table

Groups = dict[str, dict[str, Tensor]]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One network to be trained."""

    index: int
    """Its number within the run."""
    seed: int
    model: Model
    optimizer: AdamW
    rows: Int[Tensor, " train"]
    """Its training rows."""


@dataclass(kw_only=True)
class Lane:
    """One occupied slot of the stack."""

    job: Job
    batches: Batches
    step: int = 0
    """Optimizer steps taken."""


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """Why a network was frozen."""

    index: int
    step: int
    tensor: str
    """The first tensor on the way from weights to gradient that is not finite."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What all networks of a population share."""

    table: Table
    loss: CrossEntropy
    batch_size: int | None = None
    """Rows per step; all training rows where none is given."""
    capacity: int | None = None
    """Slots of the stack; one per job where none is given."""
    dtype: torch.dtype = torch.float32
    device: str = "cpu"


class Population:
    """A stack of networks and the queue behind it.

    Raises:
        SettingError: the jobs differ in more than per-network settings.
    """

    def __init__(self, setup: Setup, jobs: Sequence[Job]) -> None:
        _require_one_shape(jobs)
        reuse_freed_memory()
        self.setup = setup
        self.model = jobs[0].model.stack_key()
        self.lanes: list[Lane] = []
        self.diverged: list[Divergence] = []
        self._jobs = {job.index: job for job in jobs}
        self._queue = list(jobs)
        self._inputs = setup.table.inputs.to(setup.device)
        self._labels = setup.table.labels.to(setup.device)
        self._vocab = Vocab(d_vocab=setup.table.d_vocab, n_classes=setup.table.n_classes)
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._theta = torch.empty(0)
        self._fill()

    @property
    def steps(self) -> list[int]:
        """Steps that each lane has taken."""
        return [lane.step for lane in self.lanes]

    @property
    def waiting(self) -> list[int]:
        """Indices of the jobs that have no slot yet."""
        return [job.index for job in self._queue]

    def parameters(self, lanes: Sequence[int] | None = None) -> Parameters:
        """Weights and constants of some lanes (all by default), detached."""
        every = lanes is None or list(lanes) == list(range(len(self.lanes)))
        tensors = {
            name: value.detach() for name, value in (self._trained | self._constants).items()
        }
        return tensors if every else {name: value[lanes] for name, value in tensors.items()}

    def step(self) -> None:
        """One optimizer step of every lane; networks that are not finite leave for the next job."""
        rows, labels = self._batch()
        logits = self.model.readout(self._trained | self._constants, rows)
        loss = self.setup.loss(logits, labels)
        gradients = torch.autograd.grad(loss.sum(), list(self._trained.values()))
        flat = torch.cat([gradient.flatten(1) for gradient in gradients], 1)
        finite = torch.isfinite(loss.detach()) & torch.isfinite(flat.sum(1))
        if not finite.all():
            flat = self._freeze(finite, dict(zip(self._trained, gradients, strict=True)), flat)
        if self.lanes:
            with torch.no_grad():
                self._optimizer.step(self._theta, flat, self.steps)
            for lane in self.lanes:
                lane.step += 1
        if not finite.all():
            self._fill()

    def retire(self, indices: Collection[int]) -> None:
        """Free the slots of these jobs and give them to the next in the queue."""
        if indices:
            self._keep([i for i, lane in enumerate(self.lanes) if lane.job.index not in indices])
            self._fill()

    def checkpoint(self, lanes: Sequence[int]) -> Groups:
        """Weights, optimizer state and random state of some lanes, by name, for a fork or a look.

        All randomness is a function of seed and step, so these two are the whole random state.
        """
        chosen = list(lanes)
        moments = {"exp_avg": self._optimizer.exp_avg, "exp_avg_sq": self._optimizer.exp_avg_sq}
        optim = {
            f"{moment}/{name}": value[chosen]
            for moment, flat in moments.items()
            for name, value in self._views(flat).items()
        }
        optim["step"] = torch.tensor([self.lanes[i].step for i in chosen])
        rng = {
            "seed": torch.tensor([self.lanes[i].job.seed for i in chosen]),
            "step": optim["step"],
        }
        return {"model": self.parameters(chosen), "optim": optim, "rng": rng}

    def restore(
        self,
        groups: Mapping[str, Mapping[str, Tensor]],
        indices: Sequence[int],
        waiting: Sequence[int],
    ) -> None:
        """Take the state of `checkpoint` for jobs `indices`, with jobs `waiting` still to come."""
        self._queue = [self._jobs[index] for index in waiting]
        steps = groups["optim"]["step"].tolist()
        self.lanes = [
            self._lane(self._jobs[index], step) for index, step in zip(indices, steps, strict=True)
        ]
        self._stack(self._flatten(groups["model"]))
        for moment in ("exp_avg", "exp_avg_sq"):
            named = {name: groups["optim"][f"{moment}/{name}"] for name in self._shapes}
            getattr(self._optimizer, moment).copy_(self._flatten(named))

    def _batch(self) -> tuple[Rows, Int[Tensor, "model batch"]]:
        if self._full is not None:
            return self._full
        chosen = torch.stack([lane.batches.at(lane.step) for lane in self.lanes])
        chosen = chosen.to(self.setup.device)
        batch = Rows(self._inputs[chosen]), self._labels[chosen]
        if all(lane.batches.is_full for lane in self.lanes):
            self._full = batch
        return batch

    def _freeze(
        self,
        finite: Tensor,
        gradients: Mapping[str, Tensor],
        flat: Float[Tensor, "model parameter"],
    ) -> Float[Tensor, "kept parameter"]:
        inputs = self._batch()[0].inputs
        for i in (~finite).nonzero().flatten().tolist():
            one = {name: value[i : i + 1] for name, value in self.parameters().items()}
            own = {name: value[i : i + 1] for name, value in gradients.items()}
            tensor = first_bad_tensor(self.model, one, inputs[i : i + 1], own)
            lane = self.lanes[i]
            self.diverged.append(Divergence(index=lane.job.index, step=lane.step, tensor=tensor))
        kept = finite.nonzero().flatten().tolist()
        flat = flat[kept]
        self._keep(kept)
        return flat

    def _fill(self) -> None:
        capacity = self.setup.capacity or len(self._jobs)
        entering = self._queue[: max(0, capacity - len(self.lanes))]
        if not entering:
            return
        self._queue = self._queue[len(entering) :]
        fresh = jobs_parameters(entering, self._vocab)
        self._shapes = {name: tuple(value.shape[1:]) for name, value in fresh.items()}
        state = self._state() if self.lanes else []
        self.lanes = self.lanes + [self._lane(job, 0) for job in entering]
        theta = self._flatten(fresh)
        entered = [theta, torch.zeros_like(theta), torch.zeros_like(theta)]
        pairs = zip(state, entered, strict=True)
        self._rebuild([torch.cat(pair) for pair in pairs] if state else entered)

    def _keep(self, kept: Sequence[int]) -> None:
        state = [flat[list(kept)] for flat in self._state()]
        self.lanes = [self.lanes[i] for i in kept]
        self._rebuild(state)

    def _state(self) -> list[Float[Tensor, "model parameter"]]:
        return [self._theta, self._optimizer.exp_avg, self._optimizer.exp_avg_sq]

    def _rebuild(self, state: Sequence[Float[Tensor, "model parameter"]]) -> None:
        self._stack(state[0])
        self._optimizer.exp_avg.copy_(state[1])
        self._optimizer.exp_avg_sq.copy_(state[2])

    def _stack(self, theta: Float[Tensor, "model parameter"]) -> None:
        """Lay out the lanes' parameters and make what depends on which lanes there are."""
        self._theta = theta
        self._optimizer = StackedAdamW([lane.job.optimizer for lane in self.lanes], theta)
        self._trained = {k: v.requires_grad_() for k, v in self._views(theta).items()}
        constants = self.model.constants([lane.job.model for lane in self.lanes])
        self._constants = {name: value.to(self.setup.device) for name, value in constants.items()}
        self._full: tuple[Rows, Tensor] | None = None

    def _views(self, flat: Float[Tensor, "model parameter"]) -> Parameters:
        sizes = [torch.Size(shape).numel() for shape in self._shapes.values()]
        columns = flat.detach().split(sizes, 1)
        shapes = self._shapes.items()
        return {n: c.view(len(flat), *shape) for (n, shape), c in zip(shapes, columns, strict=True)}

    def _flatten(self, named: Mapping[str, Tensor]) -> Float[Tensor, "model parameter"]:
        flat = torch.cat([named[name].flatten(1) for name in self._shapes], 1)
        return flat.to(device=self.setup.device, dtype=self.setup.dtype)

    def _lane(self, job: Job, step: int) -> Lane:
        batches = Batches(job.rows, self.setup.batch_size, job.seed)
        return Lane(job=job, batches=batches, step=step)


def jobs_parameters(jobs: Sequence[Job], vocab: Vocab) -> Parameters:
    """Initial parameters of each job's network, with its init scale applied."""
    drawn = jobs[0].model.init(vocab, [job.seed for job in jobs])
    scale = torch.tensor([job.model.init_scale for job in jobs])
    return {k: v * scale.view(-1, *[1] * (v.dim() - 1)) for k, v in drawn.items()}


def _require_one_shape(jobs: Sequence[Job]) -> None:
    if not jobs:
        raise SettingError("jobs", "at least one", len(jobs))
    first = jobs[0]
    for job in jobs:
        if job.model.stack_key() != first.model.stack_key() or len(job.rows) != len(first.rows):
            rule = "of one shape within a population (same model, same number of training rows)"
            raise SettingError("jobs", rule, f"{first.model.name} and {job.model.name}")
