"""Neighbours don't matter: a network in a stack takes the steps that it takes alone."""

from dataclasses import replace

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
    distance,
    same,
    trained,
    weights,
)
from grokscope.engine import AdamW
from grokscope.models import Model

# three layers double a rounding error in every step at the second network's learning rate
TWO_LAYERS = replace(DEEP, n_layers=2)
MODELS: dict[str, Model] = {
    "nanda2023": NANDA,
    "zhong2023": ZHONG,
    "mlp": MLP,
    "power2022": POWER,
    "deep": TWO_LAYERS,
}
STEPS = 20


def three(model: Model) -> list[Network]:
    """Three networks that differ in everything that may differ."""
    scaled = replace(model, init_scale=1.5)
    mixed = replace(model, attention_rate=0.3) if model in (NANDA, ZHONG, TWO_LAYERS) else model
    return [
        Network(model=model, seed=1),
        Network(model=scaled, seed=2, optimizer=AdamW(lr=3e-3, weight_decay=0.0)),
        Network(model=mixed, seed=3, optimizer=AdamW(beta1=0.5, eps=1e-6, warmup_steps=0)),
    ]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("batch_size", [None, 16])
def test_a_stack_of_three_is_three_single_runs_in_float64(name: str, batch_size: int | None):
    networks, world = three(MODELS[name]), World(batch_size=batch_size)
    stack = trained(world.population(networks), STEPS)
    for i, network in enumerate(networks):
        alone = trained(world.population([network]), STEPS)
        assert distance(weights(stack, i), weights(alone, 0)) < 1e-10


@pytest.mark.parametrize("name", MODELS)
def test_in_float32_each_step_from_the_same_state_agrees_to_1e_6(name: str):
    """Per step: over many steps float32 trajectories part, as they do between two machines."""
    networks, world = three(MODELS[name]), World(dtype=torch.float32)
    stack = world.population(networks)
    singles = [world.population([network]) for network in networks]
    for _ in range(STEPS):
        for i, single in enumerate(singles):
            single.restore(stack.checkpoint([i]), indices=[0], waiting=[])
        trained(stack, 1)
        for i, single in enumerate(singles):
            assert distance(weights(stack, i), weights(trained(single, 1), 0)) < 1e-6


@pytest.mark.parametrize("name", MODELS)
def test_in_float32_the_first_twenty_steps_agree_to_1e_4(name: str):
    networks, world = three(MODELS[name]), World(dtype=torch.float32)
    stack = trained(world.population(networks), STEPS)
    for i, network in enumerate(networks):
        alone = trained(world.population([network]), STEPS)
        assert distance(weights(stack, i), weights(alone, 0)) < 1e-4


@pytest.mark.parametrize(
    "changed",
    [
        Network(seed=2, optimizer=AdamW(lr=1e-2)),
        Network(seed=2, optimizer=AdamW(weight_decay=9.0)),
        Network(seed=2, optimizer=AdamW(beta2=0.5)),
        Network(seed=2, optimizer=AdamW(warmup_steps=0)),
        Network(seed=2, model=replace(ZHONG, init_scale=0.5)),
        Network(seed=2, model=replace(ZHONG, attention_rate=0.0)),
        Network(seed=7),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_setting_acts_on_its_own_lane_and_leaves_the_others_bit_identical(
    changed: Network, dtype: torch.dtype
):
    """Bit-identical, since a stack of the same shape runs the same kernels on every lane."""
    world = World(dtype=dtype)
    before = trained(world.population([Network(seed=s) for s in (1, 2, 3)]), 8)
    after = trained(world.population([Network(seed=1), changed, Network(seed=3)]), 8)
    assert same(weights(before, 0), weights(after, 0))
    assert same(weights(before, 2), weights(after, 2))
    assert distance(weights(after, 1), weights(before, 1)) > 1e-4


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("batch_size", [None, 16])
def test_the_same_population_twice_is_bit_identical(name: str, batch_size: int | None):
    world = World(dtype=torch.float32, batch_size=batch_size)
    one, other = (trained(world.population(three(MODELS[name])), STEPS) for _ in range(2))
    assert all(same(weights(one, i), weights(other, i)) for i in range(3))
    assert not same(weights(one, 0), weights(one, 1))


def test_the_global_generator_changes_nothing():
    torch.manual_seed(1)
    one = trained(World(batch_size=16).population([Network()]), 5)
    torch.manual_seed(2)
    other = trained(World(batch_size=16).population([Network()]), 5)
    assert same(weights(one, 0), weights(other, 0))


def test_the_init_scale_multiplies_every_initial_weight():
    one, scaled = (
        World().population([Network(model=replace(ZHONG, init_scale=scale))])
        for scale in (1.0, 2.5)
    )
    plain, large = weights(one, 0), weights(scaled, 0)
    for name in set(plain) - {"attention_rate"}:
        assert torch.allclose(large[name], 2.5 * plain[name], rtol=1e-6)
