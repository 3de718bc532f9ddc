"""A network that is no longer finite leaves alone; its neighbours never notice."""

import pytest
import torch

from engine.populations import POWER, ZHONG, Network, World, distance, drain, trained, weights
from grokscope.engine import AdamW, Population
from grokscope.engine.divergence import first_bad_tensor

WILD = Network(seed=2, optimizer=AdamW(lr=1e200, warmup_steps=0, weight_decay=0.0))
CALM = [Network(seed=1), Network(seed=3)]


def poisoned(world: World, networks: list[Network], tensor: str, step: int) -> Population:
    """A population whose second network gets a NaN into one weight after some steps."""
    population = trained(world.population(networks), step)
    groups = population.checkpoint(range(len(networks)))
    groups["model"][tensor][1].view(-1)[3] = torch.nan
    population.restore(groups, indices=range(len(networks)), waiting=population.waiting)
    return population


@pytest.mark.parametrize("tensor", ["W_E", "b_in", "W_U"])
def test_step_and_first_bad_tensor_are_named(tensor: str):
    population = poisoned(World(), [CALM[0], WILD, CALM[1]], tensor, step=0)
    trained(population, 3)
    (bad,) = population.diverged
    assert (bad.index, bad.step, bad.tensor) == (1, 0, tensor)
    assert [lane.job.index for lane in population.lanes] == [0, 2]
    assert population.steps == [3, 3]


@pytest.mark.parametrize("batch_size", [None, 16])
def test_the_neighbours_train_as_if_it_had_never_been_there(batch_size: int | None):
    """To rounding: a stack of two may run other matrix kernels than a stack of three."""
    world = World(batch_size=batch_size)
    networks = [CALM[0], Network(seed=2), CALM[1]]
    population = trained(poisoned(world, networks, "W_in", step=4), 10)
    without = trained(world.population(CALM), 14)
    assert [bad.index for bad in population.diverged] == [1]
    for lane in range(2):
        assert distance(weights(population, lane), weights(without, lane)) < 1e-10


def test_up_to_the_step_that_diverges_the_neighbours_are_bit_identical():
    world = World(dtype=torch.float32)
    networks = [CALM[0], Network(seed=2), CALM[1]]
    healthy = trained(world.population(networks), 5)
    population = trained(poisoned(world, networks, "W_in", step=4), 1)
    for ours, theirs in ((0, 0), (1, 2)):
        assert distance(weights(population, ours), weights(healthy, theirs)) == 0


def test_a_learning_rate_beyond_reason_freezes_its_network_alone():
    population = trained(World().population([CALM[0], WILD, CALM[1]]), 5)
    assert [bad.index for bad in population.diverged] == [1]
    assert population.diverged[0].step > 0
    assert all(torch.isfinite(value).all() for value in population.parameters().values())


def test_a_population_that_diverges_entirely_ends_empty():
    population = trained(World().population([WILD, WILD]), 1)
    while population.lanes:
        population.step()
    assert sorted(bad.index for bad in population.diverged) == [0, 1]
    assert population.waiting == []


@pytest.mark.parametrize("capacity", [1, 2])
def test_a_diverged_network_leaves_its_slot_to_the_next_job(capacity: int):
    networks = [WILD, *CALM]
    finished = drain(World(capacity=capacity).population(networks), 6)
    assert sorted(finished) == [1, 2]
    for i, network in enumerate(CALM, start=1):
        alone = trained(World().population([network]), 6)
        assert distance(finished[i], weights(alone, 0)) < 1e-10


def look(changes: dict[str, float], gradients: dict[str, torch.Tensor] | None = None) -> str:
    """The first bad tensor of a network whose weights are set to some values."""
    population = World().population([Network(model=ZHONG)])
    params = population.parameters() | {}
    for name, value in changes.items():
        params[name] = torch.full_like(params[name], value)
    return first_bad_tensor(
        population.model, params, population.setup.table.inputs[None], gradients or {}
    )


def test_an_activation_that_overflows_is_named_before_what_follows_it():
    assert look({"W_in": 1e300, "W_pos": 1e10}) == "pre"
    assert look({"W_out": 1e300, "b_in": 1e10}) == "mlp_out"


def test_a_bad_gradient_is_named_when_all_values_are_finite():
    gradients = {"W_E": torch.zeros(1), "W_O": torch.tensor([torch.nan])}
    assert look({}, gradients) == "gradient of W_O"


def test_masked_scores_are_no_divergence():
    population = World().population([Network()])
    causal = World().population([Network()]).model
    assert look({}) == "loss"
    inputs = population.setup.table.inputs[None]
    assert first_bad_tensor(causal, population.parameters(), inputs, {}) == "loss"
    layers = World().population([Network(model=POWER)])
    assert first_bad_tensor(POWER, layers.parameters(), inputs, {}) == "loss"
