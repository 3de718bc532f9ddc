"""A stack: a fixed number of slots whose networks step together.

Everything that a step touches is a tensor that stays where it is, and no step waits to see a value:
a network that is no longer finite is held by a mask and found later. So a step can be captured as a
CUDA graph, and a network can enter a slot without a new capture. All parameters lie in one flat
tensor, so that the optimizer is a handful of calls.
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from grokscope.engine.capture import Program
from grokscope.engine.divergence import first_bad_tensor
from grokscope.engine.job import Divergence, Lane, Setup
from grokscope.engine.optimizer import STANDSTILL, Moments, coefficients
from grokscope.engine.precision import multiplied_in
from grokscope.models import Parameters, Rows

AHEAD = 64
"""Steps whose coefficients and rows are prepared at once."""

Shapes = Mapping[str, tuple[int, ...]]
State = tuple[Float[Tensor, "model parameter"], ...]
"""Weights and both moments of some networks."""


class Stack:
    """Slots for networks of one shape; an empty slot is stepped too, and held by the mask."""

    PEEKS = True
    """Whether steps may look at a value where nobody waits for it; recorded ones may not."""

    def __init__(self, setup: Setup, shapes: Shapes, lanes: Sequence[Lane], state: State) -> None:
        self._setup, self._shapes = setup, shapes
        self.model = lanes[0].job.model.stack_key()
        self.slots: list[Lane | None] = list(lanes)
        device = torch.device(setup.device)
        # copies: a step writes in place
        theta, *moments = (part.to(device, setup.dtype, copy=True) for part in state)
        self._theta, self._moments = theta, Moments(*moments)
        self._trained = {k: v.requires_grad_() for k, v in self._views(theta).items()}
        constants = self.model.constants([lane.job.model for lane in lanes])
        self._constants = {name: value.to(device) for name, value in constants.items()}
        self._running = torch.ones(len(lanes), 1, dtype=torch.bool, device=device)
        self._taken = torch.tensor([[lane.step] for lane in lanes], device=device)
        self._now = torch.zeros(1, dtype=torch.int64, device=device)
        self._standstill = torch.tensor(STANDSTILL, dtype=setup.dtype, device=device)
        self._coefficients = self._standstill.repeat(AHEAD, len(lanes), 1)
        self._inputs = setup.table.inputs.to(device)
        self._labels = setup.table.labels.to(device)
        # on a CPU a look at the mask costs less than the pass that it may spare
        self._peeks = device.type == "cpu" and self.PEEKS
        self._chosen = self._upcoming_rows(1 if setup.batch_size is None else AHEAD)
        self._full = None if setup.batch_size else self._batch_of(self._chosen[0])
        self._program = self._make_program()

    def advance(self, steps: int) -> None:
        """Take some steps of every network, without waiting for them to be done."""
        for first in range(0, steps, AHEAD):
            ahead = min(AHEAD, steps - first)
            self._prepare(ahead)
            self._program.run(ahead)
            for lane in self.lanes:
                lane.step += ahead

    @property
    def lanes(self) -> list[Lane]:
        """Networks in training, slot by slot."""
        return [lane for lane in self.slots if lane is not None]

    @property
    def free(self) -> list[int]:
        """Empty slots."""
        return [i for i, lane in enumerate(self.slots) if lane is None]

    def parameters(self, slots: Sequence[int]) -> Parameters:
        """Weights and constants of some slots, detached; of all of them without a copy."""
        tensors = {name: v.detach() for name, v in (self._trained | self._constants).items()}
        every = list(slots) == list(range(len(self.slots)))
        return tensors if every else {name: value[list(slots)] for name, value in tensors.items()}

    def state(self, slots: Sequence[int]) -> State:
        """A copy of the state of some slots."""
        parts = (self._theta, self._moments.exp_avg, self._moments.exp_avg_sq)
        return tuple(part[list(slots)] for part in parts)

    def leave(self, slots: Sequence[int]) -> None:
        """Empty some slots."""
        for slot in slots:
            self.slots[slot] = None
        self._running[list(slots)] = False

    def enter(self, slots: Sequence[int], lanes: Sequence[Lane], state: State) -> None:
        """Put networks into empty slots."""
        where = list(slots)
        for slot, lane in zip(where, lanes, strict=True):
            self.slots[slot] = lane
        parts = (self._theta, self._moments.exp_avg, self._moments.exp_avg_sq)
        for part, value in zip(parts, state, strict=True):
            part[where] = value.to(part)
        for name, value in self.model.constants([lane.job.model for lane in lanes]).items():
            self._constants[name][where] = value.to(self._constants[name])
        self._taken[where] = torch.tensor([[lane.step] for lane in lanes]).to(self._taken)
        self._running[where] = True
        if self._full is not None:
            self._replace_rows(where, lanes, self._full)

    def take_held(self) -> list[Divergence]:
        """Empty the slots of networks that are no longer finite, and say where it began."""
        running = self._running.flatten().tolist()
        held = [i for i, lane in enumerate(self.slots) if lane is not None and not running[i]]
        found = [self._diagnosis(slot) for slot in held]
        self.leave(held)
        return found

    def _make_program(self) -> Program:
        moments = self._moments
        state = [self._theta, moments.exp_avg, moments.exp_avg_sq]
        return Program(self._step, [*state, self._running, self._taken, self._now])

    def _step(self) -> None:
        rows, labels = self._full or self._batch_of(self._take(self._chosen))
        loss, gradients = self._loss_and_gradients(self._trained, self._constants, rows, labels)
        with torch.no_grad():
            flat = torch.cat([gradient.flatten(1) for gradient in gradients], 1)
            finite = torch.isfinite(loss) & torch.isfinite(flat.sum(1))
            self._running &= finite.unsqueeze(1)
            now = torch.where(self._running, self._take(self._coefficients), self._standstill)
            if not (self._peeks and bool(self._running.all())):
                flat.masked_fill_(~self._running, 0)
            self._moments.update(self._theta, flat, now)
            self._taken += self._running
            self._now += 1

    def _loss_and_gradients(
        self, trained: Parameters, constants: Parameters, rows: Rows, labels: Tensor
    ) -> tuple[Float[Tensor, " model"], tuple[Tensor, ...]]:
        with multiplied_in(self._setup.matmul_precision, labels.device):
            logits = self.model.readout(trained | constants, rows)
            loss = self._setup.loss(logits, labels)
            return loss.detach(), torch.autograd.grad(loss.sum(), list(trained.values()))

    def _take(self, upcoming: Tensor) -> Tensor:
        return upcoming.index_select(0, self._now).squeeze(0)

    def _prepare(self, ahead: int) -> None:
        """Lay out what the next steps need beside the state."""
        occupied = [i for i, lane in enumerate(self.slots) if lane is not None]
        settings, steps = zip(*((n.job.optimizer, n.step) for n in self.lanes), strict=True)
        upcoming = coefficients(settings, steps, ahead).to(self._coefficients)
        self._coefficients[:ahead, occupied] = upcoming
        if self._full is None:
            self._chosen[:ahead] = self._upcoming_rows(ahead)
        self._now.zero_()

    def _upcoming_rows(self, ahead: int) -> Int[Tensor, "ahead slot row"]:
        """Rows of the next steps; an empty slot sees those of the first network."""
        lanes = [lane or self.lanes[0] for lane in self.slots]
        chosen = [
            torch.stack([lane.batches.at(lane.step + i) for i in range(ahead)]) for lane in lanes
        ]
        return torch.stack(chosen, 1).to(self._theta.device)

    def _batch_of(self, chosen: Int[Tensor, "slot row"]) -> tuple[Rows, Int[Tensor, "slot row"]]:
        return Rows(self._inputs[chosen]), self._labels[chosen]

    def _replace_rows(
        self, where: list[int], lanes: Sequence[Lane], full: tuple[Rows, Tensor]
    ) -> None:
        chosen = torch.stack([lane.batches.at(0) for lane in lanes]).to(self._theta.device)
        rows, labels = full
        labels[where] = self._labels[chosen]
        rows.replace(where, self._inputs[chosen])

    def _diagnosis(self, slot: int) -> Divergence:
        lane = self.slots[slot]
        assert lane is not None
        lane.step = int(self._taken[slot])
        chosen = lane.batches.at(lane.step).unsqueeze(0).to(self._theta.device)
        one = {name: v[slot : slot + 1].detach() for name, v in self._trained.items()}
        constants = {name: value[slot : slot + 1] for name, value in self._constants.items()}
        rows, labels = self._batch_of(chosen)
        leaves = {name: value.clone().requires_grad_() for name, value in one.items()}
        _, gradients = self._loss_and_gradients(leaves, constants, rows, labels)
        named = dict(zip(one, gradients, strict=True))
        tensor = first_bad_tensor(self.model, one | constants, rows.inputs, named)
        return Divergence(index=lane.job.index, step=lane.step, tensor=tensor)

    def _views(self, flat: Float[Tensor, "model parameter"]) -> Parameters:
        return views(flat, self._shapes)


def views(flat: Float[Tensor, "model parameter"], shapes: Shapes) -> Parameters:
    """The named parameters within a flat tensor."""
    sizes = [torch.Size(shape).numel() for shape in shapes.values()]
    columns = flat.detach().split(sizes, 1)
    pairs = zip(shapes.items(), columns, strict=True)
    return {name: column.view(len(flat), *shape) for (name, shape), column in pairs}
