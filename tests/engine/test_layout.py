"""How networks are laid out in stacks, and that no result depends on it."""

from collections.abc import Callable

import pytest
import torch

from engine.populations import MLP, ZHONG, Network, World, distance, same, trained, weights
from grokscope.engine import AdamW, capture, layout, population
from grokscope.engine.layout import CACHE_BYTES, stack_sizes
from grokscope.models import Model

CPU = torch.device("cpu")
NETWORKS = [Network(model=MLP, seed=s, optimizer=AdamW(lr=1e-3 * (s + 1))) for s in range(7)]


@pytest.mark.parametrize("n_lanes", [1, 2, 3, 5, 64, 1000])
@pytest.mark.parametrize("threads", [1, 2, 16])
@pytest.mark.parametrize("share", [0.001, 0.3, 3])
def test_every_network_has_a_slot_and_stacks_are_even(n_lanes: int, threads: int, share: float):
    sizes = stack_sizes(n_lanes, int(share * CACHE_BYTES), CPU, threads)
    assert sum(sizes) == n_lanes
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) >= 1


def test_stacks_fit_the_cache_and_go_round_among_the_threads():
    assert stack_sizes(64, CACHE_BYTES // 8, CPU, 2) == [8] * 8
    assert stack_sizes(64, CACHE_BYTES // 1000, CPU, 2) == [32, 32]
    assert stack_sizes(6, 10 * CACHE_BYTES, CPU, 2) == [1] * 6


def test_too_few_networks_to_go_round_share_one_stack_and_all_threads():
    assert stack_sizes(1, CACHE_BYTES, CPU, 2) == [1]
    assert stack_sizes(5, CACHE_BYTES, CPU, 4) == [5]
    assert stack_sizes(3, 1, CPU, 2) == [2, 1]


def test_on_a_gpu_a_stack_is_split_where_memory_does_not_hold_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(layout, "free_bytes", lambda device: 1000)
    gpu = torch.device("meta")  # any device but the CPU
    assert stack_sizes(10, 100, gpu, 1) == [10]
    assert stack_sizes(10, 101, gpu, 1) == [5, 5]
    assert stack_sizes(10, 350, gpu, 1) == [3, 3, 2, 2]
    assert stack_sizes(2, 5000, gpu, 1) == [1, 1]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("batch_size", [None, 16])
def test_no_network_depends_on_the_stacks(
    size: int, batch_size: int | None, monkeypatch: pytest.MonkeyPatch
):
    world = World(batch_size=batch_size)
    together = trained(world.population(NETWORKS), 10)
    monkeypatch.setattr(
        population, "stack_sizes", lambda n, *_: [size] * (n // size) + [n % size] * (n % size > 0)
    )
    apart = trained(world.population(NETWORKS), 10)
    assert len(apart.stacks) == -(-7 // size)
    for i in range(7):
        assert distance(weights(apart, i), weights(together, i)) < 1e-10


def test_threads_step_stacks_to_the_same_bits_as_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(population, "stack_sizes", lambda *_: [2, 2, 2, 1])
    before = torch.get_num_threads()
    results = []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        some = World(dtype=torch.float32).population(NETWORKS)
        torch.set_num_threads(1)
        results.append(trained(some, 20))
    torch.set_num_threads(before)
    assert all(same(weights(results[0], i), weights(results[1], i)) for i in range(7))


def test_what_stays_is_laid_out_afresh_once_too_much_is_empty(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(population, "stack_sizes", lambda n, *_: [2] * (n // 2) + [1] * (n % 2))
    some = trained(World().population(NETWORKS), 3)
    kept = [weights(some, i) for i in range(7)]
    some.retire({1, 4})
    assert [lane.job.index for lane in some.lanes] == [0, 2, 3, 5, 6]
    assert some.layout == [[0, 2], [3, 5], [6]]
    assert all(same(weights(some, i), kept[k]) for i, k in enumerate([0, 2, 3, 5, 6]))
    trained(some, 4)
    for i, k in enumerate([0, 2, 3, 5, 6]):
        alone = trained(World().population([NETWORKS[k]]), 7)
        assert distance(weights(some, i), weights(alone, 0)) < 1e-10


@pytest.mark.parametrize("model", [MLP, ZHONG], ids=["mlp", "zhong2023"])
@pytest.mark.parametrize("batch_size", [None, 16])
def test_empty_slots_do_nothing_and_are_taken_again(model: Model, batch_size: int | None):
    """As on a GPU, where closing up costs a new capture and gaps are kept for a while."""
    networks = [Network(model=model, seed=s) for s in range(6)]
    world = World(batch_size=batch_size, capacity=4)
    some = trained(world.population(networks[:4]), 3)
    stack = some.stacks[0]
    state = stack.state([1])
    stack.leave([1])
    stack.advance(5)
    assert same(stack.state([1]), state)
    newcomer = world.population([networks[5]])
    stack.enter([1], newcomer.lanes, newcomer.stacks[0].state([0]))
    stack.advance(6)
    alone = trained(world.population([networks[5]]), 6)
    ours = {name: value[0] for name, value in stack.parameters([1]).items()}
    assert distance(ours, weights(alone, 0)) < 1e-10
    assert newcomer.lanes[0].step == 6


def test_a_stored_layout_comes_back_gaps_included():
    some = trained(World().population(NETWORKS[:3]), 2)
    groups = some.checkpoint(range(3))
    fresh = World().population(NETWORKS[:3])
    fresh.restore(groups, [0, 1, 2], [], layout=[[0, -1, 2], [1]])
    assert fresh.layout == [[0, -1, 2], [1]]
    assert all(same(weights(fresh, i), weights(some, i)) for i in range(3))
    trained(fresh, 5)
    trained(some, 5)
    assert all(distance(weights(fresh, i), weights(some, i)) < 1e-10 for i in range(3))


def memory_for(n_slots: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let recording fail halfway for stacks of more; the sizes that were tried."""
    tried: list[int] = []
    record = capture._torch_script

    def limited(step: Callable[[], None]) -> Callable[[], object]:
        some = step.__self__  # pyright: ignore[reportFunctionMemberAccess]
        tried.append(len(some.slots))
        if len(some.slots) > n_slots:
            some._theta.mul_(2.0)
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return record(step)

    monkeypatch.setattr(capture, "PATIENCE", 0)
    monkeypatch.setattr(capture, "_torch_script", limited)
    monkeypatch.setattr(population, "stack_sizes", lambda n, *_: [n])
    return tried


def test_a_stack_that_does_not_fit_is_split_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch):
    together = trained(World().population(NETWORKS), 10)
    tried = memory_for(2, monkeypatch)
    some = trained(World().population(NETWORKS), 10)
    assert tried[:2] == [7, 4]
    assert some.layout == [[0, 1], [2, 3], [4, 5], [6]]
    assert all(distance(weights(some, i), weights(together, i)) < 1e-10 for i in range(7))


def test_a_network_that_does_not_fit_alone_is_an_error(monkeypatch: pytest.MonkeyPatch):
    tried = memory_for(0, monkeypatch)
    with pytest.raises(torch.OutOfMemoryError):
        World().population(NETWORKS).advance(1)
    assert tried == [7, 4, 2, 1]


def test_as_many_networks_train_at_once_as_memory_holds(monkeypatch: pytest.MonkeyPatch):
    whole = World().population(NETWORKS)
    assert whole.capacity == 7
    monkeypatch.setattr(population, "free_bytes", lambda device: 60_000)
    some = World().population(NETWORKS)
    assert 1 <= some.capacity < 7
    assert len(some.lanes) == some.capacity
    assert len(some.waiting) == 7 - some.capacity
