"""A stack: a fixed number of slots whose networks step together.

Everything that a step touches is a tensor that stays where it is, and no step waits to see a value:
a network that is no longer finite is held by a mask and found later. So a step can be recorded, and
a network can enter a slot without a new recording. All parameters lie in one flat
tensor, so that the optimizer is a handful of calls.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from grokscope.engine.adamw import Alike, FusedSteps, alike
from grokscope.engine.answers import Answers, merged
from grokscope.engine.capture import Memory, Program
from grokscope.engine.divergence import first_bad_tensor
from grokscope.engine.job import Divergence, Lane, Setup
from grokscope.engine.optimizer import Optimizer
from grokscope.engine.precision import multiplied_in
from grokscope.engine.state import State, views
from grokscope.engine.update import Update
from grokscope.models import Parameters, Rows
from grokscope.tasks import Table

AHEAD = 64
"""Steps whose coefficients and rows are prepared at once."""

Batch = tuple[Rows, Answers]


class Stack:
    """Slots for networks of one shape; an empty slot is stepped too, and held by the mask."""

    AT_ONCE = False
    """Move all networks at once, as on a GPU, instead of those that are alike together."""

    def __init__(
        self,
        setup: Setup,
        update: Update,
        lanes: Sequence[Lane],
        state: State,
        merged_rows: int | None = None,
        memory: Memory | None = None,
    ) -> None:
        self._setup, self._update, self._merged_rows = setup, update, merged_rows
        self.model = lanes[0].job.model.stack_key()
        self.slots: list[Lane | None] = list(lanes)
        self.kind = lanes[0].job.stack_kind(setup)
        device = torch.device(setup.device)
        # copies: a step writes in place
        self._state = {name: part.to(device, copy=True) for name, part in state.items()}
        self._theta = theta = self._state["theta"]
        self._trained = {k: v.requires_grad_() for k, v in views(theta, update.shapes).items()}
        constants = self.model.constants([lane.job.model for lane in lanes])
        self._constants = {name: value.to(device) for name, value in constants.items()}
        self._own = update.own(*_settings_and_seeds(lanes), theta)
        self._running = torch.ones(len(lanes), 1, dtype=torch.bool, device=device)
        # float64: torch's fused AdamW takes no integers
        taken = [[lane.step] for lane in lanes]
        self._taken = torch.tensor(taken, dtype=torch.float64, device=device)
        self._now = torch.zeros(1, dtype=torch.int64, device=device)
        self._standstill = update.standstill(theta)
        self._coefficients = self._standstill.repeat(AHEAD, len(lanes), 1)
        self._alike: Iterator[Alike] = iter(())
        self._inputs = inputs_on(setup.table, device, setup.dtype)
        self._labels, targets = setup.table.shown.to(device), setup.table.targets
        self._targets = None if targets is None else targets.to(device, setup.dtype)
        self._gradient = torch.zeros_like(theta, requires_grad=False)
        self._at_once = device.type != "cpu" or self.AT_ONCE or not update.has_kernel
        self._chosen = self._upcoming_rows(1 if setup.batch_size is None else AHEAD)
        self._full = None if setup.batch_size else self._full_batch_of(self._chosen[0])
        self._program = self._make_program(memory)

    def get_ready(self, steps: int) -> None:
        """Make ready for so many steps; not in several threads at once."""
        if self._program.is_worth_recording(steps):
            self._prepare(1)
            self._program.record()

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
        return {name: part[list(slots)] for name, part in self._state.items()}

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
        for name, part in self._state.items():
            part[where] = state[name].to(part)
        for name, value in self.model.constants([lane.job.model for lane in lanes]).items():
            self._constants[name][where] = value.to(self._constants[name])
        for name, value in self._update.own(*_settings_and_seeds(lanes), self._theta).items():
            self._own[name][where] = value
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

    def _make_program(self, memory: Memory | None) -> Program:
        written = [*self._state.values(), self._gradient, self._running, self._taken, self._now]
        if self._at_once:
            return Program(self._step_at_once, written, memory=memory)
        fused = FusedSteps(self._state, self._gradient, self._taken.squeeze(1))
        return Program(self._find_gradient_alone, written, partial(self._move_alike, fused), memory)

    def _step_at_once(self) -> None:
        now = self._coefficients.index_select(0, self._now).squeeze(0)
        key = self._key()
        self._find_gradient(now, key)
        with torch.no_grad():
            now = torch.where(self._running, now, self._standstill)
            gradient = self._gradient.masked_fill_(~self._running, 0)
            self._update.move(self._state, gradient, now, self._own, key)

    def _find_gradient_alone(self) -> None:
        self._find_gradient(None, self._key())

    def _key(self) -> Int[Tensor, " slot"] | None:
        """Of this step's random numbers, where it draws any."""
        if self.model.needs_noise or self._update.draws_noise:
            return self._update.keys(self._own, self._taken)
        return None

    def _find_gradient(self, now: Tensor | None, key: Int[Tensor, " slot"] | None) -> None:
        """The gradient of every network, and which of them are finite."""
        batch = self._full or self._batch_of(self._take(self._chosen))
        trained, constants = self._trained, self._constants
        if key is not None:
            trained = trained if now is None else self._update.noisy(trained, key, now)
            constants = constants | ({"noise_key": key} if self.model.needs_noise else {})
        loss, gradients = self._loss_and_gradients(trained, constants, batch)
        with torch.no_grad():
            flat = torch.cat([part.flatten(1) for part in gradients], 1, out=self._gradient)
            finite = torch.isfinite(loss) & torch.isfinite(flat.sum(1))
            self._running &= finite.unsqueeze(1)
            self._taken += self._running
            self._now += 1

    @torch.no_grad()
    def _move_alike(self, fused: FusedSteps) -> None:
        """Move the networks that are finite; not recorded, since it looks at a value."""
        networks, running = next(self._alike), self._running.flatten().tolist()
        if not all(running):
            left = {own: [i for i in some if running[i]] for own, some in networks.items()}
            networks = {own: some for own, some in left.items() if some}
        fused.move(networks)

    def _loss_and_gradients(
        self, trained: Parameters, constants: Parameters, batch: Batch
    ) -> tuple[Float[Tensor, " model"], tuple[Tensor, ...]]:
        rows, answers = batch
        with multiplied_in(self._setup.matmul_precision, rows.inputs.device):
            logits = self.model.readout(trained | constants, rows)
            loss = self._setup.loss(logits, answers)
            return loss.detach(), torch.autograd.grad(loss.sum(), list(trained.values()))

    def _take(self, upcoming: Tensor) -> Tensor:
        return upcoming.index_select(0, self._now).squeeze(0)

    def _prepare(self, ahead: int) -> None:
        """Lay out what the next steps need beside the state."""
        occupied = [i for i, lane in enumerate(self.slots) if lane is not None]
        settings, steps = zip(*((n.job.optimizer, n.step) for n in self.lanes), strict=True)
        if not self._at_once:
            self._alike = self._alike_ahead(ahead)
        else:
            upcoming = self._update.coefficients(settings, steps, ahead).to(self._coefficients)
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

    def _alike_ahead(self, ahead: int) -> Iterator[Alike]:
        """Which networks are alike at each of the next steps; after warm-up always the same."""
        settings = [None if lane is None else lane.job.optimizer for lane in self.slots]
        steps = [0 if lane is None else lane.step for lane in self.slots]
        warm = max(n.job.optimizer.warmup_steps - n.step for n in self.lanes)
        now: Alike = {}
        for i in range(ahead):
            if i <= max(warm, 0):
                now = alike(settings, [step + i for step in steps])
            yield now

    def _batch_of(self, chosen: Int[Tensor, "slot row"]) -> Batch:
        targets = None if self._targets is None else self._targets[chosen]
        answers = Answers.plain(self._labels[chosen], self._setup.loss.dtype, targets)
        return Rows(self._inputs[chosen]), answers

    def _full_batch_of(self, chosen: Int[Tensor, "slot row"]) -> Batch:
        if self._merged_rows is None:
            return self._batch_of(chosen)
        rows, answers = merged(
            self._inputs[chosen], self._labels[chosen], self._merged_rows, self._setup.loss.dtype
        )
        return Rows(rows), answers

    def _replace_rows(self, where: list[int], lanes: Sequence[Lane], full: Batch) -> None:
        chosen = torch.stack([lane.batches.at(0) for lane in lanes]).to(self._theta.device)
        (rows, answers), (fresh, fresh_answers) = full, self._full_batch_of(chosen)
        answers.replace(where, fresh_answers)
        rows.replace(where, fresh.inputs)

    def _diagnosis(self, slot: int) -> Divergence:
        lane = self.slots[slot]
        assert lane is not None
        lane.step = int(self._taken[slot])
        chosen = lane.batches.at(lane.step).unsqueeze(0).to(self._theta.device)
        one = {name: v[slot : slot + 1].detach() for name, v in self._trained.items()}
        constants = {name: value[slot : slot + 1] for name, value in self._constants.items()}
        batch = self._batch_of(chosen)
        leaves = {name: value.clone().requires_grad_() for name, value in one.items()}
        _, gradients = self._loss_and_gradients(leaves, constants, batch)
        named = dict(zip(one, gradients, strict=True))
        tensor = first_bad_tensor(self.model, one | constants, batch[0].inputs, named)
        return Divergence(index=lane.job.index, step=lane.step, tensor=tensor)


def inputs_on(table: Table, device: torch.device, dtype: torch.dtype) -> Shaped[Tensor, "row slot"]:
    """A table's rows where networks of this type are; tokens stay whole numbers."""
    return table.inputs.to(device, dtype) if table.is_real else table.inputs.to(device)


def _settings_and_seeds(lanes: Sequence[Lane]) -> tuple[list[Optimizer], list[int]]:
    return [lane.job.optimizer for lane in lanes], [lane.job.seed for lane in lanes]
