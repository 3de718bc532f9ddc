"""Steps without Python: what is recorded must be all there is to a step.

Where there is no GPU, the step is recorded as the list of its tensor operations and only these are
run again, on the same tensors. Whatever a step decided in Python, read from a tensor, or kept in
another place than the recorded one would show as other weights than those of ordinary steps.
"""

from collections.abc import Callable

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from engine.populations import (
    DEEP,
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
from grokscope.engine import AdamW, MatmulPrecision, capture, population, stack
from grokscope.models import Model

MODELS: dict[str, Model] = {
    "nanda2023": NANDA,
    "zhong2023": ZHONG,
    "mlp": MLP,
    "power2022": POWER,
    "deep": DEEP,
}
RAGING = AdamW(lr=1e200, warmup_steps=0, weight_decay=0.0)
WILD = {name: Network(model=model, seed=2, optimizer=RAGING) for name, model in MODELS.items()}


def networks(model: Model, count: int = 4) -> list[Network]:
    return [Network(model=model, seed=s, optimizer=AdamW(lr=1e-3 * (s + 1))) for s in range(count)]


@pytest.fixture
def recordings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Steps are recorded at once; a list of what was recorded so far."""
    made: list[str] = []
    record = capture._torch_script

    def noted(step: Callable[[], None]) -> Callable[[], object]:
        program = record(step)
        made.append("program")
        return program

    monkeypatch.setattr(capture, "PATIENCE", 0)
    monkeypatch.setattr(capture, "_torch_script", noted)
    return made


def plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on no step is recorded."""
    monkeypatch.setattr(capture, "PATIENCE", 10**9)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("batch_size", [None, 16])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("at_once", [False, True])
def test_recorded_steps_are_the_steps(
    name: str,
    batch_size: int | None,
    dtype: torch.dtype,
    at_once: bool,
    recordings: list[str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(stack.Stack, "AT_ONCE", at_once)
    world = World(batch_size=batch_size, dtype=dtype)
    replayed = trained(world.population(networks(MODELS[name])), 20)
    assert len(recordings) == len(replayed.stacks)
    plainly(monkeypatch)
    stepped = trained(world.population(networks(MODELS[name])), 20)
    assert len(recordings) == len(replayed.stacks)
    assert all(same(weights(replayed, i), weights(stepped, i)) for i in range(4))


@pytest.mark.parametrize("precision", ["tf32", "bf16"])
def test_rounded_factors_are_recorded_too(
    precision: MatmulPrecision, recordings: list[str], monkeypatch: pytest.MonkeyPatch
):
    world = World(dtype=torch.float32, matmul_precision=precision)
    replayed = trained(world.population(networks(MLP)), 20)
    plainly(monkeypatch)
    stepped = trained(world.population(networks(MLP)), 20)
    exact = trained(World(dtype=torch.float32).population(networks(MLP)), 20)
    assert all(same(weights(replayed, i), weights(stepped, i)) for i in range(4))
    assert not any(same(weights(replayed, i), weights(exact, i)) for i in range(4))


@pytest.mark.parametrize("name", MODELS)
def test_the_optimizer_of_a_gpu_takes_the_same_steps(name: str, monkeypatch: pytest.MonkeyPatch):
    """There all networks are moved at once, under a mask; on a CPU those that are alike."""
    jobs = [*networks(MODELS[name], 3), WILD[name]]
    alike = World().population(jobs)
    monkeypatch.setattr(stack.Stack, "AT_ONCE", True)
    at_once = World().population(jobs)
    for some in (alike, at_once):
        some.advance(12)
        some.settle()
    assert [bad.step for bad in alike.diverged] == [bad.step for bad in at_once.diverged] != []
    assert all(distance(weights(alike, i), weights(at_once, i)) < 1e-10 for i in range(3))


def test_a_step_is_recorded_once_it_is_worth_it(
    recordings: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(capture, "PATIENCE", 10)
    population = trained(World().population(networks(MLP)), 10)
    assert not recordings
    trained(population, 5)
    assert len(recordings) == len(population.stacks)


def test_a_step_that_cannot_be_recorded_is_taken_with_a_warning(monkeypatch: pytest.MonkeyPatch):
    def refuse(step: Callable[[], None]) -> Callable[[], object]:
        step()
        raise RuntimeError("no such operation")

    monkeypatch.setattr(capture, "_torch_script", refuse)
    monkeypatch.setattr(capture, "PATIENCE", 0)
    with pytest.warns(UserWarning, match="not recorded, which makes them slower: no such"):
        called = trained(World().population(networks(MLP)), 5)
    plainly(monkeypatch)
    stepped = trained(World().population(networks(MLP)), 5)
    assert all(same(weights(called, i), weights(stepped, i)) for i in range(4))


def test_networks_enter_and_leave_without_a_new_recording(
    recordings: list[str], monkeypatch: pytest.MonkeyPatch
):
    def finished() -> dict[int, dict[str, torch.Tensor]]:
        return drain(World(capacity=4).population(networks(MLP, 16)), 6)

    monkeypatch.setattr(population, "stack_sizes", lambda n, *_: [n])
    replayed = finished()
    assert len(recordings) == 1
    plainly(monkeypatch)
    stepped = finished()
    assert all(same(replayed[i], stepped[i]) for i in range(16))


def test_a_network_that_diverges_is_held_by_recorded_steps_too(recordings: list[str]):
    some = World().population([Network(seed=1), WILD["zhong2023"], Network(seed=3)])
    some.advance(10)
    assert some.diverged == []
    some.settle()
    assert [bad.index for bad in some.diverged] == [1]
    assert 0 < some.diverged[0].step < 10
    assert some.steps == [10, 10]


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
    monkeypatch.setattr(stack.Stack, "AT_ONCE", True)
    some = trained(World().population(networks(MODELS[name])), 1)
    with Waits() as waits:
        some.stacks[0].advance(3)
    assert waits.seen == []


def test_the_watch_for_waiting_sees_one():
    with Waits() as waits:
        bool(torch.ones(3).all())
    assert waits.seen
