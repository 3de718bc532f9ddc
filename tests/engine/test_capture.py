"""Steps without Python: what a CUDA graph replays must be all there is to a step.

Where there is no GPU, the step is recorded as the list of its tensor operations and only these are
run again, on the same tensors. Whatever a step decided in Python, read from a tensor, or kept in
another place than the recorded one would show as other weights than those of ordinary steps.
"""

from collections.abc import Callable, Sequence

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._python_dispatch import TorchDispatchMode

from engine.populations import (
    MLP,
    NANDA,
    POWER,
    ZHONG,
    Network,
    World,
    distance,
    drain,
    same,
    trained,
    weights,
)
from grokscope.engine import AdamW, Population, stack
from grokscope.engine.capture import Program
from grokscope.models import Model

MODELS: dict[str, Model] = {"nanda2023": NANDA, "zhong2023": ZHONG, "mlp": MLP, "power2022": POWER}
WILD = Network(seed=2, optimizer=AdamW(lr=1e200, warmup_steps=0, weight_decay=0.0))


def networks(model: Model, count: int = 4) -> list[Network]:
    return [Network(model=model, seed=s, optimizer=AdamW(lr=1e-3 * (s + 1))) for s in range(count)]


class Recorded(Program):
    """A program that runs recorded operations, as a CUDA graph does."""

    recordings = 0

    def __init__(self, step: Callable[[], None], written: Sequence[torch.Tensor]) -> None:
        super().__init__(step, written)
        self._wants_capture = True

    def _record(self) -> Callable[[], object]:
        Recorded.recordings += 1
        self._step()  # what is made once is made now
        graph = make_fx(lambda: (self._step(), torch.zeros(()))[1])()
        return torch.no_grad()(graph)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch):
    Recorded.recordings = 0
    monkeypatch.setattr(stack, "Program", Recorded)
    monkeypatch.setattr(stack.Stack, "PEEKS", False)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # recording is not for several threads at once
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("name", MODELS)
def test_replayed_steps_are_the_steps(name: str, recorded: None, monkeypatch: pytest.MonkeyPatch):
    replayed = trained(World().population(networks(MODELS[name])), 20)
    monkeypatch.setattr(stack, "Program", Program)
    stepped = trained(World().population(networks(MODELS[name])), 20)
    assert Recorded.recordings == len(replayed.stacks)
    assert all(same(weights(replayed, i), weights(stepped, i)) for i in range(4))


@pytest.mark.parametrize("name", MODELS)
def test_steps_that_may_look_at_values_agree_with_those_that_may_not(
    name: str, monkeypatch: pytest.MonkeyPatch
):
    """Two kernels of the optimizer: one for each network alike, one for all under a mask."""
    seen = trained(World().population(networks(MODELS[name])), 20)
    monkeypatch.setattr(stack.Stack, "PEEKS", False)
    blind = trained(World().population(networks(MODELS[name])), 20)
    assert all(distance(weights(seen, i), weights(blind, i)) < 1e-10 for i in range(4))


def test_networks_enter_and_leave_without_a_new_capture(
    recorded: None, monkeypatch: pytest.MonkeyPatch
):
    def finished() -> dict[int, dict[str, torch.Tensor]]:
        return drain(World(capacity=4).population(networks(MLP, 16)), 6)

    replayed, recordings = finished(), Recorded.recordings
    monkeypatch.setattr(stack, "Program", Program)
    stepped = finished()
    assert all(same(replayed[i], stepped[i]) for i in range(16))
    assert recordings == 1


def test_a_network_that_diverges_is_held_by_the_replayed_steps_too(recorded: None):
    population = World().population([Network(seed=1), WILD, Network(seed=3)])
    population.advance(10)
    assert population.diverged == []
    population.settle()
    assert [bad.index for bad in population.diverged] == [1]
    assert 0 < population.diverged[0].step < 10
    assert population.steps == [10, 10]


class Waits(TorchDispatchMode):
    """Notes every operation for whose result a GPU's host would have to wait."""

    WAITING = ("_local_scalar_dense", "item", "nonzero", "unique", "bincount", "is_nonzero")

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if any(name.startswith(waiting) for waiting in self.WAITING):
            self.seen.append(name)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", MODELS)
def test_no_step_waits_to_see_a_value(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stack.Stack, "PEEKS", False)
    population: Population = trained(World().population(networks(MODELS[name])), 1)
    with Waits() as waits:
        population.stacks[0].advance(3)
    assert waits.seen == []


def test_the_watch_for_waiting_sees_one():
    with Waits() as waits:
        bool(torch.ones(3).all())
    assert waits.seen
