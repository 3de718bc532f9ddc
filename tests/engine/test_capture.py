"""Steps without Python: what is recorded must be all there is to a step.

Where there is no GPU, the step is recorded as the list of its tensor operations and only these are
run again, on the same tensors. Whatever a step decided in Python, read from a tensor, or kept in
another place than the recorded one would show as other weights than those of ordinary steps.
"""

import gc
import sys
import warnings
from collections.abc import Callable
from itertools import count

import pytest
import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

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
from grokscope.models import CausalDecoder, DenseMLP, Model, OneLayerTransformer

MODELS: dict[str, Model] = {
    "nanda2023": NANDA,
    "zhong2023": ZHONG,
    "mlp": MLP,
    "power2022": POWER,
    "deep": DEEP,
}
NARROW = OneLayerTransformer(d_model=8, n_heads=2)
"""With more outputs than its stream is wide, so that W_out is not multiplied into W_U first."""
ALL_PATHS: dict[str, Model] = MODELS | {
    "narrow": NARROW,
    "dense": DenseMLP(d_hidden=12),
    "squares": DenseMLP(d_hidden=12, n_hidden_layers=1, activation="square", bias=False),
    "gpt2": CausalDecoder(d_model=8, n_heads=2, equals_token=True),
    "rotary": CausalDecoder(
        d_model=8, n_heads=2, positions="rotary", norm="rms", activation="swiglu", unembed="tokens"
    ),
    "sinusoidal": CausalDecoder(d_model=8, positions="sinusoidal", norm_place="post"),
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
@pytest.mark.parametrize(
    ("dtype", "at_once"),
    [
        (torch.float32, True),
        pytest.param(torch.float64, False, marks=pytest.mark.slow),
        pytest.param(torch.float32, False, marks=pytest.mark.slow),
        pytest.param(torch.float64, True, marks=pytest.mark.slow),
    ],
)
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


def test_a_step_that_torch_script_refuses_is_called():
    halves, bits = torch.full((3,), 0.5), torch.zeros(3, dtype=torch.int32)

    def step() -> None:
        halves.mul_(2)
        bits.copy_(halves.view(torch.int32))

    program = capture.Program(step, [halves, bits])
    with pytest.warns(UserWarning, match="not recorded, which makes them slower"):
        program.record()
    assert halves.tolist() == [0.5] * 3
    assert bits.tolist() == [0] * 3
    program.run(2)
    assert halves.tolist() == [2.0] * 3
    assert torch.equal(bits, halves.view(torch.int32))


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


def test_stacks_share_memory_with_those_that_die_with_them(monkeypatch: pytest.MonkeyPatch):
    """Torch accepts no memory again whose recordings have all died."""
    handles = count()
    monkeypatch.setattr(population, "shared_memory", lambda _: (0, next(handles)))
    monkeypatch.setattr(population, "stack_sizes", lambda n, *_: [1] * n)
    some = World().population(networks(MLP))
    assert [own._program._memory for own in some.stacks] == [(0, 0)] * 4
    some.retire({0, 1})
    assert [own._program._memory for own in some.stacks] == [(0, 1)] * 2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device here")
def test_a_graph_is_recorded_after_all_before_it_have_died():
    for _ in range(2):
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # steps that are not recorded
            trained(World(device="cuda").population(networks(MLP)), 3)
        gc.collect()


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


@pytest.mark.parametrize("name", ALL_PATHS)
@pytest.mark.parametrize("batch_size", [None, 16])
def test_no_step_waits_to_see_a_value(
    name: str, batch_size: int | None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stack.Stack, "AT_ONCE", True)
    some = trained(World(batch_size=batch_size).population(networks(ALL_PATHS[name])), 1)
    with Waits() as waits:
        some.stacks[0].advance(3)
    assert waits.seen == []


def test_the_watch_for_waiting_sees_one():
    with Waits() as waits:
        bool(torch.ones(3).all())
    assert waits.seen


def tensors(tree: object) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


def elsewhere(name: str, batch_size: int | None) -> stack.Stack:
    """A stack on a device other than the CPU, after a first step; it computes nothing there."""
    world = World(batch_size=batch_size, device="meta")
    (only,) = world.population(networks(ALL_PATHS[name])).stacks
    only.advance(1)
    return only


class Devices(TorchDispatchMode):
    """Notes every operation that has to do with another device than the one that is named."""

    def __init__(self, device: str) -> None:
        super().__init__()
        self.device = device
        self.strangers: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        if any(one.device.type != self.device for one in tensors((args, kwargs, found))):
            self.strangers.append(str(func))
        return found


@pytest.mark.parametrize("name", ALL_PATHS)
@pytest.mark.parametrize("batch_size", [None, 16])
def test_no_step_has_to_do_with_another_device(name: str, batch_size: int | None):
    """A CUDA graph would copy from the same place again, whatever is there by then."""
    program = elsewhere(name, batch_size)._program
    with Devices("meta") as devices:
        program.run(1)
    assert devices.strangers == []


def test_the_watch_for_other_devices_sees_one():
    with Devices("meta") as devices:
        torch.eye(3).to("meta")
    assert devices.strangers


class Reads(TorchDispatchMode):
    """Notes what is read that was there before, without keeping it."""

    def __init__(self) -> None:
        super().__init__()
        self.before: dict[int, StorageWeakRef] = {}
        self.made: dict[int, StorageWeakRef] = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        for ref in self._refs((args, kwargs)):
            if ref.cdata not in self.made:
                self.before.setdefault(ref.cdata, ref)
        found = func(*args, **(kwargs or {}))
        for ref in self._refs(found):
            if ref.cdata not in self.before:
                self.made.setdefault(ref.cdata, ref)
        return found

    def _refs(self, tree: object) -> list[StorageWeakRef]:
        return [StorageWeakRef(one.untyped_storage()) for one in tensors(tree)]

    @property
    def lost(self) -> int:
        """How much of it is no longer there."""
        gc.collect()
        return sum(ref.expired() for ref in self.before.values())


def forget() -> None:
    """Drop what any cache of limited size may drop at any time."""
    modules = [module for name, module in sys.modules.items() if name.startswith("grokscope")]
    for function in [value for module in modules for value in vars(module).values()]:
        if hasattr(function, "cache_parameters") and function.cache_parameters()["maxsize"]:
            function.cache_clear()


@pytest.mark.parametrize("name", ALL_PATHS)
@pytest.mark.parametrize("batch_size", [None, 16])
def test_all_that_a_step_reads_stays(name: str, batch_size: int | None):
    """A CUDA graph does not keep it."""
    only = elsewhere(name, batch_size)
    with Reads() as reads:
        only._program.run(1)
    forget()
    assert reads.before
    assert reads.lost == 0


def test_the_watch_for_what_is_lost_sees_it():
    gone = torch.ones(3, device="meta")
    with Reads() as reads:
        gone + 1
    assert reads.lost == 0
    del gone
    assert reads.lost == 1
