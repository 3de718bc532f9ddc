"""Exact resume: stop anywhere, restore into a fresh population, end with the same bits."""

from collections.abc import Callable

import pytest
import torch

from engine.populations import (
    DEEP,
    MLP,
    NANDA,
    POWER,
    ZHONG,
    Network,
    World,
    same,
    trained,
    weights,
)
from grokscope.engine import AdamW, Population
from grokscope.models import Model

MODELS: dict[str, Model] = {
    "nanda2023": NANDA,
    "zhong2023": ZHONG,
    "mlp": MLP,
    "power2022": POWER,
    "deep": DEEP,
}


def networks(model: Model, count: int = 3) -> list[Network]:
    return [Network(model=model, seed=s, optimizer=AdamW(lr=1e-3 * (s + 1))) for s in range(count)]


def stored(population: Population) -> tuple[dict[str, dict[str, torch.Tensor]], list[int]]:
    """What a resume point holds; copies, as after a trip to the disk."""
    groups = population.checkpoint(range(len(population.lanes)))
    copies = {g: {k: v.clone() for k, v in tensors.items()} for g, tensors in groups.items()}
    return copies, [lane.job.index for lane in population.lanes]


def restored(population: Population, make: Callable[[], Population]) -> Population:
    """A fresh population in the state of another."""
    groups, indices = stored(population)
    fresh = make()
    fresh.restore(groups, indices=indices, waiting=population.waiting)
    return fresh


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("batch_size", [None, 16])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_thirty_steps_are_thirteen_and_seventeen(
    name: str, batch_size: int | None, dtype: torch.dtype
):
    world = World(dtype=dtype, batch_size=batch_size)

    def make() -> Population:
        return world.population(networks(MODELS[name]))

    whole = trained(make(), 30)
    parts = trained(restored(trained(make(), 13), make), 17)
    assert parts.steps == [30, 30, 30]
    assert all(same(weights(whole, i), weights(parts, i)) for i in range(3))


@pytest.mark.parametrize("batch_size", [None, 16])
@pytest.mark.parametrize("stop", [3, 10, 11, 25])
def test_a_queue_goes_on_where_it_stopped(batch_size: int | None, stop: int):
    world = World(dtype=torch.float32, batch_size=batch_size, capacity=2)

    def make() -> Population:
        return world.population(networks(ZHONG, count=5))

    def advance(population: Population, steps: int) -> Population:
        for _ in range(steps):
            population.step()
            population.retire({lane.job.index for lane in population.lanes if lane.step == 10})
        return population

    whole = advance(make(), 28)
    parts = advance(restored(advance(make(), stop), make), 28 - stop)
    assert [lane.job.index for lane in whole.lanes] == [4]
    assert [lane.job.index for lane in parts.lanes] == [4]
    assert whole.steps == parts.steps
    assert same(weights(whole, 0), weights(parts, 0))


def test_a_checkpoint_of_one_lane_is_a_fork_that_trains_on_alone():
    world, pair = World(), networks(ZHONG)
    stack = trained(world.population(pair), 5)
    fork = world.population([pair[1]])
    fork.restore(stack.checkpoint([1]), indices=[0], waiting=[])
    assert same(weights(fork, 0), weights(stack, 1))
    trained(fork, 5)
    straight = trained(world.population([pair[1]]), 10)
    for name, value in weights(straight, 0).items():
        assert torch.allclose(weights(fork, 0)[name], value, rtol=1e-10, atol=1e-13)


def test_a_checkpoint_holds_weights_moments_step_and_seed_of_its_lanes():
    population = trained(World().population(networks(ZHONG)), 4)
    groups = population.checkpoint([2, 0])
    trained_names = set(groups["model"]) - {"attention_rate"}
    moments = {f"{m}/{n}" for m in ("exp_avg", "exp_avg_sq") for n in trained_names}
    assert set(groups["optim"]) == moments | {"step"}
    assert groups["optim"]["step"].tolist() == [4, 4]
    assert groups["rng"]["seed"].tolist() == [2, 0]
    for name in trained_names:
        assert torch.equal(groups["model"][name][0], weights(population, 2)[name])
        assert groups["optim"][f"exp_avg/{name}"].shape == groups["model"][name].shape


def test_stepping_on_does_not_change_a_checkpoint_of_some_lanes():
    population = trained(World().population(networks(ZHONG)), 2)
    groups = population.checkpoint([0])
    before = {name: value.clone() for name, value in groups["model"].items()}
    trained(population, 2)
    assert same(before, groups["model"])
